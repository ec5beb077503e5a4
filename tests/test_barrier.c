/* SPDX-License-Identifier: MIT */
/* The promises of barrier.h. */
#include "support.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "pyplusthread/barrier.h"

#define MANY 200

/* An index that no wait gives. */
#define NO_INDEX UINT32_C(0xa5a5a5a5)

/* A thread that waits once, and what it saw. */
typedef struct party {
    worker_t worker;
    ppt_barrier_t *barrier;
    int64_t deadline;
    bool interruptible;
    ppt_interrupt_fn on_interrupt;
    void *arg;
    ppt_waiter_t *waiter; /* NULL: on its stack */
    uint32_t index;
    int result;
    int64_t returned;
} party_t;

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

static void start_unseen(party_t *party, ppt_barrier_t *barrier,
                         int64_t deadline)
{
    party->barrier = barrier;
    party->deadline = deadline;
    party->index = NO_INDEX;
    worker_start(&party->worker, meet_once, party);
}

/* Start one that is not the last of its round, and see it wait. */
static void start(party_t *party, ppt_barrier_t *barrier, int64_t deadline)
{
    uint32_t before = ppt_barrier_n_waiting(barrier);

    start_unseen(party, barrier, deadline);
    await(ppt_barrier_n_waiting(barrier) > before
          || worker_done(&party->worker));
    if (deadline == PPT_FOREVER)
        await(worker_asleep(&party->worker));
}

static void start_interruptible(party_t *party, ppt_barrier_t *barrier,
                                ppt_interrupt_fn on_interrupt, void *arg)
{
    party->interruptible = true;
    party->on_interrupt = on_interrupt;
    party->arg = arg;
    start(party, barrier, PPT_FOREVER);
}

static void start_all(party_t *parties, int n, ppt_barrier_t *barrier)
{
    int i;

    for (i = 0; i < n; i++)
        start(&parties[i], barrier, PPT_FOREVER);
    ck_assert_uint_eq(ppt_barrier_n_waiting(barrier), (uint32_t)n);
}

static void join(party_t *party, int result)
{
    worker_join(&party->worker);
    ck_assert_int_eq(party->result, result);
    if (result != 0)
        ck_assert_uint_eq(party->index, NO_INDEX);
}

static void join_all(party_t *parties, int n, int result)
{
    int i;

    for (i = 0; i < n; i++)
        join(&parties[i], result);
}

/* The last of a round, on the test's own thread. */
static void arrive_last(ppt_barrier_t *barrier, int result)
{
    uint32_t index = NO_INDEX;

    ck_assert_int_eq(ppt_barrier_wait(barrier, PPT_FOREVER, &index), result);
    if (result == 0)
        ck_assert_uint_eq(index, ppt_barrier_parties(barrier) - 1);
    else
        ck_assert_uint_eq(index, NO_INDEX);
}

static void init(ppt_barrier_t *barrier, uint32_t parties,
                 ppt_barrier_action_fn action, void *arg)
{
    memset(barrier, 0xa5, sizeof *barrier);
    ck_assert_int_eq(ppt_barrier_init(barrier, parties, action, arg), 0);
    ck_assert_uint_eq(ppt_barrier_parties(barrier), parties);
}

static void ck_empty(const ppt_barrier_t *barrier, bool broken)
{
    ck_assert_uint_eq(ppt_barrier_n_waiting(barrier), 0);
    ck_assert(ppt_barrier_broken(barrier) == broken);
}

static void ck_broken(ppt_barrier_t *barrier)
{
    ck_empty(barrier, true);
    arrive_last(barrier, ECANCELED);
    ck_empty(barrier, true);
}

/* It is whole: all but one wait, the last one lets them go. */
static void ck_works(ppt_barrier_t *barrier)
{
    uint32_t others = ppt_barrier_parties(barrier) - 1;
    party_t *parties = calloc(others + 1, sizeof *parties);
    uint32_t i;

    ck_assert_ptr_nonnull(parties);
    ck_empty(barrier, false);
    start_all(parties, (int)others, barrier);
    arrive_last(barrier, 0);
    join_all(parties, (int)others, 0);
    for (i = 0; i < others; i++)
        ck_assert_uint_eq(parties[i].index, i);
    ck_empty(barrier, false);
    free(parties);
}

static void finish(ppt_barrier_t *barrier)
{
    ck_works(barrier);
    ck_assert_int_eq(ppt_barrier_destroy(barrier), 0);
}

/* Making one */

