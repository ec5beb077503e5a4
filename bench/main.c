/*
 * pptbench - this library's condition, lock, semaphore, barrier and gil, and
 * those of others, in the same loops.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "driver.h"

static unsigned one(const struct params *params)
{
    (void)params;
    return 1;
}

static unsigned two(const struct params *params)
{
    (void)params;
    return 2;
}

static unsigned by_threads(const struct params *params)
{
    return params->threads;
}

static unsigned by_threads_and_one(const struct params *params)
{
    return params->threads + 1;
}

static unsigned by_producers(const struct params *params)
{
    return params->producers;
}

static unsigned producers_and_consumers(const struct params *params)
{
    return params->producers + params->consumers;
}

static unsigned pairs_and_hogs(const struct params *params)
{
    return 2 * params->pairs + params->hogs;
}

static unsigned reader_workers_collector(const struct params *params)
{
    return params->workers + 2;
}

static void list_impl(const struct impl *impl)
{
    printf("%-22s %-58s", impl->name, impl->about);
    for (const struct command *c = commands; c->name != NULL; c++)
        if (c->noun != 0 && impl_serves(impl, c))
            printf(" %s", c->name);
    putchar('\n');
}

static json_t *impl_to_json(const struct impl *impl)
{
    json_t *nouns = json_array();

    for (const struct command *c = commands; c->name != NULL; c++)
        if (c->noun != 0 && impl_serves(impl, c))
            json_array_append_new(nouns, json_string(c->name));
    return json_pack("{s:s, s:s, s:s?, s:o}", "impl", impl->name,
                     "about", impl->about, "port",
                     impl->port != NULL ? impl->port() : NULL,
                     "commands", nouns);
}

static int list_command(const struct request *request,
                        const struct impl *impl)
{
    (void)impl;
    for (int i = 0; impls[i] != NULL; i++) {
        if (request->json)
            print_json(impl_to_json(impls[i]));
        else
            list_impl(impls[i]);
    }
    for (int i = 0; absents[i].name != NULL; i++)
        fprintf(stderr, "%s: not installed (%s), left out\n",
                absents[i].name, absents[i].package);
    return 0;
}

#define NOUN(noun) offsetof(struct impl, noun)

const struct command commands[] = {
    { "pair", "A producer and a consumer hand items over through one slot.",
      "icnsjh", "item", NOUN(pair), two, one, loop_command,
      { .seconds = 1.0 } },
    { "queue", "Producers and consumers share a bounded queue.",
      "PCqicnsjh", "item", NOUN(queue), producers_and_consumers,
      by_producers, loop_command,
      { .seconds = 1.0, .producers = 1, .consumers = 1, .capacity = 64 } },
    { "signal", "One thread signals a condition that nobody waits for.",
      "icnsjh", "signal", NOUN(signal), one, one, loop_command,
      { .seconds = 1.0 } },
    { "lock", "Threads take and release one lock.",
      "tIOicnsjh", "hold", NOUN(lock), by_threads, by_threads, loop_command,
      { .seconds = 1.0, .threads = 1 } },
    { "semaphore", "Threads hand units on in a ring, or share them.",
      "tSuIOicnsjh", "unit", NOUN(semaphore), by_threads, by_threads,
      loop_command, { .seconds = 1.0, .threads = 2, .units = 1 } },
    { "barrier", "Threads meet at a barrier, round after round.",
      "ticnsjh", "round", NOUN(barrier), by_threads, one, loop_command,
      { .seconds = 1.0, .threads = 2 } },
    { "broadcast", "A thread wakes all others that wait for a condition.",
      "ticnsjh", "round", NOUN(broadcast), by_threads_and_one, one,
      loop_command, { .seconds = 1.0, .threads = 1000 } },
    { "gil", "CPU-bound threads and a pair share an interpreter's lock.",
      "picsjh", "pair", NOUN(gil), pairs_and_hogs, one, gil_command,
      { .seconds = 1.0, .policy = "ppt" } },
    { "files", "A reader, workers and a collector compress what is below DIR.",
      "dwqicjh", "block", NOUN(files), reader_workers_collector, one,
      files_command, { .items = 1 /* ends by itself */, .workers = 4,
                       .capacity = 64 } },
    { "idle", "One thread waits for a condition all the time.",
      "icsjh", "wait", NOUN(idle), one, one, loop_command,
      { .seconds = 10.0 } },
    { "list", "List the implementations and what each can do.",
      "jh", NULL, 0, NULL, NULL, list_command, { 0 } },
    { NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, { 0 } }
};

int main(int argc, char **argv)
{
    static struct request request;
    const struct command *command;

    parse_options(argc, argv, &request);
    command = request.command;
    if (request.impls[0] == NULL)
        return command->run(&request, NULL);
    for (int i = 0; request.impls[i] != NULL; i++) {
        int status = command->run(&request, request.impls[i]);

        if (status != 0)
            return status;
        fflush(stdout);
    }
    return ferror(stdout) ? FAILED : 0;
}
