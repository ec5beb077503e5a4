/* SPDX-License-Identifier: MIT */
/* The tests' runner where Check is not: check.h. */
#define _DEFAULT_SOURCE /* MAP_ANON */
#include "check.h"

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE 300

struct entry {
    const TTest *test;
    int from, to;
};

struct TCase {
    const char *name, *tag;
    double timeout;
    void (*before)(void), (*after)(void);
    int n;
    struct entry *entries;
    TCase *next;
};

struct Suite {
    TCase *first, **end;
    int run, failed;
};

static char *message; /* why a test failed: its process's and ours */

static void *need(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

Suite *suite_create(const char *name)
{
    Suite *suite = need(calloc(1, sizeof *suite));

    (void)name;
    suite->end = &suite->first;
    return suite;
}

void suite_add_tcase(Suite *suite, TCase *tcase)
{
    *suite->end = tcase;
    suite->end = &tcase->next;
}

static void nothing(void)
{
}

TCase *tcase_create(const char *name)
{
    TCase *tcase = need(calloc(1, sizeof *tcase));

    tcase->name = name;
    tcase->tag = "";
    tcase->before = tcase->after = nothing;
    return tcase;
}

void tcase_set_timeout(TCase *tcase, double seconds)
{
    tcase->timeout = seconds;
}

void tcase_set_tags(TCase *tcase, const char *tag)
{
    tcase->tag = tag;
}

void tcase_add_checked_fixture(TCase *tcase, void (*before)(void),
                               void (*after)(void))
{
    tcase->before = before != NULL ? before : nothing;
    tcase->after = after != NULL ? after : nothing;
}

void tcase_add_loop_test(TCase *tcase, const TTest *test, int from, int to)
{
    size_t n = (size_t)tcase->n + 1;

    tcase->entries = need(realloc(tcase->entries,
                                  n * sizeof *tcase->entries));
    tcase->entries[tcase->n++] = (struct entry){ test, from, to };
}

SRunner *srunner_create(Suite *suite)
{
    return suite;
}

void srunner_set_tap(SRunner *runner, const char *file)
{
    (void)runner;
    (void)file; /* always the standard output */
}

void ck__fail(const char *file, int line, const char *format, ...)
{
    int length = snprintf(message, MESSAGE / 2, "%.100s:%d: ", file, line);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message + length, MESSAGE / 2, format, arguments);
    va_end(arguments);
    exit(EXIT_FAILURE);
}

/* Wait for a test's process; kill it, and say so, after so many seconds. */
static bool passed(pid_t child, double timeout)
{
    const struct timespec moment = { .tv_sec = 0, .tv_nsec = 1000000 };
    time_t begin = time(NULL);
    int status;

    while (waitpid(child, &status, WNOHANG) == 0) {
        if (difftime(time(NULL), begin) > timeout) {
            snprintf(message, MESSAGE, "takes too long");
            kill(-child, SIGKILL);
            waitpid(child, &status, 0);
            return false;
        }
        nanosleep(&moment, NULL);
    }
    kill(-child, SIGKILL); /* what it has left behind */
    if (WIFSIGNALED(status))
        snprintf(message, MESSAGE, "signal %d", WTERMSIG(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

static bool run(const TCase *tcase, const TTest *test, int i)
{
    pid_t child;

    strcpy(message, "Passed");
    fflush(NULL);
    child = fork();
    if (child == 0) {
        setpgid(0, 0);
        tcase->before();
        test->run(i);
        tcase->after();
        exit(EXIT_SUCCESS);
    }
    if (child < 0)
        abort();
    setpgid(child, child); /* whoever is first */
    return passed(child, tcase->timeout);
}

static void run_entry(SRunner *runner, const TCase *tcase,
                      const struct entry *entry)
{
    const TTest *test = entry->test;
    int i;

    for (i = entry->from; i < entry->to; i++) {
        bool good = run(tcase, test, i);

        runner->failed += !good;
        printf("%s %d - %s:%s:%s: %s\n", good ? "ok" : "not ok",
               ++runner->run, test->file, tcase->name, test->name, message);
    }
}

static bool has_word(const char *words, const char *word)
{
    while (*words != '\0') {
        size_t length = strcspn(words, " ");

        if (length == strlen(word) && strncmp(words, word, length) == 0)
            return true;
        words += length + strspn(words + length, " ");
    }
    return false;
}

/* As Check: the case that CK_RUN_CASE names, none of the tags to exclude. */
static bool wanted(const TCase *tcase)
{
    const char *name = getenv("CK_RUN_CASE");
    const char *tags = getenv("CK_EXCLUDE_TAGS");

    return (name == NULL || strcmp(name, tcase->name) == 0)
           && (tags == NULL || !has_word(tags, tcase->tag));
}

void srunner_run_all(SRunner *runner, int how)
{
    const TCase *tcase;
    int i;

    (void)how;
    message = mmap(NULL, MESSAGE, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANON, -1, 0);
    if (message == MAP_FAILED)
        abort();
    for (tcase = runner->first; tcase != NULL; tcase = tcase->next)
        for (i = 0; wanted(tcase) && i < tcase->n; i++)
            run_entry(runner, tcase, &tcase->entries[i]);
    printf("1..%d\n", runner->run);
}

int srunner_ntests_failed(const SRunner *runner)
{
    return runner->failed;
}

void srunner_free(SRunner *runner)
{
    while (runner->first != NULL) {
        TCase *next = runner->first->next;

        free(runner->first->entries);
        free(runner->first);
        runner->first = next;
    }
    free(runner);
}
