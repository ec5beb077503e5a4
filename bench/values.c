/* SPDX-License-Identifier: MIT */
/* values.c - the values of the command line's options. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "values.h"

static const char *const policies[] = { "ppt", "mutex", "interval", NULL };

void append(char *list, size_t size, const char *prefix, const char *word)
{
    size_t length = strlen(list);

    snprintf(list + length, size - length, "%s%s%s",
             length > 0 ? ", " : "", prefix, word);
}

unsigned long long parse_number(const char *name, const char *text,
                                unsigned long long min,
                                unsigned long long max)
{
    unsigned long long value;
    char *end;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0
            || value < min || value > max)
        bad_usage("--%s: '%s' is not a whole number from %llu to %llu",
                  name, text, min, max);
    return value;
}

double parse_seconds(const char *text)
{
    double value;
    char *end;

    value = strtod(text, &end);
    if (strspn(text, "0123456789.") != strlen(text) || *end != '\0'
            || !(value >= 0.2 && value <= 3600.0))
        bad_usage("--seconds: '%s' is not a number from 0.2 to 3600", text);
    return value;
}

static _Noreturn void bad_cpu(const char *text)
{
    char list[512] = "free";
    char word[16];

    for (int cpu = 0; cpu < CPUS_MAX; cpu++) {
        if (!cpu_is_permitted(cpu))
            continue;
        snprintf(word, sizeof word, "%d", cpu);
        append(list, sizeof list, "", word);
    }
    bad_usage("--cpus: '%s' does not list CPUs of this process; valid: %s",
              text, list);
}

void parse_cpus(const char *text, struct cpus *cpus)
{
    const char *next = text;

    cpus->text = text;
    cpus->n = 0;
    if (strcmp(text, "free") == 0)
        return;
    do {
        char *end;
        long first, last;

        if (*next < '0' || *next > '9')
            bad_cpu(text);
        first = last = strtol(next, &end, 10);
        if (*end == '-' && end[1] >= '0' && end[1] <= '9')
            last = strtol(end + 1, &end, 10);
        for (long cpu = first; cpu <= last; cpu++) {
            if (cpu >= CPUS_MAX || cpus->n == CPUS_MAX
                    || !cpu_is_permitted((int)cpu))
                bad_cpu(text);
            cpus->id[cpus->n++] = (int)cpu;
        }
        if ((*end != ',' && *end != '\0') || last < first)
            bad_cpu(text);
        next = end + 1;
        if (*end == '\0')
            return;
    } while (true);
}

const char *parse_policy(const char *text)
{
    for (int i = 0; policies[i] != NULL; i++)
        if (strcmp(policies[i], text) == 0)
            return policies[i];
    bad_usage("--policy: no policy '%s'; valid: ppt, mutex, interval", text);
}

static _Noreturn void bad_impl(const struct command *command,
                               const char *name, const char *problem)
{
    char list[512] = "all";

    for (int i = 0; impls[i] != NULL; i++)
        if (impl_serves(impls[i], command))
            append(list, sizeof list, "", impls[i]->name);
    bad_usage("--impl: '%s' %s; valid: %s", name, problem, list);
}

void add_impl(struct request *request, const char *name)
{
    const struct command *command = request->command;
    int n = 0;

    while (request->impls[n] != NULL)
        n++;
    if (n + 1 == IMPLS_MAX)
        bad_usage("--impl: more than %d", IMPLS_MAX - 1);
    for (int i = 0; impls[i] != NULL; i++) {
        if (strcmp(impls[i]->name, name) != 0)
            continue;
        if (!impl_serves(impls[i], command))
            bad_impl(command, name, "has none of its own");
        request->impls[n] = impls[i];
        return;
    }
    for (int i = 0; absents[i].name != NULL; i++)
        if (strcmp(absents[i].name, name) == 0)
            bad_impl(command, name,
                     "was not installed when pptbench was built");
    bad_impl(command, name, "is no implementation");
}

static void add_all_impls(struct request *request)
{
    const struct command *command = request->command;

    for (int i = 0; impls[i] != NULL; i++) {
        if (impl_serves(impls[i], command))
            add_impl(request, impls[i]->name);
        else
            fprintf(stderr, "%s: has no %s of its own, left out\n",
                    impls[i]->name, command->name);
    }
    for (int i = 0; absents[i].name != NULL; i++)
        fprintf(stderr, "%s: not installed (%s), left out\n",
                absents[i].name, absents[i].package);
}

void parse_impls(const char *text, struct request *request)
{
    const struct command *command = request->command;
    char names[512];
    char *name;

    memset(request->impls, 0, sizeof request->impls);
    if (strcmp(text, "all") == 0) {
        add_all_impls(request);
        return;
    }
    if (snprintf(names, sizeof names, "%s", text) >= (int)sizeof names
            || *text == '\0' || strstr(text, ",,") != NULL)
        bad_impl(command, text, "is no list of implementations");
    for (name = strtok(names, ","); name != NULL; name = strtok(NULL, ","))
        add_impl(request, name);
    if (request->impls[0] == NULL)
        bad_impl(command, text, "is no list of implementations");
}
