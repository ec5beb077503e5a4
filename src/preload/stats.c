/*
 * stats.c - what the conditions of a process did, in a line at its end.
 *
 * Idea
 *   pptrun --stats sets PPT_STATS to its process's number.  Without it
 *   nothing is counted, and nothing is open.  Threads count in rows of their
 *   own, as far as there are rows, so that they do not take a cache line from
 *   each other.
 *
 * State
 *   rows        every thread adds to its own; atomic
 *   row         the thread's, from 1 on; 0: none yet.  Its own
 *   copy        a descriptor of the standard error, which the program may
 *               close (GNU programs do at their end); -1: none
 *   origin      what file the standard error was; written at the start
 *   asked_for   the process that pptrun became, which prints zeros as well
 *
 * Invariants
 *   S1  The line goes only to the file that was the standard error when the
 *       program began.  A program may close descriptors that it does not
 *       know, and open its own files in their place.
 *   S2  The program's status stays what it is: no SIGPIPE from here.
 *   S3  A child of a fork begins with zeros.
 *
 * A process that is killed, calls _exit or execs another program prints
 * nothing.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "stats.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libc.h"
#include "../wait/spin.h"

#define ROWS 64
#define CACHE_LINE 64

/* Above the descriptors that programs choose by number, or select. */
#define COPY 200

typedef struct row {
    _Alignas(CACHE_LINE) uint64_t counts[PPT__COUNTS];
} row_t;

bool ppt__stats_on;
static row_t rows[ROWS];
static unsigned rows_given;
static _Thread_local unsigned row;
static int copy = -1;
static struct stat origin;
static long asked_for;

static unsigned give_row(void)
{
    return __atomic_fetch_add(&rows_given, 1, __ATOMIC_RELAXED) % ROWS + 1;
}

void ppt__stats_add(int count)
{
    if (row == 0)
        row = give_row();
    __atomic_fetch_add(&rows[row - 1].counts[count], 1, __ATOMIC_RELAXED);
}

/* The linker puts it in place of ppt__spin_note, for this library only. */
void __real_ppt__spin_note(bool remote, bool spins, bool success);
void __wrap_ppt__spin_note(bool remote, bool spins, bool success);

void __wrap_ppt__spin_note(bool remote, bool spins, bool success)
{
    if (spins)
        ppt__stats_count(PPT__SPINS);
    __real_ppt__spin_note(remote, spins, success);
}

static unsigned long long sum(int count)
{
    unsigned long long all = 0;
    int i;

    for (i = 0; i < ROWS; i++)
        all += __atomic_load_n(&rows[i].counts[count], __ATOMIC_RELAXED);
    return all;
}

/* S3 */
static void forget(void)
{
    memset(rows, 0, sizeof rows);
}

/* S1 */
static bool is_origin(int fd)
{
    struct stat file;

    return fd >= 0 && fstat(fd, &file) == 0 && file.st_dev == origin.st_dev
           && file.st_ino == origin.st_ino;
}

static void block_sigpipe(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void say(const char *line, size_t length)
{
    int fd = is_origin(copy) ? copy : STDERR_FILENO;

    block_sigpipe(); /* S2 */
    if (is_origin(fd) && write(fd, line, length) < 0)
        return; /* there is nobody to tell */
}

static int format(char *line, size_t size)
{
    const char *name = program_invocation_short_name;
    int pid = (int)getpid();

    if (ppt__libc_has_all())
        return snprintf(line, size,
                        "pptrun: %s[%d]: %llu passed on: the C library's "
                        "conditions are unknown\n",
                        name, pid, sum(PPT__PASSED_ON));
    return snprintf(line, size,
                    "pptrun: %s[%d]: %llu waits, %llu signals, "
                    "%llu broadcasts, %llu timeouts, %llu spins, "
                    "%llu passed on\n",
                    name, pid, sum(PPT__WAITS), sum(PPT__SIGNALS),
                    sum(PPT__BROADCASTS), sum(PPT__TIMEOUTS),
                    sum(PPT__SPINS), sum(PPT__PASSED_ON));
}

static bool is_worth_a_line(void)
{
    int i;

    for (i = 0; i < PPT__COUNTS; i++)
        if (sum(i) != 0)
            return true;
    return getpid() == asked_for;
}

__attribute__((constructor)) static void begin(void)
{
    const char *pid = secure_getenv("PPT_STATS");

    if (pid == NULL || fstat(STDERR_FILENO, &origin) != 0)
        return;
    asked_for = atol(pid);
    copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, COPY);
    pthread_atfork(NULL, NULL, forget);
    ppt__stats_on = true;
}

__attribute__((destructor)) static void end(void)
{
    char line[400];
    int length;

    if (!ppt__stats_on || !is_worth_a_line())
        return;
    length = format(line, sizeof line);
    if (length > 0 && length < (int)sizeof line)
        say(line, (size_t)length);
}
