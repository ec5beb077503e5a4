/* SPDX-License-Identifier: MIT */
/* options.c - the command line. */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "values.h"

struct number {
    char key;                /* in struct command's options */
    const char *name;
    const char *about;
    size_t field;            /* offset in struct params */
    unsigned min;
    unsigned max;
};

static const struct number numbers[] = {
    { 't', "threads", "how many threads",
      offsetof(struct params, threads), 1, 1024 },
    { 'P', "producers", "how many threads put items in",
      offsetof(struct params, producers), 1, 512 },
    { 'C', "consumers", "how many threads take items out",
      offsetof(struct params, consumers), 1, 512 },
    { 'w', "workers", "how many threads compress",
      offsetof(struct params, workers), 1, 512 },
    { 'q', "capacity", "how many items a queue holds",
      offsetof(struct params, capacity), 1, 1000000 },
    { 'I', "inside", "steps of work (1 ns or so) while holding it",
      offsetof(struct params, inside), 0, 1000000 },
    { 'S', "ring", "how many semaphores there are; 0: one a thread",
      offsetof(struct params, semaphores), 0, 1024 },
    { 'u', "units", "how many units there are",
      offsetof(struct params, units), 1, 1000000 },
    { 'O', "outside", "steps of work between two holds",
      offsetof(struct params, outside), 0, 1000000 },
};

enum { NUMBERS = sizeof numbers / sizeof *numbers };

/* Those that are not small whole numbers, with the same keys. */
static const struct { char key; const char *name, *arg, *about; } others[] = {
    { 'i', "impl", "NAMES", "'all', or some of pptbench list (ppt)" },
    { 'c', "cpus", "LIST", "pin thread k to the k-th, in turn (free)" },
    { 'n', "items", "N", "stop after N operations" },
    { 's', "seconds", "S", "stop after S seconds, 0.2 or more" },
    { 'p', "policy", "NAME", "ppt, mutex or interval (ppt)" },
    { 'j', "json", NULL, "print a JSON object for each implementation" },
    { 'h', "help", NULL, "print this" },
};

enum { OTHERS = sizeof others / sizeof *others };

static const struct command *current;

_Noreturn void bad_usage(const char *format, ...)
{
    va_list args;

    fprintf(stderr, "pptbench%s%s: ", current != NULL ? " " : "",
            current != NULL ? current->name : "");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(BAD_USAGE);
}

static bool takes(const struct command *command, char key)
{
    return strchr(command->options, key) != NULL;
}

static _Noreturn void bad_option(const char *option, const char *problem)
{
    char list[512] = "";

    for (int i = 0; i < NUMBERS; i++)
        if (takes(current, numbers[i].key))
            append(list, sizeof list, "--", numbers[i].name);
    for (int i = 0; i < OTHERS; i++)
        if (takes(current, others[i].key))
            append(list, sizeof list, "--", others[i].name);
    bad_usage("%s '%s'; valid: %s", problem, option, list);
}

static _Noreturn void help_all(void)
{
    puts("usage: pptbench COMMAND [OPTION]...\n");
    for (const struct command *c = commands; c->name != NULL; c++)
        printf("  %-9s  %s\n", c->name, c->about);
    puts("\n'pptbench COMMAND --help' lists the options of a command.");
    exit(0);
}

static _Noreturn void help_command(void)
{
    printf("usage: pptbench %s [OPTION]...%s\n\n%s\n\n", current->name,
           takes(current, 'd') ? " DIR" : "", current->about);
    for (int i = 0; i < NUMBERS; i++) {
        const char *field = (const char *)&current->defaults
            + numbers[i].field;

        if (takes(current, numbers[i].key))
            printf("  --%-9s N       %s (%u)\n", numbers[i].name,
                   numbers[i].about, *(const unsigned *)(const void *)field);
    }
    for (int i = 0; i < OTHERS; i++)
        if (takes(current, others[i].key))
            printf("  --%-9s %-6s  %s\n", others[i].name,
                   others[i].arg != NULL ? others[i].arg : "",
                   others[i].about);
    if (takes(current, 's'))
        printf("\nBy default it lasts %g s.\n", current->defaults.seconds);
    exit(0);
}

