/*
 * driver.h - the parts of pptbench and what passes between them.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPTBENCH_DRIVER_H
#define PPTBENCH_DRIVER_H

#include <jansson.h>

#include "bench.h"

enum { CPUS_MAX = 1024, IMPLS_MAX = 32 };

/* Exit statuses. */
enum { FAILED = 1, BAD_USAGE = 2 };

/* Thread k is pinned to id[k % n]; free where n is 0. */
struct cpus {
    int id[CPUS_MAX];
    unsigned n;
    const char *text;    /* as given */
};

/* What the command line asks for. */
struct request {
    const struct command *command;
    const struct impl *impls[IMPLS_MAX];
    struct cpus cpus;
    struct params params;
    bool json;
};

struct command {
    const char *name;
    const char *about;
    const char *options; /* the keys (options.c) of those it takes */
    const char *op;      /* what an operation is */
    size_t noun;         /* offset in struct impl of what it needs */
    unsigned (*threads)(const struct params *params);
    unsigned (*makers)(const struct params *params); /* share the items */
    int (*run)(const struct request *request, const struct impl *impl);
    struct params defaults;
};

/* What a run took. */
struct usage {
    double seconds;
    double cpu_seconds;
    double voluntary;    /* context switches */
    double involuntary;
    double fairness;     /* Jain's index over what the threads did */
    uint64_t ops;        /* what all threads did */
};

/* main.c */
extern const struct command commands[]; /* the last has no name */

/* impls.c */
extern const struct impl *const impls[]; /* ends with NULL */
struct absent { const char *name, *package; };
extern const struct absent absents[]; /* the last has no name */
bool impl_serves(const struct impl *impl, const struct command *command);

/* options.c: says what is wrong on stderr and exits, or returns. */
void parse_options(int argc, char **argv, struct request *request);
void add_parameters(json_t *json, const struct request *request);
_Noreturn void bad_usage(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/*
 * runner.c: run loop once.  Of the first n workers, done[k] gets what the
 * k-th did; done may be NULL.  Exits where threads cannot be had.
 */
void run_loop(const struct loop *loop, const struct request *request,
              const struct params *params, struct usage *usage,
              uint64_t *done, unsigned n);

/* output.c */
json_t *usage_to_json(const struct request *request,
                      const struct impl *impl, const struct usage *usage);
void print_json(json_t *json);

/* Commands. */
int loop_command(const struct request *request, const struct impl *impl);
int gil_command(const struct request *request, const struct impl *impl);
int files_command(const struct request *request, const struct impl *impl);

/* pin_*.c: what this system can do about CPUs. */
bool cpu_is_permitted(int cpu);
bool pin_self(int cpu);

#endif
