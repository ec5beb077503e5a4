/*
 * mark.h - how the C library marks a process-shared condition: see mark.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPT_MARK_H
#define PPT_MARK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bits of mask, in the word at offset.  No bits: every one has it. */
typedef struct ppt__mark {
    _Alignas(8) uint32_t offset; /* in bytes */
    uint32_t mask;
} ppt__mark_t;

typedef int ppt__cond_init_fn(pthread_cond_t *cond,
                              const pthread_condattr_t *attr);
typedef int ppt__cond_destroy_fn(pthread_cond_t *cond);

/*
 * Ask the C library's own functions for its mark.  False, and a mark that
 * every condition has, if it lies where our conditions hold something else.
 */
bool ppt__mark_find(ppt__mark_t *mark, ppt__cond_init_fn *init,
                    ppt__cond_destroy_fn *destroy);

/* Whether cond, the C library's or ours, has the mark. */
static inline bool ppt__mark_is_on(ppt__mark_t mark, const void *cond)
{
    const void *word = (const char *)cond + mark.offset;

    return (__atomic_load_n((const uint32_t *)word, __ATOMIC_RELAXED)
            & mark.mask) == mark.mask;
}

#endif
