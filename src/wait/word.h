/*
 * word.h - the word that says who has a lock: what lock.c and gil.c share.
 *
 *   HELD     somebody has it
 *   QUEUED   waiters are queued: the release must look
 *   TURN     a waiter was woken to take it, and is on its way
 *
 * QUEUED is set while the word is seen to be busy, in one atomic operation:
 * so whoever frees it later sees QUEUED, and no waiter is forgotten.  Bits
 * from OWN on are the file's own.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPT_WORD_H
#define PPT_WORD_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PPT__HELD = 1,
    PPT__QUEUED = 2,
    PPT__TURN = 4,
    PPT__OWN = 8
};

static inline uint32_t ppt__word_load(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

/* On failure *from is what word is instead. */
static inline bool ppt__word_change(uint32_t *word, uint32_t *from,
                                    uint32_t to)
{
    return __atomic_compare_exchange_n(word, from, to, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* Take it, clear bits and set others, unless a bit of busy is set. */
static inline bool ppt__word_take(uint32_t *word, uint32_t busy,
                                  uint32_t clear, uint32_t set)
{
    uint32_t now = ppt__word_load(word);

    while (!(now & busy))
        if (ppt__word_change(word, &now, (now & ~clear) | PPT__HELD | set))
            return true;
    return false;
}

/* Free it, if it is held, unless a bit of busy is set. */
static inline bool ppt__word_free(uint32_t *word, uint32_t busy)
{
    uint32_t now = ppt__word_load(word);

    while ((now & PPT__HELD) && !(now & busy))
        if (ppt__word_change(word, &now, now & ~(uint32_t)PPT__HELD))
            return true;
    return false;
}

/* Set QUEUED and other bits, and clear some, if a bit of busy is set. */
static inline bool ppt__word_announce(uint32_t *word, uint32_t busy,
                                      uint32_t clear, uint32_t set)
{
    uint32_t now = ppt__word_load(word);

    while (now & busy)
        if (ppt__word_change(word, &now, (now & ~clear) | PPT__QUEUED | set))
            return true;
    return false;
}

/*
 * With the queue's guard held: true, and the lock taken, with bits of its
 * own, if it is not busy; else false, announced, and the caller pushes a
 * waiter.  Clears bits in either case.
 */
static inline bool ppt__word_take_or_announce(uint32_t *word, uint32_t busy,
                                              uint32_t clear,
                                              uint32_t announced,
                                              uint32_t taken)
{
    for (;;) {
        if (ppt__word_announce(word, busy, clear, announced))
            return false;
        if (ppt__word_take(word, busy, clear, taken))
            return true;
    }
}

#endif
