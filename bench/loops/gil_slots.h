/*
 * gil_slots.h - what the producer and the consumer of `gil` block on: a lock
 * with two conditions, of this library or of the system.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>

#include <pyplusthread/cond.h>
#include <pyplusthread/lock.h>

enum slot_event { FILLED, EMPTIED, SLOT_EVENTS };

struct slot {
    const struct slot_kind *kind;
    ppt_lock_t lock;
    ppt_cond_t conds[SLOT_EVENTS];
    pthread_mutex_t pthread_mutex;
    pthread_cond_t pthread_conds[SLOT_EVENTS];
    bool full;                /* guarded by the lock in use */
    bool closed;              /* likewise */
};

struct slot_kind {
    bool (*try_lock)(struct slot *slot);
    void (*lock)(struct slot *slot);
    void (*unlock)(struct slot *slot);
    void (*wait)(struct slot *slot, enum slot_event event);
    void (*signal)(struct slot *slot, enum slot_event event);
};

static bool ppt_slot_try(struct slot *slot)
{
    return ppt_lock_acquire(&slot->lock, PPT_TRY) == 0;
}

static void ppt_slot_lock(struct slot *slot)
{
    ppt_lock_acquire(&slot->lock, PPT_FOREVER);
}

static void ppt_slot_unlock(struct slot *slot)
{
    ppt_lock_release(&slot->lock);
}

static void ppt_slot_wait(struct slot *slot, enum slot_event event)
{
    ppt_cond_wait(&slot->conds[event], &slot->lock, PPT_FOREVER);
}

static void ppt_slot_signal(struct slot *slot, enum slot_event event)
{
    ppt_cond_signal(&slot->conds[event]);
}

static const struct slot_kind ppt_slot = {
    ppt_slot_try, ppt_slot_lock, ppt_slot_unlock, ppt_slot_wait,
    ppt_slot_signal
};

static bool pthread_slot_try(struct slot *slot)
{
    return pthread_mutex_trylock(&slot->pthread_mutex) == 0;
}

static void pthread_slot_lock(struct slot *slot)
{
    pthread_mutex_lock(&slot->pthread_mutex);
}

static void pthread_slot_unlock(struct slot *slot)
{
    pthread_mutex_unlock(&slot->pthread_mutex);
}

static void pthread_slot_wait(struct slot *slot, enum slot_event event)
{
    pthread_cond_wait(&slot->pthread_conds[event], &slot->pthread_mutex);
}

static void pthread_slot_signal(struct slot *slot, enum slot_event event)
{
    pthread_cond_signal(&slot->pthread_conds[event]);
}

static const struct slot_kind pthread_slot = {
    pthread_slot_try, pthread_slot_lock, pthread_slot_unlock,
    pthread_slot_wait, pthread_slot_signal
};

static void slot_make(struct slot *slot, const struct slot_kind *kind)
{
    slot->kind = kind;
    ppt_lock_init(&slot->lock);
    pthread_mutex_init(&slot->pthread_mutex, NULL);
    for (int event = 0; event < SLOT_EVENTS; event++) {
        ppt_cond_init(&slot->conds[event]);
        pthread_cond_init(&slot->pthread_conds[event], NULL);
    }
}

static void slot_unmake(struct slot *slot)
{
    for (int event = 0; event < SLOT_EVENTS; event++) {
        pthread_cond_destroy(&slot->pthread_conds[event]);
        ppt_cond_destroy(&slot->conds[event]);
    }
    pthread_mutex_destroy(&slot->pthread_mutex);
    ppt_lock_destroy(&slot->lock);
}