static const struct command *find_command(const char *name)
{
    char list[256] = "";

    if (name != NULL && (strcmp(name, "--help") == 0
                         || strcmp(name, "-h") == 0))
        help_all();
    for (const struct command *c = commands; c->name != NULL; c++) {
        if (name != NULL && strcmp(c->name, name) == 0)
            return c;
        append(list, sizeof list, "", c->name);
    }
    bad_usage("%s%s%s; valid: %s, --help", name == NULL ? "no command" :
              "no command '", name == NULL ? "" : name,
              name == NULL ? " given" : "'", list);
}

/* What getopt_long is to accept for this command. */
static void list_options(const struct command *command,
                         struct option *options)
{
    for (int i = 0; i < NUMBERS; i++)
        if (takes(command, numbers[i].key))
            *options++ = (struct option){
                numbers[i].name, required_argument, NULL, numbers[i].key
            };
    for (int i = 0; i < OTHERS; i++)
        if (takes(command, others[i].key))
            *options++ = (struct option){
                others[i].name, others[i].arg != NULL ? required_argument
                : no_argument, NULL, others[i].key
            };
}

static void set_number(struct params *params, int key, const char *text)
{
    for (int i = 0; i < NUMBERS; i++) {
        char *field = (char *)params + numbers[i].field;

        if (numbers[i].key == key)
            *(unsigned *)(void *)field = (unsigned)parse_number(
                numbers[i].name, text, numbers[i].min, numbers[i].max);
    }
}

static void set_option(struct request *request, int key, const char *text)
{
    struct params *params = &request->params;

    switch (key) {
    case 'i':
        parse_impls(text, request);
        break;
    case 'c':
        parse_cpus(text, &request->cpus);
        break;
    case 'n':
        params->items = parse_number("items", text, 1, 1000000000000);
        break;
    case 's':
        params->seconds = parse_seconds(text);
        break;
    case 'p':
        params->policy = parse_policy(text);
        break;
    case 'j':
        request->json = true;
        break;
    case 'h':
        help_command();
    default:
        set_number(params, key, text);
    }
}

static void take_directory(struct request *request, int argc, char **argv)
{
    DIR *directory;

    if (optind == argc)
        bad_usage("no directory given; usage: pptbench files DIR");
    request->params.directory = argv[optind++];
    directory = opendir(request->params.directory);
    if (directory == NULL)
        bad_usage("%s: %s", request->params.directory, strerror(errno));
    closedir(directory);
}

void parse_options(int argc, char **argv, struct request *request)
{
    struct option options[NUMBERS + OTHERS + 1] = { { 0 } };
    bool timed = false;
    int key;

    request->command = find_command(argv[1]);
    current = request->command;
    request->params = current->defaults;
    request->cpus.text = "free";
    list_options(current, options);
    argc--;
    argv++;
    opterr = 0;
    while ((key = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (key == '?')
            bad_option(argv[optind - 1], "no option");
        if (key == ':')
            bad_option(argv[optind - 1], "no value for");
        timed = timed || key == 's';
        set_option(request, key, optarg);
    }
    if (timed && request->params.items > 0)
        bad_usage("--items or --seconds, not both");
    if (takes(current, 'd'))
        take_directory(request, argc, argv);
    if (optind < argc)
        bad_option(argv[optind], "unexpected argument");
    if (takes(current, 'i') && request->impls[0] == NULL)
        add_impl(request, "ppt");
}

void add_parameters(json_t *json, const struct request *request)
{
    const struct params *params = &request->params;

    for (int i = 0; i < NUMBERS; i++) {
        const char *field = (const char *)params + numbers[i].field;

        if (takes(request->command, numbers[i].key))
            json_object_set_new(json, numbers[i].name, json_integer(
                *(const unsigned *)(const void *)field));
    }
    if (takes(request->command, 'p'))
        json_object_set_new(json, "policy", json_string(params->policy));
    if (takes(request->command, 'd'))
        json_object_set_new(json, "directory",
                            json_string(params->directory));
}
