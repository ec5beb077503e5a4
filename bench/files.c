/*
 * files.c - a whole program: a reader walks a directory and cuts each file
 * into blocks, workers checksum and compress them, a collector puts the
 * results in order.  Two bounded queues of the chosen implementation lie
 * between.  An operation is one block.
 *
 * SPDX-License-Identifier: MIT
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <zlib.h>

#include "driver.h"

enum { BLOCK_SIZE = 16384 };

struct block {
    size_t number;
    size_t length;
    size_t packed;           /* its length when compressed */
    uint32_t checksum;
    unsigned char data[BLOCK_SIZE];
};

struct entry {               /* what the collector keeps of a block */
    size_t length;
    size_t packed;
    uint32_t checksum;
};

struct summary {
    size_t files;
    size_t skipped;          /* unreadable files and directories */
    size_t bytes;
    size_t packed;
    uint32_t digest;
};

struct files {
    const struct queue_ops *ops;
    const char *directory;
    void *blocks;            /* from the reader to the workers */
    void *results;           /* from the workers to the collector */
    unsigned workers;
    unsigned working;        /* atomic: workers that have not finished */
    size_t n_blocks;         /* the reader's */
    struct summary *summary;
};

static void *check_memory(void *memory)
{
    if (memory == NULL) {
        fputs("pptbench files: out of memory\n", stderr);
        exit(FAILED);
    }
    return memory;
}

static void read_file(struct files *files, const char *path)
{
    FILE *file = fopen(path, "rb");
    struct block *block;

    if (file == NULL) {
        files->summary->skipped++;
        return;
    }
    files->summary->files++;
    for (;;) {
        block = check_memory(malloc(sizeof *block));
        block->length = fread(block->data, 1, BLOCK_SIZE, file);
        if (block->length == 0)
            break;
        block->number = files->n_blocks++;
        files->ops->put(files->blocks, block);
    }
    free(block);
    fclose(file);
}

static int not_dots(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0
        && strcmp(entry->d_name, "..") != 0;
}

/* Read what is below path, sorted by name; follow no symbolic link. */
static void read_directory(struct files *files, const char *path)
{
    struct dirent **entries;
    int n = scandir(path, &entries, not_dots, alphasort);
    char child[PATH_MAX];
    struct stat status;

    if (n < 0) {
        files->summary->skipped++;
        return;
    }
    for (int i = 0; i < n; i++) {
        int length = snprintf(child, sizeof child, "%s/%s", path,
                              entries[i]->d_name);

        free(entries[i]);
        if (length >= (int)sizeof child || lstat(child, &status) != 0)
            files->summary->skipped++;
        else if (S_ISDIR(status.st_mode))
            read_directory(files, child);
        else if (S_ISREG(status.st_mode))
            read_file(files, child);
    }
    free(entries);
}

static void pack_blocks(struct files *files)
{
    unsigned char *packed = check_memory(malloc(compressBound(BLOCK_SIZE)));
    struct block *block;

    while ((block = files->ops->get(files->blocks)) != NULL) {
        uLongf length = compressBound(BLOCK_SIZE);

        block->checksum = (uint32_t)crc32(0, block->data,
                                          (uInt)block->length);
        compress2(packed, &length, block->data, block->length,
                  Z_BEST_SPEED);
        block->packed = length;
        files->ops->put(files->results, block);
    }
    free(packed);
    if (__atomic_sub_fetch(&files->working, 1, __ATOMIC_ACQ_REL) == 0)
        files->ops->close(files->results);
}

/* The digest depends on the blocks in the reader's order only. */
static void sum_up(const struct entry *entries, size_t n,
                   struct summary *summary)
{
    uLong digest = crc32(0, NULL, 0);
    char line[80];

    for (size_t i = 0; i < n; i++) {
        int length = snprintf(line, sizeof line, "%zu %zu %08x\n",
                              entries[i].length, entries[i].packed,
                              (unsigned)entries[i].checksum);

        digest = crc32(digest, (const Bytef *)line, (uInt)length);
        summary->bytes += entries[i].length;
        summary->packed += entries[i].packed;
    }
    summary->digest = (uint32_t)digest;
}

static size_t collect(struct files *files)
{
    struct entry *entries = NULL;
    size_t capacity = 0;
    size_t n = 0;
    struct block *block;

    while ((block = files->ops->get(files->results)) != NULL) {
        if (block->number >= capacity) {
            capacity = 2 * block->number + 1024;
            entries = check_memory(
                realloc(entries, capacity * sizeof *entries));
        }
        entries[block->number] = (struct entry){
            block->length, block->packed, block->checksum
        };
        free(block);
        n++;
    }
    sum_up(entries, n, files->summary);
    free(entries);
    return n;
}

static void files_init(void *state, const struct params *params)
{
    struct files *files = state;

    files->ops = params->queue_ops;
    files->directory = params->directory;
    files->workers = files->working = params->workers;
    files->blocks = files->ops->create(params->capacity);
    files->results = files->ops->create(params->capacity);
    files->summary = params->summary;
}

static void files_destroy(void *state)
{
    struct files *files = state;

    files->ops->destroy(files->results);
    files->ops->destroy(files->blocks);
}

/* Thread 0 reads, the last one collects, those between work. */
static void files_work(void *state, struct worker *worker)
{
    struct files *files = state;

    if (worker->index == 0) {
        read_directory(files, files->directory);
        files->ops->close(files->blocks);
    } else if (worker->index <= files->workers) {
        pack_blocks(files);
    } else {
        worker->done = collect(files);
    }
}

static const struct loop files_loop = {
    sizeof(struct files), files_init, files_work, NULL, files_destroy
};

static void print_text(const struct request *request,
                       const struct impl *impl, const struct usage *usage,
                       const struct summary *summary)
{
    printf("files   %-22s cpus %-5s %zu files (%zu skipped), %llu blocks, "
           "%zu bytes to %zu, digest %08x, %.3f s\n",
           impl->name, request->cpus.text, summary->files, summary->skipped,
           (unsigned long long)usage->ops, summary->bytes, summary->packed,
           (unsigned)summary->digest, usage->seconds);
}

static void add_summary(json_t *json, const struct summary *summary)
{
    char digest[9];
    json_t *members;

    snprintf(digest, sizeof digest, "%08x", (unsigned)summary->digest);
    members = json_pack("{s:I, s:I, s:I, s:I, s:s}",
                        "files", (json_int_t)summary->files,
                        "skipped", (json_int_t)summary->skipped,
                        "bytes", (json_int_t)summary->bytes,
                        "packed", (json_int_t)summary->packed,
                        "digest", digest);
    json_object_update(json, members);
    json_decref(members);
}

int files_command(const struct request *request, const struct impl *impl)
{
    struct params params = request->params;
    struct summary summary = { 0 };
    struct usage usage;
    json_t *json;

    params.queue_ops = impl->files;
    params.summary = &summary;
    run_loop(&files_loop, request, &params, &usage, NULL, 0);
    if (!request->json) {
        print_text(request, impl, &usage, &summary);
        return 0;
    }
    json = usage_to_json(request, impl, &usage);
    add_summary(json, &summary);
    print_json(json);
    return 0;
}
