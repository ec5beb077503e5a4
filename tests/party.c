/* SPDX-License-Identifier: MIT */
/* Threads that wait at a barrier, and its action: party.h. */
#include "party.h"

#include <stdlib.h>
#include <string.h>

static void meet_once(void *arg)
{
    party_t *party = arg;

    if (party->waiter != NULL)
        party->result = ppt_barrier_wait_with(
            party->barrier, party->waiter, party->deadline, &party->index,
            party->on_interrupt, party->arg);
    else if (party->interruptible)
        party->result = ppt_barrier_wait_interruptible(
            party->barrier, party->deadline, &party->index,
            party->on_interrupt, party->arg);
    else
        party->result = ppt_barrier_wait(party->barrier, party->deadline,
                                         &party->index);
    party->returned = ppt_now();
}

void party_start_unseen(party_t *party, ppt_barrier_t *barrier,
                        int64_t deadline)
{
    party->barrier = barrier;
    party->deadline = deadline;
    party->index = NO_INDEX;
    worker_start(&party->worker, meet_once, party);
}

void party_start(party_t *party, ppt_barrier_t *barrier, int64_t deadline)
{
    uint32_t before = ppt_barrier_n_waiting(barrier);

    party_start_unseen(party, barrier, deadline);
    await(ppt_barrier_n_waiting(barrier) > before
          || worker_done(&party->worker));
    if (deadline == PPT_FOREVER)
        await(worker_asleep(&party->worker));
}

void party_start_interruptible(party_t *party, ppt_barrier_t *barrier,
                               ppt_interrupt_fn on_interrupt, void *arg)
{
    party->interruptible = true;
    party->on_interrupt = on_interrupt;
    party->arg = arg;
    party_start(party, barrier, PPT_FOREVER);
}

void party_start_all(party_t *parties, int n, ppt_barrier_t *barrier)
{
    int i;

    for (i = 0; i < n; i++)
        party_start(&parties[i], barrier, PPT_FOREVER);
    ck_assert_uint_eq(ppt_barrier_n_waiting(barrier), (uint32_t)n);
}

void party_join(party_t *party, int result)
{
    worker_join(&party->worker);
    ck_assert_int_eq(party->result, result);
    if (result != 0)
        ck_assert_uint_eq(party->index, NO_INDEX);
}

void party_join_all(party_t *parties, int n, int result)
{
    int i;

    for (i = 0; i < n; i++)
        party_join(&parties[i], result);
}

void arrive_last(ppt_barrier_t *barrier, int result)
{
    uint32_t index = NO_INDEX;

    ck_assert_int_eq(ppt_barrier_wait(barrier, PPT_FOREVER, &index), result);
    if (result == 0)
        ck_assert_uint_eq(index, ppt_barrier_parties(barrier) - 1);
    else
        ck_assert_uint_eq(index, NO_INDEX);
}

void barrier_init(ppt_barrier_t *barrier, uint32_t parties,
                  ppt_barrier_action_fn action, void *arg)
{
    memset(barrier, 0xa5, sizeof *barrier);
    ck_assert_int_eq(ppt_barrier_init(barrier, parties, action, arg), 0);
    ck_assert_uint_eq(ppt_barrier_parties(barrier), parties);
}

void ck_empty(const ppt_barrier_t *barrier, bool broken)
{
    ck_assert_uint_eq(ppt_barrier_n_waiting(barrier), 0);
    ck_assert(ppt_barrier_broken(barrier) == broken);
}

void ck_broken(ppt_barrier_t *barrier)
{
    ck_empty(barrier, true);
    arrive_last(barrier, ECANCELED);
    ck_empty(barrier, true);
}

void ck_works(ppt_barrier_t *barrier)
{
    uint32_t others = ppt_barrier_parties(barrier) - 1;
    party_t *parties = calloc(others + 1, sizeof *parties);
    uint32_t i;

    ck_assert_ptr_nonnull(parties);
    ck_empty(barrier, false);
    party_start_all(parties, (int)others, barrier);
    arrive_last(barrier, 0);
    party_join_all(parties, (int)others, 0);
    for (i = 0; i < others; i++)
        ck_assert_uint_eq(parties[i].index, i);
    ck_empty(barrier, false);
    free(parties);
}

void barrier_finish(ppt_barrier_t *barrier)
{
    ck_works(barrier);
    ck_assert_int_eq(ppt_barrier_destroy(barrier), 0);
}

int act(void *arg)
{
    action_t *action = arg;

    if (bump(&action->inside) != 0)
        bump(&action->overlaps);
    bump(&action->runs);
    action->thread = pthread_self();
    while (peek(&action->stay))
        nap();
    action->plain++;
    __atomic_fetch_sub(&action->inside, 1, __ATOMIC_ACQ_REL);
    return peek(&action->answer);
}

void start_action(party_t *parties, int n, ppt_barrier_t *barrier,
                  action_t *action)
{
    int before = peek(&action->runs);
    int i;

    poke(&action->stay, 1);
    for (i = 0; i < n; i++)
        party_start_unseen(&parties[i], barrier, PPT_FOREVER);
    await(peek(&action->runs) == before + 1);
}

void meet_until_broken(void *arg)
{
    struct crowd *crowd = arg;
    int result;

    do {
        uint32_t index = NO_INDEX;

        result = ppt_barrier_wait(&crowd->barrier, PPT_FOREVER, &index);
        if (result == 0 && index < 3) {
            bump(&crowd->met);
            bump(&crowd->indices[index]);
        } else if (result != ECANCELED) {
            bump(&crowd->odd);
        }
    } while (result == 0);
}
