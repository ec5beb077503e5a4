/*
 * program.c - whether a program can have a library preloaded.
 *
 * Idea
 *   Nobody says so where LD_PRELOAD has no effect.  So the file is looked
 *   at before it is executed: its privileges, and which dynamic linker it
 *   asks for, if any.  Scripts, and files that cannot be read, are taken
 *   for fit.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "program.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define NAME_SIZE 256

static int try(const char *path)
{
    struct stat file;

    if (stat(path, &file) != 0)
        return errno;
    if (!S_ISREG(file.st_mode))
        return EACCES;
    return access(path, X_OK) == 0 ? 0 : errno;
}

/* One folder of a search path, which begins at folder and ends before end. */
static int try_in(const char *folder, const char *end, const char *name,
                  char *path, size_t size)
{
    bool here = folder == end;
    int length = snprintf(path, size, "%.*s/%s", here ? 1 : (int)(end - folder),
                          here ? "." : folder, name);

    return length < (int)size ? try(path) : ENAMETOOLONG;
}

static int search(const char *folders, const char *name, char *path,
                  size_t size)
{
    int worst = ENOENT;

    for (;;) {
        const char *end = folders + strcspn(folders, ":");
        int result = try_in(folders, end, name, path, size);

        if (result == 0)
            return 0;
        if (result == EACCES)
            worst = EACCES;
        if (*end == '\0')
            return worst;
        folders = end + 1;
    }
}

int ppt__program_find(const char *name, char *path, size_t size)
{
    const char *folders = getenv("PATH");

    if (*name == '\0')
        return ENOENT;
    if (strchr(name, '/') == NULL)
        return search(folders != NULL ? folders : "/bin:/usr/bin", name,
                      path, size);
    if (strlen(name) >= size)
        return ENAMETOOLONG;
    strcpy(path, name);
    return try(path);
}

/* It gets rights that its caller has not: then the linker is careful. */
static bool is_privileged(const char *path)
{
    struct stat file;

    if (stat(path, &file) != 0)
        return false;
    return ((file.st_mode & S_ISUID) && file.st_uid != getuid())
           || ((file.st_mode & S_ISGID) && (file.st_mode & S_IXGRP)
               && file.st_gid != getgid())
           || (getuid() != 0
               && getxattr(path, "security.capability", NULL, 0) > 0);
}

static bool is_native(const ElfW(Ehdr) *header)
{
    const int ours = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;

    return header->e_ident[EI_CLASS] == ours
           && header->e_phentsize == sizeof(ElfW(Phdr));
}

static bool is_elf(FILE *file, ElfW(Ehdr) *header)
{
    return fread(header, sizeof *header, 1, file) == 1
           && memcmp(header->e_ident, ELFMAG, SELFMAG) == 0;
}

/* The file name of the dynamic linker that it asks for; false: of none. */
static bool linker(FILE *file, const ElfW(Ehdr) *header, char *name)
{
    char path[NAME_SIZE] = "";
    const char *slash;
    ElfW(Phdr) segment;
    int i;

    for (i = 0; i < header->e_phnum; i++) {
        if (fseek(file, (long)(header->e_phoff + i * sizeof segment),
                  SEEK_SET) != 0
            || fread(&segment, sizeof segment, 1, file) != 1)
            return false;
        if (segment.p_type == PT_INTERP)
            break;
    }
    if (i == header->e_phnum
        || fseek(file, (long)segment.p_offset, SEEK_SET) != 0
        || fread(path, 1, sizeof path - 1, file) == 0)
        return false;
    slash = strrchr(path, '/');
    strcpy(name, slash != NULL ? slash + 1 : path);
    return true;
}

static bool linker_of(const char *path, char *name)
{
    ElfW(Ehdr) header;
    FILE *file = fopen(path, "re");
    bool found = file != NULL && is_elf(file, &header)
                 && is_native(&header) && linker(file, &header, name);

    if (file != NULL)
        fclose(file);
    return found;
}

static const char *refuses(FILE *file)
{
    char theirs[NAME_SIZE], ours[NAME_SIZE];
    ElfW(Ehdr) header;

    if (!is_elf(file, &header))
        return NULL;
    if (!is_native(&header))
        return "it is a program for another kind of machine";
    if (!linker(file, &header, theirs))
        return "it is statically linked, and nothing can be preloaded";
    if (linker_of("/proc/self/exe", ours) && strcmp(theirs, ours) != 0)
        return "it has another C library, or is for another machine";
    return NULL;
}

const char *ppt__program_refuses(const char *path)
{
    const char *reason = NULL;
    FILE *file;

    if (is_privileged(path))
        return "it gets the rights of another user, group or capability, "
               "and nothing is preloaded then";
    file = fopen(path, "re");
    if (file != NULL) {
        reason = refuses(file);
        fclose(file);
    }
    return reason;
}
