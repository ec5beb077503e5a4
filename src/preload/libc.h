/*
 * libc.h - the C library's own conditions: see libc.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPT_LIBC_H
#define PPT_LIBC_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "mark.h"

enum {
    PPT__INIT,
    PPT__DESTROY,
    PPT__WAIT,
    PPT__TIMEDWAIT,
    PPT__CLOCKWAIT,
    PPT__SIGNAL,
    PPT__BROADCAST,
    PPT__FUNCTIONS
};

/* One of them, as it was found, and as it is called. */
typedef union ppt__function {
    void *found;
    ppt__cond_init_fn *init;
    ppt__cond_destroy_fn *call; /* destroy, signal, broadcast */
    int (*wait)(pthread_cond_t *cond, pthread_mutex_t *mutex);
    int (*timedwait)(pthread_cond_t *cond, pthread_mutex_t *mutex,
                     const struct timespec *abstime);
    int (*clockwait)(pthread_cond_t *cond, pthread_mutex_t *mutex,
                     clockid_t clock, const struct timespec *abstime);
} ppt__function_t;

/* The mark of its shared conditions; at offset 0 until it is known. */
extern ppt__mark_t ppt__libc_known;

/* Find the functions and the mark. */
ppt__mark_t ppt__libc_find(void);

static inline ppt__mark_t ppt__libc_mark(void)
{
    ppt__mark_t mark;

    __atomic_load(&ppt__libc_known, &mark, __ATOMIC_ACQUIRE);
    return mark.offset != 0 ? mark : ppt__libc_find();
}

/* The function of that number, once the mark is known. */
ppt__function_t ppt__libc(int number);

/* Whether all conditions are left to the C library: its mark was not found. */
bool ppt__libc_has_all(void);

#endif
