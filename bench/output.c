/* SPDX-License-Identifier: MIT */
/* output.c - what a run took, for people and for programs. */
#include <stdio.h>

#include "driver.h"

/* The members that every result has. */
json_t *usage_to_json(const struct request *request,
                      const struct impl *impl, const struct usage *usage)
{
    double ops = usage->ops > 0 ? (double)usage->ops : 1.0;
    json_t *json = json_pack(
        "{s:s, s:s, s:s?, s:s, s:o, s:I, s:f, s:f, s:f, s:f, s:f}",
        "command", request->command->name,
        "impl", impl->name,
        "port", impl->port != NULL ? impl->port() : NULL,
        "cpus", request->cpus.text,
        "parameters", json_object(),
        "ops", (json_int_t)usage->ops,
        "seconds", usage->seconds,
        "ns_per_op", 1e9 * usage->seconds / ops,
        "cpu_ns_per_op", 1e9 * usage->cpu_seconds / ops,
        "voluntary_switches_per_op", usage->voluntary / ops,
        "involuntary_switches_per_op", usage->involuntary / ops);

    add_parameters(json_object_get(json, "parameters"), request);
    return json;
}

void print_json(json_t *json)
{
    json_dumpf(json, stdout, JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(json);
}