/* Proves ppt_barrier_init 0, ppt_barrier_parties. */
START_TEST(all_ways_to_make_one_make_a_whole_barrier)
{
    static ppt_barrier_t in_static_memory = PPT_BARRIER_INITIALIZER(2);
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(3);

    ck_assert_uint_eq(ppt_barrier_parties(&in_static_memory), 2);
    ck_assert_uint_eq(ppt_barrier_parties(&barrier), 3);
    finish(&in_static_memory);
    finish(&barrier);
    init(&barrier, 4, NULL, NULL);
    finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_init EINVAL. */
START_TEST(impossible_numbers_of_parties_are_refused_and_change_nothing)
{
    static const uint32_t wrong[] = { 0, (uint32_t)INT32_MAX + 1,
                                      UINT32_MAX };
    ppt_barrier_t barrier, before;
    int i;

    memset(&barrier, 0xa5, sizeof barrier);
    memset(&before, 0xa5, sizeof before);
    for (i = 0; i < LENGTH(wrong); i++) {
        ck_assert_int_eq(ppt_barrier_init(&barrier, wrong[i], NULL, NULL),
                         EINVAL);
        ck_assert_mem_eq(&barrier, &before, sizeof barrier);
    }
    init(&barrier, INT32_MAX, NULL, NULL);
    ck_assert_int_eq(ppt_barrier_destroy(&barrier), 0);
}
END_TEST

/* Proves ppt_barrier_wait EINVAL. */
START_TEST(barrier_without_parties_is_refused_and_nothing_changes)
{
    ppt_barrier_t barrier, before;
    uint32_t index = NO_INDEX;

    memset(&barrier, 0, sizeof barrier);
    memset(&before, 0, sizeof before);
    ck_assert_int_eq(ppt_barrier_wait(&barrier, PPT_FOREVER, &index),
                     EINVAL);
    ck_assert_int_eq(ppt_barrier_wait_interruptible(
                         &barrier, PPT_FOREVER, &index, NULL, NULL), EINVAL);
    ck_assert_mem_eq(&barrier, &before, sizeof barrier);
    ck_assert_uint_eq(index, NO_INDEX);
}
END_TEST

/* Rounds */

/* Proves ppt_barrier_wait 0. */
START_TEST(single_party_never_waits)
{
    const int64_t deadlines[] = { PPT_TRY, 1, ppt_deadline(SECOND),
                                  PPT_FOREVER };
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(1);
    int i;

    for (i = 0; i < LENGTH(deadlines); i++) {
        uint32_t index = NO_INDEX;

        ck_assert_int_eq(ppt_barrier_wait(&barrier, deadlines[i], &index), 0);
        ck_assert_uint_eq(index, 0);
        ck_assert_int_eq(ppt_barrier_wait_interruptible(
                             &barrier, deadlines[i], NULL, NULL, NULL), 0);
    }
    finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_wait 0. */
START_TEST(nobody_goes_before_all_have_arrived)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(5);
    party_t parties[4] = { { .result = -1 } };
    int i;

    for (i = 0; i < LENGTH(parties); i++) {
        int j;

        start(&parties[i], &barrier, PPT_FOREVER);
        ck_assert_uint_eq(ppt_barrier_n_waiting(&barrier), (uint32_t)i + 1);
        for (j = 0; j <= i; j++)
            ck_assert(!worker_done(&parties[j].worker));
    }
    arrive_last(&barrier, 0);
    join_all(parties, LENGTH(parties), 0);
    finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_wait 0, ppt_barrier_n_waiting. */
START_TEST(index_is_the_order_of_arrival)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(6);
    int round;

    for (round = 0; round < 3; round++)
        ck_works(&barrier); /* looks at each index */
    finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_wait 0. */
START_TEST(index_is_not_asked_for)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
    party_t party = { .result = -1 };

    start(&party, &barrier, PPT_FOREVER);
    ck_assert_int_eq(ppt_barrier_wait(&barrier, PPT_FOREVER, NULL), 0);
    join(&party, 0);
    ck_assert_uint_eq(party.index, 0);
    finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_wait 0. */
START_TEST(last_to_arrive_need_not_wait_whatever_its_deadline)
{
    static const int64_t deadlines[] = { PPT_TRY, 1 };
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(3);
    int i;

    for (i = 0; i < LENGTH(deadlines); i++) {
        party_t parties[2] = { { .result = -1 } };

        start_all(parties, LENGTH(parties), &barrier);
        ck_assert_int_eq(ppt_barrier_wait(&barrier, deadlines[i], NULL), 0);
        join_all(parties, LENGTH(parties), 0);
    }
    finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_wait 0. */
START_TEST(two_hundred_threads_meet)
{
    party_t *parties = calloc(MANY, sizeof *parties);
    bool given[MANY] = { false };
    ppt_barrier_t barrier;
    int i;

    ck_assert_ptr_nonnull(parties);
    init(&barrier, MANY, NULL, NULL);
    for (i = 0; i < MANY; i++)
        start_unseen(&parties[i], &barrier, PPT_FOREVER);
    for (i = 0; i < MANY; i++) {
        join(&parties[i], 0);
        ck_assert_uint_lt(parties[i].index, MANY);
        ck_assert(!given[parties[i].index]);
        given[parties[i].index] = true;
    }
    ck_empty(&barrier, false);
    ck_assert_int_eq(ppt_barrier_destroy(&barrier), 0);
    free(parties);
}
END_TEST

/* The header's example: each round writes a row that all parties read */

enum { ROUNDS = 300, WRITERS = 4 };

struct table {
    ppt_barrier_t barrier;
    int writers; /* gives each its number */
    int rows[2][WRITERS];
    int indices[ROUNDS][WRITERS];
    int odd;
};

static void write_and_read(void *arg)
{
    struct table *table = arg;
    int me = bump(&table->writers);
    int round, i;

    for (round = 0; round < ROUNDS; round++) {
        int *row = table->rows[round % 2];
        uint32_t index = NO_INDEX;

        row[me] = round;
        if (ppt_barrier_wait(&table->barrier, PPT_FOREVER, &index) != 0
            || index >= WRITERS) {
            bump(&table->odd);
            return;
        }
        table->indices[round][index]++;
        for (i = 0; i < WRITERS; i++)
            if (row[i] != round)
                bump(&table->odd);
    }
}

/* Proves ppt_barrier_wait Orders. */
START_TEST(each_sees_what_all_wrote_before_and_has_its_own_index)
{
    struct table *table = calloc(1, sizeof *table);
    worker_t workers[WRITERS];
    int i, j;

    ck_assert_ptr_nonnull(table);
    init(&table->barrier, WRITERS, NULL, NULL);
    for (i = 0; i < WRITERS; i++)
        worker_start(&workers[i], write_and_read, table);
    for (i = 0; i < WRITERS; i++)
        worker_join(&workers[i]);
    ck_assert_int_eq(table->odd, 0);
    for (i = 0; i < ROUNDS; i++)
        for (j = 0; j < WRITERS; j++)
            ck_assert_int_eq(table->indices[i][j], 1);
    finish(&table->barrier);
    free(table);
}
END_TEST

/* Actions */

typedef struct action {
    int runs;
    int answer;
    int stay;       /* while not 0, it does not return */
    int inside;
    int overlaps;
    int plain;      /* written by it, read by the parties */
    pthread_t thread;
} action_t;

static int act(void *arg)
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

/* Proves ppt_barrier_action_fn 0. */
START_TEST(action_is_run_once_a_round_by_one_of_the_threads)
{
    action_t action = { 0 };
    ppt_barrier_t barrier;
    int round, i;

    init(&barrier, 3, act, &action);
    for (round = 1; round <= 5; round++) {
        party_t parties[2] = { { .result = -1 } };
        bool one_of_them;

        start_all(parties, LENGTH(parties), &barrier);
        ck_assert_int_eq(peek(&action.runs), round - 1);
        arrive_last(&barrier, 0);
        ck_assert_int_eq(action.plain, round);
        one_of_them = pthread_equal(action.thread, pthread_self());
        for (i = 0; i < LENGTH(parties); i++)
            one_of_them |= pthread_equal(action.thread,
                                         parties[i].worker.thread);
        join_all(parties, LENGTH(parties), 0);
        ck_assert(one_of_them);
        ck_assert_int_eq(peek(&action.runs), round);
    }
    finish(&barrier);
}
END_TEST

START_TEST(action_of_a_single_party_is_run_each_time)
{
    action_t action = { 0 };
    ppt_barrier_t barrier;
    int round;

    init(&barrier, 1, act, &action);
    for (round = 1; round <= 5; round++) {
        arrive_last(&barrier, 0);
        ck_assert_int_eq(action.plain, round);
    }
    poke(&action.answer, 55);
    arrive_last(&barrier, 55);
    ck_broken(&barrier);
}
END_TEST

/* Start all parties of barrier, whose action stays, and see it run. */
static void start_action(party_t *parties, int n, ppt_barrier_t *barrier,
                         action_t *action)
{
    int before = peek(&action->runs);
    int i;

    poke(&action->stay, 1);
    for (i = 0; i < n; i++)
        start_unseen(&parties[i], barrier, PPT_FOREVER);
    await(peek(&action->runs) == before + 1);
}

/* Proves ppt_barrier_wait Orders, barrier.c B3. */
START_TEST(action_returns_before_anybody_goes)
{
    party_t parties[3] = { { .result = -1 } };
    action_t action = { 0 };
    ppt_barrier_t barrier;
    int i;

    init(&barrier, 3, act, &action);
    start_action(parties, LENGTH(parties), &barrier, &action);
    for (i = 0; i < LENGTH(parties); i++) {
        await(worker_asleep(&parties[i].worker)
              || worker_done(&parties[i].worker));
        ck_assert(!worker_done(&parties[i].worker));
    }
    poke(&action.stay, 0);
    join_all(parties, LENGTH(parties), 0);
    ck_assert_int_eq(action.plain, 1);
    finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_action_fn other, ppt_barrier_wait other. */
START_TEST(failed_action_breaks_the_barrier)
{
    party_t parties[4] = { { .result = -1 } };
    action_t action = { .answer = 55 };
    ppt_barrier_t barrier;
    int canceled = 0, answered = 0;
    int i;

    init(&barrier, 4, act, &action);
    for (i = 0; i < LENGTH(parties); i++)
        start_unseen(&parties[i], &barrier, PPT_FOREVER);
    for (i = 0; i < LENGTH(parties); i++) {
        worker_join(&parties[i].worker);
        ck_assert_uint_eq(parties[i].index, NO_INDEX);
        canceled += parties[i].result == ECANCELED;
        answered += parties[i].result == 55;
        if (parties[i].result == 55)
            ck_assert(pthread_equal(action.thread,
                                    parties[i].worker.thread));
    }
    ck_assert_int_eq(canceled, 3);
    ck_assert_int_eq(answered, 1);
    ck_broken(&barrier);
    ck_assert_int_eq(peek(&action.runs), 1);
    poke(&action.answer, 0);
    ppt_barrier_reset(&barrier);
    finish(&barrier);
}
END_TEST

/*
 * The next round is complete while the action of the last one runs.
 * Proves ppt_barrier_t Reuse, barrier.c B3.
 */
START_TEST(actions_never_overlap_and_the_next_round_need_not_wait)
{
    party_t first[2] = { { .result = -1 } }, next[2] = { { .result = -1 } };
    action_t action = { 0 };
    ppt_barrier_t barrier;
    int i;

    init(&barrier, 2, act, &action);
    start_action(first, LENGTH(first), &barrier, &action);
    start(&next[0], &barrier, PPT_FOREVER); /* its place is taken at once */
    start_unseen(&next[1], &barrier, PPT_FOREVER);
    await(ppt_barrier_n_waiting(&barrier) == 0);
    await(worker_asleep(&next[1].worker));
    ck_assert_int_eq(peek(&action.runs), 1);
    for (i = 0; i < 2; i++)
        ck_assert(!worker_done(&first[i].worker)
                  && !worker_done(&next[i].worker));
    poke(&action.stay, 0);
    join_all(first, LENGTH(first), 0);
    join_all(next, LENGTH(next), 0);
    ck_assert_int_eq(peek(&action.runs), 2);
    ck_assert_int_eq(peek(&action.overlaps), 0);
    finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_abort, ppt_barrier_reset. */
START_TEST(abort_does_not_disturb_a_running_action_nor_its_round)
{
    party_t parties[3] = { { .result = -1 } };
    action_t action = { 0 };
    ppt_barrier_t barrier;

    init(&barrier, 3, act, &action);
    start_action(parties, LENGTH(parties), &barrier, &action);
    ppt_barrier_abort(&barrier);
    ck_assert(ppt_barrier_broken(&barrier));
    poke(&action.stay, 0);
    join_all(parties, LENGTH(parties), 0);
    ck_broken(&barrier);
}
END_TEST

/* More threads than parties, round after round */

enum { CROWD = 7 };

struct crowd {
    ppt_barrier_t barrier;
    action_t action;
    int indices[3]; /* how often each was given */
    int met;        /* waits that returned 0 */
    int odd;
};

static void meet_until_broken(void *arg)
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

/* Proves ppt_barrier_t Reuse. */
START_TEST(more_threads_than_parties_meet_in_full_rounds)
{
    struct crowd crowd = { .met = 0 };
    worker_t workers[CROWD];
    int i;

    init(&crowd.barrier, 3, act, &crowd.action);
    for (i = 0; i < CROWD; i++)
        worker_start(&workers[i], meet_until_broken, &crowd);
    await(peek(&crowd.action.runs) >= 500);
    ppt_barrier_abort(&crowd.barrier);
    for (i = 0; i < CROWD; i++)
        worker_join(&workers[i]);
    ck_assert_int_eq(crowd.odd, 0);
    ck_assert_int_eq(crowd.action.overlaps, 0);
    ck_assert_int_eq(crowd.action.plain, crowd.action.runs);
    ck_assert_int_eq(crowd.met, 3 * crowd.action.runs);
    for (i = 0; i < 3; i++)
        ck_assert_int_eq(crowd.indices[i], crowd.action.runs);
    ck_broken(&crowd.barrier);
}
END_TEST

/* Timeouts */

/* Proves ppt_barrier_wait ETIMEDOUT, ppt_barrier_broken. */
START_TEST(timeout_breaks_the_barrier_for_all)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(4);
    party_t first = { .result = -1 }, timed = { .result = -1 },
            last = { .result = -1 };
    int64_t deadline;

    start(&first, &barrier, PPT_FOREVER);
    deadline = ppt_deadline(20 * MS);
    start(&timed, &barrier, deadline);
    start_unseen(&last, &barrier, PPT_FOREVER);
    join(&timed, ETIMEDOUT);
    ck_assert_int_ge(timed.returned, deadline);
    join(&first, ECANCELED);
    join(&last, ECANCELED);
    ck_broken(&barrier);
    ppt_barrier_reset(&barrier);
    finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_wait ETIMEDOUT, time.h Promise. */
START_TEST(timeout_is_never_early)
{
    static const int64_t timeouts[] = { 1, US, 50 * US, MS, 20 * MS };
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
    int i;

    for (i = 0; i < 10 * LENGTH(timeouts); i++) {
        int64_t deadline = ppt_deadline(timeouts[i % LENGTH(timeouts)]);
        uint32_t index = NO_INDEX;

        ck_assert_int_eq(ppt_barrier_wait(&barrier, deadline, &index),
                         ETIMEDOUT);
        ck_assert_int_ge(ppt_now(), deadline);
        ck_assert_int_lt(ppt_now(), deadline + LATE);
        ck_assert_uint_eq(index, NO_INDEX);
        ck_empty(&barrier, true);
        ppt_barrier_reset(&barrier);
    }
    finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_wait ETIMEDOUT. */
START_TEST(expired_deadline_is_a_timeout)
{
    const int64_t expired[] = { PPT_TRY, 1, ppt_now() };
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
    int i;

    for (i = 0; i < LENGTH(expired); i++) {
        ck_assert_int_eq(ppt_barrier_wait(&barrier, expired[i], NULL),
                         ETIMEDOUT);
        ck_empty(&barrier, true);
        ppt_barrier_reset(&barrier);
        ck_assert_int_eq(ppt_barrier_wait_interruptible(
                             &barrier, expired[i], NULL, NULL, NULL),
                         ETIMEDOUT);
        ck_empty(&barrier, true);
        ppt_barrier_reset(&barrier);
    }
    finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_wait EINVAL, time.h Range. */
START_TEST(negative_deadline_is_refused_and_changes_nothing)
{
    static const int64_t negative[] = { -1, INT64_MIN };
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
    party_t party = { .result = -1 };
    uint32_t index = NO_INDEX;
    int i;

    start(&party, &barrier, PPT_FOREVER);
    for (i = 0; i < LENGTH(negative); i++) {
        ck_assert_int_eq(ppt_barrier_wait(&barrier, negative[i], &index),
                         EINVAL);
        ck_assert_int_eq(ppt_barrier_wait_interruptible(
                             &barrier, negative[i], &index, NULL, NULL),
                         EINVAL);
        ck_assert_uint_eq(ppt_barrier_n_waiting(&barrier), 1);
        ck_assert(!ppt_barrier_broken(&barrier));
    }
    ck_assert_uint_eq(index, NO_INDEX);
    arrive_last(&barrier, 0);
    join(&party, 0);
    finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_wait 0. */
START_TEST(deadline_does_not_matter_where_all_arrive_in_time)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
    party_t party = { .result = -1 };

    start(&party, &barrier, ppt_deadline(2 * LIMIT));
    arrive_last(&barrier, 0);
    join(&party, 0);
    finish(&barrier);
}
END_TEST

/* The timed one is inside a signal handler when all have arrived. */
START_TEST(round_that_is_complete_before_the_timeout_is_kept)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
    party_t party = { .result = -1 };
    int64_t timeout;

    signals_install(0);
    for (timeout = 300 * MS;; timeout *= 2) {
        int64_t deadline = ppt_deadline(timeout);

        start(&party, &barrier, deadline);
        if (signals_hold_past(&party.worker, deadline)
            && ppt_barrier_n_waiting(&barrier) == 1)
            break;
        signals_let_go();
        join(&party, ETIMEDOUT);
        ppt_barrier_reset(&barrier);
    }
    arrive_last(&barrier, 0);
    signals_let_go();
    join(&party, 0);
    finish(&barrier);
}
END_TEST

/* Abort and reset */

/* Proves ppt_barrier_wait ECANCELED, ppt_barrier_abort. */
START_TEST(abort_cancels_present_and_future_waits_until_a_reset)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(4);
    party_t parties[3] = { { .result = -1 } };
    int i;

    start_all(parties, LENGTH(parties), &barrier);
    ppt_barrier_abort(&barrier);
    join_all(parties, LENGTH(parties), ECANCELED);
    for (i = 0; i < 4; i++) {
        ck_broken(&barrier);
        ck_assert_int_eq(ppt_barrier_wait(&barrier, PPT_TRY, NULL),
                         ECANCELED);
    }
    ppt_barrier_abort(&barrier);
    ck_broken(&barrier);
    ppt_barrier_reset(&barrier);
    finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_abort, ppt_barrier_broken. */
START_TEST(abort_of_an_empty_barrier_breaks_it)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);

    ppt_barrier_abort(&barrier);
    ck_broken(&barrier);
    ck_assert_int_eq(ppt_barrier_destroy(&barrier), 0);
}
END_TEST

/* Proves ppt_barrier_wait ECANCELED, ppt_barrier_reset. */
START_TEST(reset_cancels_present_waits_and_leaves_the_barrier_whole)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(4);
    party_t parties[3] = { { .result = -1 } };

    start_all(parties, LENGTH(parties), &barrier);
    ppt_barrier_reset(&barrier);
    ck_empty(&barrier, false);
    ck_works(&barrier); /* while the old ones may still be on their way */
    join_all(parties, LENGTH(parties), ECANCELED);
    ppt_barrier_reset(&barrier);
    finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_reset. */
START_TEST(abort_and_reset_at_once_cancel_only_the_present_waits)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(3);
    int round;

    for (round = 0; round < 20; round++) {
        party_t parties[2] = { { .result = -1 } };

        start_all(parties, LENGTH(parties), &barrier);
        ppt_barrier_abort(&barrier);
        ppt_barrier_reset(&barrier);
        ck_works(&barrier);
        join_all(parties, LENGTH(parties), ECANCELED);
    }
    finish(&barrier);
}
END_TEST

/* Interrupts; the loop's variable is sa_flags */

START_TEST(handler_does_not_end_a_wait_that_is_not_interruptible)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
    party_t party = { .result = -1 };
    int i;

    signals_install(_i);
    start(&party, &barrier, PPT_FOREVER);
    for (i = 0; i < 100; i++) {
        worker_interrupt(&party.worker);
        nap();
    }
    ck_assert_uint_eq(ppt_barrier_n_waiting(&barrier), 1);
    ck_assert(!ppt_barrier_broken(&barrier));
    arrive_last(&barrier, 0);
    join(&party, 0);
    finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_wait_interruptible EINTR. */
START_TEST(interrupted_thread_leaves_with_eintr_and_breaks_nothing)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(3);
    party_t party = { .result = -1 }, stays = { .result = -1 },
            replaces = { .result = -1 };

    signals_install(_i);
    start_interruptible(&party, &barrier, NULL, NULL);
    start(&stays, &barrier, PPT_FOREVER);
    interrupt_until(&party.worker, worker_done(&party.worker));
    join(&party, EINTR);
    ck_assert_uint_eq(ppt_barrier_n_waiting(&barrier), 1);
    ck_assert(!ppt_barrier_broken(&barrier));
    start(&replaces, &barrier, PPT_FOREVER);
    ck_assert(!worker_done(&stays.worker)); /* it counts as not arrived */
    arrive_last(&barrier, 0);
    join(&stays, 0);
    join(&replaces, 0);
    ck_assert_uint_eq(stays.index, 0);
    ck_assert_uint_eq(replaces.index, 1);
    finish(&barrier);
}
END_TEST

/* Proves ppt_interrupt_fn 0. */
START_TEST(callback_may_say_go_on_and_the_place_is_kept)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(3);
    party_t first = { .result = -1 }, second = { .result = -1 };
    interruption_t seen = { 0 };

    signals_install(_i);
    start_interruptible(&first, &barrier, interrupted, &seen);
    start(&second, &barrier, PPT_FOREVER);
    interrupt_until(&first.worker, peek(&seen.calls) >= 3);
    ck_assert_uint_eq(ppt_barrier_n_waiting(&barrier), 2);
    arrive_last(&barrier, 0);
    join(&first, 0);
    join(&second, 0);
    ck_assert_uint_eq(first.index, 0);
    ck_assert_uint_eq(second.index, 1);
    finish(&barrier);
}
END_TEST

/*
 * Whatever was in that memory before; it may be used again at once.
 * Proves ppt_barrier_wait_with.
 */
START_TEST(waiter_may_be_elsewhere_than_on_the_stack)
{
    static const int answers[] = { 0, 77 };
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
    ppt_waiter_t waiter;
    int i;

    signals_install(_i);
    memset(&waiter, 0xa5, sizeof waiter);
    for (i = 0; i < LENGTH(answers); i++) {
        interruption_t seen = { .answer = answers[i] };
        party_t party = { .waiter = &waiter };

        start_interruptible(&party, &barrier, interrupted, &seen);
        interrupt_until(&party.worker, peek(&seen.calls) >= 1);
        if (answers[i] == 0)
            arrive_last(&barrier, 0);
        join(&party, answers[i]);
        ck_assert_uint_eq(party.index, answers[i] == 0 ? 0 : NO_INDEX);
    }
    finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_wait_interruptible other, ppt_interrupt_fn other. */
START_TEST(callback_may_give_up_and_the_barrier_is_not_broken)
{
    static const int answers[] = { 77, ETIMEDOUT, ECANCELED, -1 };
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(3);
    party_t stays = { .result = -1 };
    int i;

    signals_install(_i);
    start(&stays, &barrier, PPT_FOREVER);
    for (i = 0; i < LENGTH(answers); i++) {
        interruption_t seen = { .answer = answers[i] };
        party_t party = { .result = 0 };

        start_interruptible(&party, &barrier, interrupted, &seen);
        interrupt_until(&party.worker, worker_done(&party.worker));
        join(&party, answers[i]);
        ck_assert_int_eq(seen.calls, 1);
        ck_assert_uint_eq(ppt_barrier_n_waiting(&barrier), 1);
        ck_assert(!ppt_barrier_broken(&barrier));
    }
    ppt_barrier_abort(&barrier);
    join(&stays, ECANCELED);
}
END_TEST

/* Proves ppt_interrupt_fn other. */
START_TEST(round_completed_while_the_callback_runs_is_not_lost)
{
    interruption_t seen = { .answer = 77, .stay = 1 };
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
    party_t party = { .result = -1 };

    signals_install(_i);
    start_interruptible(&party, &barrier, interrupted, &seen);
    interrupt_until(&party.worker, peek(&seen.calls) == 1);
    arrive_last(&barrier, 0);
    poke(&seen.stay, 0);
    join(&party, 0);
    ck_assert_uint_eq(party.index, 0);
    finish(&barrier);
}
END_TEST

/* Proves ppt_interrupt_fn other. */
START_TEST(reset_while_the_callback_runs_is_not_lost)
{
    interruption_t seen = { .stay = 1 };
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
    party_t party = { .result = -1 };

    signals_install(_i);
    start_interruptible(&party, &barrier, interrupted, &seen);
    interrupt_until(&party.worker, peek(&seen.calls) == 1);
    ppt_barrier_reset(&barrier);
    poke(&seen.stay, 0);
    join(&party, ECANCELED);
    finish(&barrier);
}
END_TEST

static int abort_on_interrupt(void *arg)
{
    ppt_barrier_abort(arg);
    return 77;
}

/*
 * It can no longer end the wait, but it runs.
 * Proves ppt_barrier_wait_interruptible other.
 */
START_TEST(callback_runs_while_the_action_of_the_round_does)
{
    interruption_t seen = { .answer = 77 };
    party_t party = { .result = -1 }, last = { .result = -1 };
    action_t action = { .stay = 1 };
    ppt_barrier_t barrier;

    signals_install(_i);
    init(&barrier, 2, act, &action);
    start_interruptible(&party, &barrier, interrupted, &seen);
    start_unseen(&last, &barrier, PPT_FOREVER);
    await(peek(&action.inside) == 1);
    interrupt_until(&party.worker, peek(&seen.calls) >= 2);
    ck_assert(!worker_done(&party.worker));
    poke(&action.stay, 0);
    join(&party, 0);
    join(&last, 0);
    finish(&barrier);
}
END_TEST

START_TEST(callback_may_use_the_barrier_it_interrupted)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
    party_t party = { .result = -1 };

    signals_install(_i);
    start_interruptible(&party, &barrier, abort_on_interrupt, &barrier);
    interrupt_until(&party.worker, worker_done(&party.worker));
    join(&party, ECANCELED);
    ck_broken(&barrier);
}
END_TEST

/* Proves ppt_barrier_wait_interruptible other. */
START_TEST(interruptible_wait_times_out_and_breaks_the_barrier)
{
    int64_t deadline = ppt_deadline(50 * MS);
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(3);
    interruption_t seen = { 0 };
    party_t timed = { .interruptible = true, .on_interrupt = interrupted,
                      .arg = &seen };
    party_t other = { .result = -1 };

    signals_install(_i);
    start(&other, &barrier, PPT_FOREVER);
    start(&timed, &barrier, deadline);
    interrupt_until(&timed.worker, worker_done(&timed.worker));
    join(&timed, ETIMEDOUT);
    ck_assert_int_ge(timed.returned, deadline);
    join(&other, ECANCELED);
    ck_broken(&barrier);
}
END_TEST

/* The end of a barrier */

/* Proves ppt_barrier_destroy EBUSY. */
START_TEST(destroy_with_waiters_is_busy_and_changes_nothing)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(3);
    party_t parties[2] = { { .result = -1 } };
    int i;

    for (i = 0; i < LENGTH(parties); i++) {
        start(&parties[i], &barrier, PPT_FOREVER);
        ck_assert_int_eq(ppt_barrier_destroy(&barrier), EBUSY);
        ck_assert_uint_eq(ppt_barrier_n_waiting(&barrier),
                          (uint32_t)i + 1);
    }
    ck_assert(!ppt_barrier_broken(&barrier));
    arrive_last(&barrier, 0);
    join_all(parties, LENGTH(parties), 0);
    finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_destroy EBUSY, barrier.c B5. */
START_TEST(destroy_while_the_action_runs_is_busy)
{
    party_t parties[2] = { { .result = -1 } };
    action_t action = { 0 };
    ppt_barrier_t barrier;

    init(&barrier, 2, act, &action);
    start_action(parties, LENGTH(parties), &barrier, &action);
    ck_assert_int_eq(ppt_barrier_destroy(&barrier), EBUSY);
    poke(&action.stay, 0);
    join_all(parties, LENGTH(parties), 0);
    finish(&barrier);
}
END_TEST

struct last_round {
    ppt_barrier_t *barrier;
    int returned;  /* counts the threads that did */
    int destroyed; /* what destroy said to the first */
    int result;    /* what wait should return; or, to one, the other */
    int other;
    int odd;
};

static void meet_and_free(void *arg)
{
    struct last_round *round = arg;
    int result = ppt_barrier_wait(round->barrier, PPT_FOREVER, NULL);

    if (result != round->result && result != round->other)
        bump(&round->odd);
    if (bump(&round->returned) == 0) {
        round->destroyed = ppt_barrier_destroy(round->barrier);
        memset(round->barrier, 0xdd, sizeof *round->barrier);
        free(round->barrier);
    }
}

static void ck_first_may_free(ppt_barrier_action_fn fn, action_t *action,
                              int result)
{
    int i, j;

    for (i = 0; i < 200; i++) {
        struct last_round round = { .destroyed = -1, .result = result };
        worker_t workers[4];

        round.other = peek(&action->answer);
        round.barrier = malloc(sizeof *round.barrier);
        ck_assert_ptr_nonnull(round.barrier);
        init(round.barrier, LENGTH(workers), fn, action);
        for (j = 0; j < LENGTH(workers); j++)
            worker_start(&workers[j], meet_and_free, &round);
        for (j = 0; j < LENGTH(workers); j++)
            worker_join(&workers[j]);
        ck_assert_int_eq(round.destroyed, 0);
        ck_assert_int_eq(round.odd, 0);
    }
}

/*
 * The others, and who ran the action, may still be inside wait.
 * Proves ppt_barrier_destroy 0.
 */
START_TEST(memory_may_be_freed_by_the_first_to_return)
{
    action_t action = { .answer = 0 };

    ck_first_may_free(NULL, &action, 0);
    ck_first_may_free(act, &action, 0);
}
END_TEST

/* Proves ppt_barrier_destroy 0. */
START_TEST(memory_may_be_freed_by_the_first_to_return_from_a_failed_round)
{
    action_t action = { .answer = 55 };

    ck_first_may_free(act, &action, ECANCELED);
}
END_TEST

static bool all_zero(const void *memory, size_t size)
{
    const unsigned char *bytes = memory;
    size_t i;

    for (i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/*
 * The barrier's memory is reused as soon as destroy allows it.
 * Proves ppt_barrier_destroy 0.
 */
START_TEST(destroy_waits_for_a_thread_that_is_timing_out)
{
    int round;

    for (round = 0; round < 500; round++) {
        ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
        party_t party = { .result = -1 };

        start(&party, &barrier, ppt_deadline(100 * US));
        while (ppt_barrier_destroy(&barrier) == EBUSY)
            ;
        memset(&barrier, 0, sizeof barrier);
        join(&party, ETIMEDOUT);
        ck_assert(all_zero(&barrier, sizeof barrier));
    }
}
END_TEST

/* Proves ppt_barrier_destroy 0. */
START_TEST(destroyed_barrier_can_be_made_again)
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);

    ppt_barrier_abort(&barrier);
    ck_assert_int_eq(ppt_barrier_destroy(&barrier), 0);
    init(&barrier, 3, NULL, NULL);
    finish(&barrier);
}
END_TEST

/*
 * Forks.  A child of a process with threads starts none of its own, which
 * ThreadSanitizer could not bear; so it meets nobody, unless it is the only
 * party.
 */

static int meet_nobody(ppt_barrier_t *barrier)
{
    require(ppt_barrier_wait(barrier, ppt_deadline(MS), NULL) == ETIMEDOUT);
    require(ppt_barrier_broken(barrier));
    require(ppt_barrier_wait(barrier, PPT_FOREVER, NULL) == ECANCELED);
    ppt_barrier_reset(barrier);
    return 0;
}

static int meet_oneself(ppt_barrier_t *barrier)
{
    action_t *action = barrier->arg;

    poke(&action->stay, 0);
    poke(&action->runs, 0);
    require(ppt_barrier_wait(barrier, PPT_FOREVER, NULL) == 0);
    require(peek(&action->runs) == 1);
    return 0;
}

static int make_new(void *arg)
{
    ppt_barrier_t *barrier = arg;
    uint32_t parties = ppt_barrier_parties(barrier);

    ppt_barrier_after_fork(barrier);
    require(!ppt_barrier_broken(barrier));
    require(ppt_barrier_n_waiting(barrier) == 0);
    require(ppt_barrier_parties(barrier) == parties);
    require((parties == 1 ? meet_oneself : meet_nobody)(barrier) == 0);
    require(ppt_barrier_destroy(barrier) == 0);
    return 0;
}

static void *wait_in_child(void *barrier)
{
    ppt_barrier_wait(barrier, PPT_FOREVER, NULL);
    return NULL;
}

static int make_new_and_meet(void *arg)
{
    ppt_barrier_t *barrier = arg;
    action_t *action = barrier->arg;
    pthread_t thread;

    ppt_barrier_after_fork(barrier);
    require(pthread_create(&thread, NULL, wait_in_child, barrier) == 0);
    require(ppt_barrier_wait(barrier, PPT_FOREVER, NULL) == 0);
    require(pthread_join(thread, NULL) == 0);
    require(peek(&action->runs) == 1);
    return make_new(barrier);
}

/* Proves ppt_barrier_after_fork. */
START_TEST(child_makes_a_broken_barrier_new)
{
    action_t action = { 0 };
    ppt_barrier_t barrier;

    init(&barrier, 2, act, &action);
    ppt_barrier_abort(&barrier);
    ck_assert_int_eq(in_child(make_new_and_meet, &barrier), 0);
    ck_broken(&barrier);
}
END_TEST

/* Proves ppt_barrier_after_fork. */
START_TEST(child_makes_a_barrier_that_is_waited_at_new)
{
    action_t action = { 0 };
    party_t parties[2] = { { .result = -1 } };
    ppt_barrier_t barrier;

    init(&barrier, 3, act, &action);
    start_all(parties, LENGTH(parties), &barrier);
    ck_assert_int_eq(in_child(make_new, &barrier), 0);
    ck_assert_uint_eq(ppt_barrier_n_waiting(&barrier), 2);
    arrive_last(&barrier, 0);
    join_all(parties, LENGTH(parties), 0);
    finish(&barrier);
}
END_TEST

/* Proves ppt_barrier_after_fork. */
START_TEST(child_makes_a_barrier_whose_action_runs_new)
{
    action_t action = { 0 };
    party_t party = { .result = -1 };
    ppt_barrier_t barrier;

    init(&barrier, 1, act, &action);
    start_action(&party, 1, &barrier, &action);
    ck_assert_int_eq(in_child(make_new, &barrier), 0);
    poke(&action.stay, 0);
    join(&party, 0);
    finish(&barrier);
}
END_TEST

/*
 * The loop's variable is the number of parties.
 * Proves ppt_barrier_after_fork.
 */
START_TEST(fork_may_catch_the_barrier_in_any_state)
{
    struct crowd crowd = { .met = 0 };
    worker_t workers[4];
    int i;

    init(&crowd.barrier, (uint32_t)_i, act, &crowd.action);
    for (i = 0; i < LENGTH(workers); i++)
        worker_start(&workers[i], meet_until_broken, &crowd);
    for (i = 0; i < 20; i++)
        ck_assert_int_eq(in_child(make_new, &crowd.barrier), 0);
    ppt_barrier_abort(&crowd.barrier);
    for (i = 0; i < LENGTH(workers); i++)
        worker_join(&workers[i]);
    ck_assert_int_eq(crowd.odd, 0);
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        all_ways_to_make_one_make_a_whole_barrier,
        impossible_numbers_of_parties_are_refused_and_change_nothing,
        barrier_without_parties_is_refused_and_nothing_changes,
        single_party_never_waits,
        nobody_goes_before_all_have_arrived,
        index_is_the_order_of_arrival,
        index_is_not_asked_for,
        last_to_arrive_need_not_wait_whatever_its_deadline,
        two_hundred_threads_meet,
        each_sees_what_all_wrote_before_and_has_its_own_index,
        action_is_run_once_a_round_by_one_of_the_threads,
        action_of_a_single_party_is_run_each_time,
        action_returns_before_anybody_goes,
        failed_action_breaks_the_barrier,
        actions_never_overlap_and_the_next_round_need_not_wait,
        abort_does_not_disturb_a_running_action_nor_its_round,
        more_threads_than_parties_meet_in_full_rounds,
        timeout_breaks_the_barrier_for_all,
        timeout_is_never_early,
        expired_deadline_is_a_timeout,
        negative_deadline_is_refused_and_changes_nothing,
        deadline_does_not_matter_where_all_arrive_in_time,
        round_that_is_complete_before_the_timeout_is_kept,
        abort_cancels_present_and_future_waits_until_a_reset,
        abort_of_an_empty_barrier_breaks_it,
        reset_cancels_present_waits_and_leaves_the_barrier_whole,
        abort_and_reset_at_once_cancel_only_the_present_waits,
        destroy_with_waiters_is_busy_and_changes_nothing,
        destroy_while_the_action_runs_is_busy,
        memory_may_be_freed_by_the_first_to_return,
        memory_may_be_freed_by_the_first_to_return_from_a_failed_round,
        destroy_waits_for_a_thread_that_is_timing_out,
        destroyed_barrier_can_be_made_again,
        child_makes_a_broken_barrier_new,
        child_makes_a_barrier_that_is_waited_at_new,
        child_makes_a_barrier_whose_action_runs_new,
    };
    const TTest *const with_sa_flags[] = {
        handler_does_not_end_a_wait_that_is_not_interruptible,
        interrupted_thread_leaves_with_eintr_and_breaks_nothing,
        callback_may_say_go_on_and_the_place_is_kept,
        waiter_may_be_elsewhere_than_on_the_stack,
        callback_may_give_up_and_the_barrier_is_not_broken,
        round_completed_while_the_callback_runs_is_not_lost,
        callback_runs_while_the_action_of_the_round_does,
        reset_while_the_callback_runs_is_not_lost,
        callback_may_use_the_barrier_it_interrupted,
        interruptible_wait_times_out_and_breaks_the_barrier,
    };
    TCase *tcase = add_case(suite, "barrier");
    int i;

    add_list(tcase, tests, LENGTH(tests));
    tcase_add_loop_test(tcase, fork_may_catch_the_barrier_in_any_state, 1, 4);
    for (i = 0; i < LENGTH(with_sa_flags); i++) {
        tcase_add_loop_test(tcase, with_sa_flags[i], 0, 1);
        tcase_add_loop_test(tcase, with_sa_flags[i], SA_RESTART,
                            SA_RESTART + 1);
    }
}
