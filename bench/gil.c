/*
 * gil.c - the columns of PythonPlus's giltest: e, the throughput of
 * two CPU-bound threads over that of one, and the pairs per second of a
 * producer and a consumer, alone and beside one and two CPU-bound threads.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>

#include "driver.h"

enum { BESIDE = 3 };     /* none, one and two CPU-bound threads */

struct columns {
    double e;
    double bytecodes;        /* per second, of one thread alone */
    double pairs[BESIDE];    /* per second */
    double share[BESIDE];    /* of bytecodes that the others still got */
};

/* Run pairs (0 or 1) beside hogs; return the rates per second of both. */
static void measure(const struct request *request, const struct impl *impl,
                    unsigned pairs, unsigned hogs, struct usage *usage,
                    double *pair_rate, double *bytecode_rate)
{
    struct params params = request->params;
    uint64_t done[2 + BESIDE] = { 0 };

    params.pairs = pairs;
    params.hogs = hogs;
    run_loop(impl->gil, request, &params, usage, done, 2 + BESIDE);
    *pair_rate = *bytecode_rate = 0.0;
    for (unsigned k = 0; k < 2 * pairs + hogs; k++)
        *(k < 2 * pairs ? pair_rate : bytecode_rate)
            += (double)done[k] / usage->seconds;
}

static void print_text(const struct request *request,
                       const struct impl *impl, const struct columns *c)
{
    printf("gil     %-22s cpus %-5s policy %-8s  e %.3f  pairs/s %.0f, "
           "beside 1: %.0f (leaves %.0f %%), beside 2: %.0f "
           "(leaves %.0f %%); %.1f ns/bytecode\n",
           impl->name, request->cpus.text, request->params.policy, c->e,
           c->pairs[0], c->pairs[1], 100.0 * c->share[1], c->pairs[2],
           100.0 * c->share[2], 1e9 / c->bytecodes);
}

static void add_columns(json_t *json, const struct columns *c)
{
    json_t *columns = json_pack(
        "{s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "e", c->e,
        "bytecodes_per_s", c->bytecodes, "pairs_per_s", c->pairs[0],
        "pairs_per_s_beside_1", c->pairs[1],
        "pairs_per_s_beside_2", c->pairs[2],
        "share_left_beside_1", c->share[1],
        "share_left_beside_2", c->share[2]);

    json_object_update(json, columns);
    json_decref(columns);
}

int gil_command(const struct request *request, const struct impl *impl)
{
    struct columns c;
    struct usage usage, alone;
    double none, rate;
    json_t *json;

    measure(request, impl, 0, 1, &usage, &none, &c.bytecodes);
    measure(request, impl, 0, 2, &usage, &none, &rate);
    c.e = rate / c.bytecodes;
    measure(request, impl, 1, 0, &alone, &c.pairs[0], &none);
    for (unsigned hogs = 1; hogs < BESIDE; hogs++) {
        measure(request, impl, 1, hogs, &usage, &c.pairs[hogs], &rate);
        c.share[hogs] = rate / c.bytecodes;
    }
    if (!request->json) {
        print_text(request, impl, &c);
        return 0;
    }
    json = usage_to_json(request, impl, &alone);
    add_columns(json, &c);
    print_json(json);
    return 0;
}
