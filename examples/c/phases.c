/*
 * phases.c - a computation in phases, with a barrier and a limit for each.
 *
 *     cc -std=c11 phases.c -o phases \
 *         $(pkg-config --cflags --libs pyplusthread) -pthread
 *     ./phases [STEPS]      # heat spreads along a rod
 *     ./phases --stuck      # the same, with a thread that does not come back
 *
 * Each thread computes its part of the next state from all of the present
 * one, and then waits at the barrier.  The last to arrive swaps the states,
 * as the barrier's action, before any thread goes on.  If a thread is not there
 * within the limit the barrier is broken: the thread that waited for too long
 * gets ETIMEDOUT, the others ECANCELED, and all of them stop in good order.
 *
 * Part of libpyplusthread.  SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <pthread.h>
#include <pyplusthread/barrier.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 4
#define PART 256
#define CELLS (THREADS * PART)
#define SECOND INT64_C(1000000000)

/*
 * Written by one thread for each cell before the barrier, read by all after
 * it.  The action alone changes now and next.
 */
static double states[2][CELLS];
static double *now = states[0], *next = states[1];
static ppt_barrier_t barrier;

static long steps = 100;
static int64_t limit = 60 * SECOND; /* for each step */
static bool stuck;                  /* thread 0 stops at half of the steps */
static ppt_lock_t door = PPT_LOCK_INITIALIZER; /* what it is stuck at */

static int swap(void *unused)
{
    double *before = now;

    (void)unused;
    now = next;
    next = before;
    return 0;
}

/* The two ends of the rod keep their temperatures. */
static void compute(int cell)
{
    if (cell == 0 || cell == CELLS - 1)
        next[cell] = now[cell];
    else
        next[cell] = (now[cell - 1] + now[cell] + now[cell + 1]) / 3;
}

/* What one thread does; result is its own until the thread is joined. */
struct worker {
    pthread_t thread;
    int number;
    int result;
};

static void *work(void *arg)
{
    struct worker *worker = arg;
    long step;
    int i;

    for (step = 0; step < steps && worker->result == 0; step++) {
        for (i = 0; i < PART; i++)
            compute(worker->number * PART + i);
        if (stuck && worker->number == 0 && step == steps / 2)
            ppt_lock_acquire(&door, PPT_FOREVER);
        worker->result = ppt_barrier_wait(&barrier, ppt_deadline(limit),
                                          NULL);
    }
    return NULL;
}

static int read_arguments(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--stuck") == 0) {
        stuck = true;
        limit = SECOND / 2;
        ppt_lock_acquire(&door, PPT_FOREVER);
    } else if (argc > 1) {
        steps = strtol(argv[1], NULL, 10);
    }
    return steps > 0 ? 0 : EINVAL;
}

static double total(void)
{
    double sum = 0;
    int i;

    for (i = 0; i < CELLS; i++)
        sum += now[i];
    return sum;
}

/* Which results the threads had. */
static void report(const struct worker *workers)
{
    int i, ok = 0, late = 0, broken = 0;

    for (i = 0; i < THREADS; i++) {
        ok += workers[i].result == 0;
        late += workers[i].result == ETIMEDOUT;
        broken += workers[i].result == ECANCELED;
    }
    printf("ended: %d, timed out: %d, barrier broken: %d\n", ok, late, broken);
}

int main(int argc, char **argv)
{
    static struct worker workers[THREADS];
    int i;

    if (read_arguments(argc, argv) != 0) {
        fprintf(stderr, "usage: %s [STEPS | --stuck]\n", argv[0]);
        return 2;
    }
    now[CELLS / 2] = 1000;
    ppt_barrier_init(&barrier, THREADS, swap, NULL);
    for (i = 0; i < THREADS; i++) {
        workers[i].number = i;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            return 1;
    }
    for (i = THREADS - 1; i >= 0; i--) {
        if (i == 0 && stuck)
            ppt_lock_release(&door); /* the others have stopped */
        pthread_join(workers[i].thread, NULL);
    }
    report(workers);
    if (!stuck)
        printf("heat after %ld steps: %.3f\n", steps, total());
    return 0;
}
