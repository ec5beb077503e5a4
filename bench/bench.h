/*
 * bench.h - what the driver, the loops and the implementations agree on.
 *
 * An implementation (impl/) gives its own mutex and condition variable one
 * set of names, and includes the loops (loops/), which are thus the same
 * for all and call it directly.  The driver knows it as a struct impl.
 *
 * C11, and C++17 for the sake of Abseil.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPTBENCH_H
#define PPTBENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define CACHE_LINE 64

/* One thread of a run. */
struct worker {
    const bool *stop;    /* set by the driver when the time is over */
    uint64_t limit;      /* this thread's items */
    uint64_t done;       /* what it did; written once, at its end */
    unsigned index;      /* 0 to the number of threads - 1 */
};

/* Whether a thread that has done so many items is to do another. */
static inline bool worker_goes_on(const struct worker *worker, uint64_t done)
{
    return done < worker->limit
        && !__atomic_load_n(worker->stop, __ATOMIC_RELAXED);
}

/* Work that no compiler removes: a step is a multiplication, about 1 ns. */
static inline uint64_t do_work(uint64_t seed, unsigned steps)
{
    for (unsigned i = 0; i < steps; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1;
        __asm__ __volatile__("" : "+r"(seed));
    }
    return seed;
}

/* A bounded queue of pointers, for a program that is not a loop. */
struct queue_ops {
    void *(*create)(unsigned capacity);
    void (*put)(void *queue, void *item);
    void *(*get)(void *queue); /* NULL: closed and empty */
    void (*close)(void *queue);
    void (*destroy)(void *queue);
};

/* What a run is to do; each command uses some of it. */
struct params {
    uint64_t items;      /* stop after so many; 0: by time */
    double seconds;      /* how long; by time only */
    unsigned threads;    /* lock, semaphore, barrier, broadcast */
    unsigned producers;  /* queue */
    unsigned consumers;  /* queue */
    unsigned workers;    /* files */
    unsigned capacity;   /* queue, files: items in a queue */
    unsigned inside;     /* lock, semaphore: steps of work that hold it */
    unsigned outside;    /* the same: steps of work between two holds */
    unsigned semaphores; /* semaphore: 0: one for each thread */
    unsigned units;      /* semaphore */
    unsigned pairs;      /* gil: producer and consumer pairs, 0 or 1 */
    unsigned hogs;       /* gil: CPU-bound threads, never pinned */
    const char *policy;  /* gil */
    const char *directory; /* files */
    const struct queue_ops *queue_ops; /* files: the implementation's */
    struct summary *summary; /* files: gets what is to be printed */
};

/* One benchmark over one implementation. */
struct loop {
    size_t size;         /* of state, which starts as zeros */
    void (*init)(void *state, const struct params *params);
    void (*work)(void *state, struct worker *worker);
    void (*stop)(void *state); /* or NULL: wake those who do not look */
    void (*destroy)(void *state);
};

struct impl {
    const char *name;
    const char *about;
    const char *(*port)(void);      /* or NULL: not ours */
    const struct queue_ops *files;  /* each NULL where it lacks the noun */
    const struct loop *pair;
    const struct loop *queue;
    const struct loop *signal;
    const struct loop *idle;
    const struct loop *broadcast;
    const struct loop *lock;
    const struct loop *semaphore;
    const struct loop *barrier;
    const struct loop *gil;
};

#if defined(__GNUC__)
#define EXPORT __attribute__((visibility("default")))
#else
#define EXPORT
#endif

/*
 * The implementations over our library are built once for each port;
 * VARIANT is what tells their symbols apart, AT_PORT their names.
 */
#ifndef VARIANT
#define VARIANT
#define AT_PORT ""
#endif
#define CONCAT_(a, b) a##b
#define CONCAT(a, b) CONCAT_(a, b)
#define IMPL(noun) CONCAT(impl_##noun, VARIANT)

#endif
