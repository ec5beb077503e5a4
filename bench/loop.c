/* SPDX-License-Identifier: MIT */
/* loop.c - the commands that run one loop once. */
#include <stdio.h>
#include <string.h>

#include "driver.h"

static void print_text(const struct request *request,
                       const struct impl *impl, const struct usage *usage)
{
    double ops = usage->ops > 0 ? (double)usage->ops : 1.0;

    printf("%-9s %-22s cpus %-5s %11.1f ns/%s  %11.1f ns CPU  "
           "%6.2f switches", request->command->name, impl->name,
           request->cpus.text, 1e9 * usage->seconds / ops,
           request->command->op, 1e9 * usage->cpu_seconds / ops,
           usage->voluntary / ops);
    if (strcmp(request->command->name, "lock") == 0)
        printf("  fairness %.3f", usage->fairness);
    putchar('\n');
}

int loop_command(const struct request *request, const struct impl *impl)
{
    const char *noun = (const char *)impl + request->command->noun;
    const struct loop *loop = *(const struct loop *const *)noun;
    struct usage usage;
    json_t *json;

    run_loop(loop, request, &request->params, &usage, NULL, 0);
    if (!request->json) {
        print_text(request, impl, &usage);
        return 0;
    }
    json = usage_to_json(request, impl, &usage);
    if (strcmp(request->command->name, "lock") == 0)
        json_object_set_new(json, "fairness", json_real(usage.fairness));
    print_json(json);
    return 0;
}
