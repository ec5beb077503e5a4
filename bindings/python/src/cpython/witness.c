/*
 * witness.c - somebody looks at a thread that made others wait.
 *
 * Idea
 *   A thread that was forced off the GIL stays at the instruction at which it
 *   let go until it has the GIL again.  So a thread that has the GIL meanwhile
 *   can see at which line that is.  The release wakes the witness, a thread
 *   that does nothing else.
 *
 * Invariants
 *   W1  What the witness sees counts only if the thread has not taken the GIL
 *       since: the number of its acquisitions says so.
 *   W2  One release is shown at a time.  A release that came late replaces one
 *       that did not.  The others are shown once in PAUSE, because looking
 *       costs the program time.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE /* pthread_getcpuclockid, RUSAGE_THREAD */
#include "witness.h"

#include <pthread.h>
#include <sys/resource.h>
#include <time.h>

#define PAUSE_NS INT64_C(5000000)

/* W2 */
void ppy_witness_show(ppy_witness_t *witness, const ppy_seen_t *seen,
                      int64_t now)
{
    bool late = seen->response >= witness->late;
    bool is_there = witness->is_there;

    if (!witness->wanted || (!late && (is_there || now < witness->next)))
        return;
    witness->seen = *seen;
    witness->is_there = true;
    witness->next = now + PAUSE_NS;
    if (!is_there)
        ppt_semaphore_release(&witness->come, 1);
}

void ppy_witness_want(ppy_witness_t *witness, int64_t late)
{
    witness->late = late;
    witness->wanted = true;
}

int64_t ppy_witness_cpu_time(uint64_t ident)
{
    struct timespec used;
    clockid_t clock;

    if (pthread_getcpuclockid((pthread_t)ident, &clock) != 0
        || clock_gettime(clock, &used) != 0)
        return -1;
    return used.tv_sec * INT64_C(1000000000) + used.tv_nsec;
}

int64_t ppy_witness_sleeps(void)
{
    struct rusage used;

    return getrusage(RUSAGE_THREAD, &used) == 0 ? used.ru_nvcsw : -1;
}

void ppy_witness_forget(ppy_witness_t *witness)
{
    witness->wanted = witness->is_there = false;
    ppt_semaphore_after_fork(&witness->come);
}

void ppy_witness_wait(ppy_witness_t *witness, int64_t deadline)
{
    ppt_semaphore_acquire(&witness->come, deadline);
}

bool ppy_witness_look(ppy_witness_t *witness, ppy_seen_t *seen)
{
    bool is_there = witness->is_there;

    *seen = witness->seen;
    witness->is_there = false;
    return is_there;
}
