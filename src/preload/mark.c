/*
 * mark.c - how the C library marks a process-shared condition.
 *
 * Idea
 *   The C library's fields move from version to version (glibc 2.41 moved
 *   them), so they are not named here.  Its own pthread_cond_init is called
 *   for a process-private and for a process-shared condition, and the bits
 *   that only the latter has are the mark.
 *
 * Invariants
 *   M1  A mark that is found lies in a word that is 0 in all of our
 *       conditions, whatever state they are in.  So none of ours has it.
 *   M2  The C library sets the mark in init, for either clock, and leaves it
 *       alone until destroy has returned, waiters or not.  init is looked at
 *       here, the rest by the tests.
 *   M3  A condition of zeros (PTHREAD_COND_INITIALIZER) has no mark: a mark
 *       consists of bits that are set.
 *
 * SPDX-License-Identifier: MIT
 */
#include "mark.h"

#include <string.h>
#include <time.h>

#include "pyplusthread/pthread.h"

_Static_assert(sizeof(ppt_pthread_cond_t) <= sizeof(pthread_cond_t)
               && _Alignof(ppt_pthread_cond_t) <= _Alignof(pthread_cond_t),
               "our condition fits into the memory of the C library's");

#define WORDS (sizeof(pthread_cond_t) / sizeof(uint32_t))

typedef union image {
    pthread_cond_t cond;
    uint32_t words[WORDS];
} image_t;

static bool is_reserved(size_t offset)
{
    return offset == offsetof(ppt_pthread_cond_t, reserved1)
           || offset == offsetof(ppt_pthread_cond_t, reserved2);
}

/* The condition that init makes out of zeros. */
static image_t make(ppt__cond_init_fn *init, ppt__cond_destroy_fn *destroy,
                    clockid_t clock, int shared)
{
    pthread_condattr_t attr;
    image_t image, made;

    memset(&image, 0, sizeof image);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, clock);
    pthread_condattr_setpshared(&attr, shared);
    init(&image.cond, &attr);
    pthread_condattr_destroy(&attr);
    made = image;
    destroy(&image.cond);
    return made;
}

/* The one word in which they differ, by bits that only shared has. */
static bool compare(ppt__mark_t *mark, const image_t *private,
                    const image_t *shared)
{
    size_t i, found = 0;

    for (i = 0; i < WORDS; i++)
        if (private->words[i] != shared->words[i]) {
            found++;
            mark->offset = (uint32_t)(i * sizeof(uint32_t));
            mark->mask = private->words[i] ^ shared->words[i];
        }
    return found == 1 && is_reserved(mark->offset) /* M1 */
           && ppt__mark_is_on(*mark, shared);      /* M3 */
}

bool ppt__mark_find(ppt__mark_t *mark, ppt__cond_init_fn *init,
                    ppt__cond_destroy_fn *destroy)
{
    static const int is_private = PTHREAD_PROCESS_PRIVATE;
    static const int is_shared = PTHREAD_PROCESS_SHARED;
    image_t private = make(init, destroy, CLOCK_REALTIME, is_private);
    image_t shared = make(init, destroy, CLOCK_REALTIME, is_shared);
    bool found = compare(mark, &private, &shared);

    if (found) { /* M2 */
        private = make(init, destroy, CLOCK_MONOTONIC, is_private);
        shared = make(init, destroy, CLOCK_MONOTONIC, is_shared);
        found = ppt__mark_is_on(*mark, &shared)
                && !ppt__mark_is_on(*mark, &private);
    }
    if (!found)
        *mark = (ppt__mark_t){ offsetof(ppt_pthread_cond_t, reserved2), 0 };
    return found;
}
