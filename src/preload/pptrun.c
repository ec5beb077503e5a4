/*
 * pptrun.c - run a program with our conditions: see pptrun.1.
 *
 * Idea
 *   LD_PRELOAD, and execvp: the process becomes the program, so its status
 *   and its signals are its own.  What would silently have no effect is an
 *   error instead.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mark.h"
#include "program.h"
#include "pyplusthread/version.h"

#define LIBRARY "libpyplusthread-preload.so"

/* As of env, nohup and the shell. */
enum { FAILED = 125, NOT_RUN = 126, NOT_FOUND = 127 };

static const char help[] =
    "usage: pptrun [--stats] [--] PROGRAM [ARGUMENT...]\n"
    "\n"
    "Runs PROGRAM, and whatever it runs, with the condition variables of\n"
    "libpyplusthread in place of the C library's.  Conditions that processes\n"
    "share, and C11's cnd_t, stay the C library's.\n"
    "\n"
    "  --stats    each process that uses conditions prints to the standard\n"
    "             error at its end how many waits, signals, broadcasts,\n"
    "             timeouts and spins it had, and how many calls were passed\n"
    "             on to the C library\n"
    "  --help     print this\n"
    "  --version  print the version\n"
    "\n"
    "The status is PROGRAM's; 127 if it is not found, 126 if it cannot be\n"
    "run so, 125 if pptrun itself fails.\n";

static int complain(int status, const char *what, const char *why)
{
    fprintf(stderr, "pptrun: %s: %s\n", what, why);
    return status;
}

static int bad_usage(const char *what, const char *why)
{
    complain(FAILED, what, why);
    fputs("pptrun: see pptrun --help\n", stderr);
    return FAILED;
}

/* The library beside this program, as in a build folder. */
static bool beside(char *path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path, size);
    char *slash;

    if (length <= 0 || (size_t)length >= size)
        return false;
    path[length] = '\0';
    slash = strrchr(path, '/');
    if (slash == NULL || (size_t)(slash - path) + sizeof "/" LIBRARY > size)
        return false;
    strcpy(slash + 1, LIBRARY);
    return access(path, R_OK) == 0;
}

/* Whether list, of LD_PRELOAD, has path already. */
static bool has(const char *list, const char *path)
{
    while (*list != '\0') {
        size_t length = strcspn(list, ": ");

        if (strlen(path) == length && strncmp(list, path, length) == 0)
            return true;
        list += length;
        list += *list != '\0';
    }
    return false;
}

/* Others that are preloaded come first. */
static bool append(const char *path)
{
    const char *list = getenv("LD_PRELOAD");
    size_t size;
    char *both;
    bool done;

    if (list == NULL || *list == '\0')
        return setenv("LD_PRELOAD", path, 1) == 0;
    if (has(list, path))
        return true;
    size = strlen(list) + strlen(path) + sizeof ":";
    both = malloc(size);
    if (both == NULL)
        return false;
    snprintf(both, size, "%s:%s", list, path);
    done = setenv("LD_PRELOAD", both, 1) == 0;
    free(both);
    return done;
}

static int preload(void)
{
    char path[PATH_MAX] = "";

    if (!beside(path, sizeof path))
        strcpy(path, PPT_PRELOAD_LIBRARY);
    if (access(path, R_OK) != 0)
        return complain(FAILED, path, strerror(errno));
    if (strpbrk(path, ": ") != NULL)
        return complain(FAILED, path,
                        "LD_PRELOAD allows for no colon and no space");
    return append(path) ? 0 : complain(FAILED, path, strerror(errno));
}

static void warn_of_another_libc(void)
{
    ppt__mark_t mark;

    if (!ppt__mark_find(&mark, pthread_cond_init, pthread_cond_destroy))
        complain(0, "warning", "the conditions of this C library are "
                 "unknown, and all is left to it");
}

static int run(char **argv)
{
    char path[PATH_MAX];
    int error = ppt__program_find(argv[0], path, sizeof path);
    const char *reason;

    if (error == ENOENT)
        return complain(NOT_FOUND, argv[0], "not found");
    if (error != 0)
        return complain(NOT_RUN, argv[0], strerror(error));
    reason = ppt__program_refuses(path);
    if (reason != NULL)
        return complain(NOT_RUN, path, reason);
    error = preload();
    if (error != 0)
        return error;
    warn_of_another_libc();
    execvp(path, argv);
    return complain(NOT_RUN, path, strerror(errno));
}

/* The library knows by the number which process pptrun has become. */
static void ask_for_stats(void)
{
    char pid[16];

    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("PPT_STATS", pid, 1);
}

static int print(const char *text)
{
    return fputs(text, stdout) >= 0 && fflush(stdout) == 0 ? 0 : FAILED;
}

int main(int argc, char **argv)
{
    int i;

    for (i = 1; i < argc && argv[i][0] == '-'; i++) {
        const char *option = argv[i];

        if (strcmp(option, "--") == 0) {
            i++;
            break;
        }
        if (strcmp(option, "--help") == 0)
            return print(help);
        if (strcmp(option, "--version") == 0)
            return print("pptrun " PPT_VERSION "\n");
        if (strcmp(option, "--stats") != 0)
            return bad_usage(option, "no such option");
        ask_for_stats();
    }
    return i < argc ? run(argv + i) : bad_usage("PROGRAM", "is missing");
}
