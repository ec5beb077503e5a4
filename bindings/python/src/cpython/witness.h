/*
 * witness.h - somebody looks at a thread that made others wait.
 * See witness.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPY_WITNESS_H
#define PPY_WITNESS_H

#include <stdbool.h>
#include <stdint.h>

#include <pyplusthread/semaphore.h>

/* A hold that ended after a request. */
typedef struct ppy_seen {
    uint64_t serial;        /* the thread's */
    uint64_t ident;
    uint64_t acquisitions;  /* it had made */
    int64_t response;       /* ns from the request to the release */
    int64_t held;           /* ns */
    int64_t on_cpu;         /* ns of the response that it had a CPU; -1: it is
                               not known */
    bool slept;             /* during the hold; else it was ready to run */
} ppy_seen_t;

/* All zero is one that nobody waits for. */
typedef struct ppy_witness {
    bool wanted;
    bool is_there;
    int64_t late;           /* ns; a longer response is late */
    int64_t next;           /* only late ones are shown before then */
    ppy_seen_t seen;
    ppt_semaphore_t come;
} ppy_witness_t;

/* By who lets go, with the GIL's mutex held. */
void ppy_witness_show(ppy_witness_t *witness, const ppy_seen_t *seen,
                      int64_t now);

/* CPU time of a thread, in ns, which has that pthread_t; -1: not known. */
int64_t ppy_witness_cpu_time(uint64_t ident);

/* How often the calling thread has slept: let go of its CPU by itself. */
int64_t ppy_witness_sleeps(void);

/* In the child of a fork, which has no witness. */
void ppy_witness_forget(ppy_witness_t *witness);

/* The rest is called by the witness. */
void ppy_witness_want(ppy_witness_t *witness, int64_t late);

/* Wait until there is something to see, or until a deadline.  Detached. */
void ppy_witness_wait(ppy_witness_t *witness, int64_t deadline);

/* With the mutex held: what there is to see; returns whether there is. */
bool ppy_witness_look(ppy_witness_t *witness, ppy_seen_t *seen);

#endif
