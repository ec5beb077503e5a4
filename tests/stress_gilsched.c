/*
 * The scheduler under an interpreter whose lock is CPython's: a flag, a mutex,
 * requests that a computing thread looks for, and a thread that was forced
 * off waits until another one has the lock.  Threads that compute, that
 * block, that do both; the waiting is switched off and on meanwhile.
 *
 * SPDX-License-Identifier: MIT
 */
#include "support.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "pyplusthread/gilsched.h"

enum { COMPUTE = 3, BLOCK = 4, BOTH = 2, THREADS = COMPUTE + BLOCK + BOTH };

struct stage {
    ppt_gilsched_t sched;
    pthread_mutex_t mutex;  /* guards sched, locked and last */
    pthread_cond_t freed;   /* for threads that wait without the scheduler */
    bool locked;
    void *last;             /* to have the lock; written under both mutexes */
    pthread_mutex_t switch_mutex;
    pthread_cond_t switched;
    int requested;
    int off;                /* do not wait in the scheduler */
    uint64_t seed;
    int threads;
    int stop;
    int odd;                /* what may not happen */
    long inside;            /* guarded by the lock */
};

typedef struct actor {
    worker_t worker;
    struct stage *stage;
    ppt_gilsched_thread_t sched;
    dice_t dice;
    bool waits;             /* in the scheduler: until it has the lock */
    long inside;
    int progress;
} actor_t;

static bool wait_without(struct stage *stage)
{
    struct timespec at;

    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_nsec += 5 * MS;
    at.tv_sec += at.tv_nsec / SECOND;
    at.tv_nsec %= SECOND;
    return pthread_cond_timedwait(&stage->freed, &stage->mutex, &at) != 0;
}

/* True where the holder is to be asked. */
static bool wait_for_lock(actor_t *actor)
{
    struct stage *stage = actor->stage;
    uint64_t holds = stage->sched.stats.holds;
    int64_t until;
    int next;

    if (peek(&stage->off) && !actor->waits)
        return wait_without(stage);
    actor->waits = true;
    while ((next = ppt_gilsched_want(&stage->sched, &actor->sched, &until))
           == PPT_GILSCHED_SLEEP) {
        pthread_mutex_unlock(&stage->mutex);
        ppt_gilsched_sleep(&actor->sched, until);
        pthread_mutex_lock(&stage->mutex);
    }
    if (next == PPT_GILSCHED_TAKE || stage->sched.stats.holds != holds)
        return false;
    ppt_gilsched_asked(&stage->sched);
    return true;
}

static void take(actor_t *actor)
{
    struct stage *stage = actor->stage;

    pthread_mutex_lock(&stage->mutex);
    while (stage->locked)
        if (wait_for_lock(actor) && stage->locked)
            poke(&stage->requested, 1);
    pthread_mutex_lock(&stage->switch_mutex);
    stage->locked = true;
    stage->last = actor;
    ppt_gilsched_took(&stage->sched, &actor->sched);
    actor->waits = false;
    pthread_cond_signal(&stage->switched);
    pthread_mutex_unlock(&stage->switch_mutex);
    poke(&stage->requested, 0);
    pthread_mutex_unlock(&stage->mutex);
}

static void let_go(actor_t *actor)
{
    struct stage *stage = actor->stage;
    void *wake;

    pthread_mutex_lock(&stage->mutex);
    stage->locked = false;
    wake = ppt_gilsched_let_go(&stage->sched, &actor->sched);
    pthread_cond_signal(&stage->freed);
    pthread_mutex_unlock(&stage->mutex);
    ppt_gilsched_wake(wake);
    if (!peek(&stage->requested))
        return;
    pthread_mutex_lock(&stage->switch_mutex);
    if (stage->last == actor && !peek(&stage->stop)) {
        poke(&stage->requested, 0);
        pthread_cond_wait(&stage->switched, &stage->switch_mutex);
        ppt_gilsched_detained(&stage->sched, &actor->sched);
    }
    pthread_mutex_unlock(&stage->switch_mutex);
}

static void touch(actor_t *actor)
{
    struct stage *stage = actor->stage;
    long inside = stage->inside;

    if (roll(&actor->dice, 256) == 0)
        sched_yield();
    stage->inside = inside + 1;
    actor->inside++;
    bump(&actor->progress);
}

static void enter(actor_t *actor)
{
    actor->dice = dice(actor->stage->seed, bump(&actor->stage->threads));
}

static void compute_for(actor_t *actor, uint32_t steps)
{
    take(actor);
    while (steps-- > 0 && !peek(&actor->stage->stop)) {
        touch(actor);
        if (peek(&actor->stage->requested)) {
            let_go(actor);
            take(actor);
        }
    }
    let_go(actor);
}

static void compute(void *arg)
{
    actor_t *actor = arg;

    enter(actor);
    while (!peek(&actor->stage->stop))
        compute_for(actor, UINT32_MAX);
}

static void block(void *arg)
{
    actor_t *actor = arg;

    enter(actor);
    while (!peek(&actor->stage->stop)) {
        take(actor);
        touch(actor);
        let_go(actor);
        if (roll(&actor->dice, 16) == 0)
            nap();
    }
}

static void do_both(void *arg)
{
    actor_t *actor = arg;

    enter(actor);
    while (!peek(&actor->stage->stop))
        compute_for(actor, roll(&actor->dice, 100000));
}

static void start_all(struct stage *stage, actor_t *actors)
{
    int i;

    memset(actors, 0, THREADS * sizeof *actors);
    for (i = 0; i < THREADS; i++) {
        actors[i].stage = stage;
        worker_start(&actors[i].worker,
                     i < COMPUTE ? compute
                                 : i < COMPUTE + BLOCK ? block : do_both,
                     &actors[i]);
    }
}

static bool all_progressed(const actor_t *actors)
{
    int i;

    for (i = 0; i < THREADS; i++)
        if (peek(&actors[i].progress) < 20)
            return false;
    return true;
}

static void disturb_until_end(struct stage *stage, const actor_t *actors,
                              bool switches)
{
    int64_t end = stress_end();
    dice_t mine = dice(stage->seed, bump(&stage->threads));

    while (ppt_now() < end || !all_progressed(actors)) {
        worker_interrupt(&actors[roll(&mine, THREADS)].worker);
        if (switches && roll(&mine, 50) == 0)
            poke(&stage->off, !peek(&stage->off));
        nap();
        ck_assert_int_lt(ppt_now(), end + LIMIT);
    }
    poke(&stage->stop, 1);
}

/* The last one that was forced off has nobody to wait for. */
static void join_all(struct stage *stage, actor_t *actors)
{
    int i;

    for (i = 0; i < THREADS; i++) {
        int64_t limit = ppt_now() + LIMIT;

        while (!worker_done(&actors[i].worker) && ppt_now() < limit) {
            pthread_mutex_lock(&stage->switch_mutex);
            pthread_cond_broadcast(&stage->switched);
            pthread_mutex_unlock(&stage->switch_mutex);
            nap();
        }
        worker_join(&actors[i].worker);
    }
}

static void ck_sums(const struct stage *stage, const actor_t *actors)
{
    const ppt_gilsched_stats_t *stats = &stage->sched.stats;
    long inside = 0;
    int i;

    for (i = 0; i < THREADS; i++)
        inside += actors[i].inside;
    printf("# %ld steps, %llu holds, %llu wakes, %llu in vain, %llu requests\n",
           inside, (unsigned long long)stats->holds,
           (unsigned long long)stats->wakes,
           (unsigned long long)stats->vain_wakes,
           (unsigned long long)stats->requests);
    ck_assert_int_eq(stage->inside, inside);
    ck_assert_uint_eq(ppt_gilsched_waiting(&stage->sched), 0);
    ck_assert_uint_le(stats->cpu_waits, stats->waits);
    ck_assert_uint_le(stats->vain_wakes, stats->wakes);
    ck_assert_uint_le(stats->renewals, stats->requests);
}

/*
 * Proves ppt_gilsched_t Starvation, ppt_gilsched_sleep, ppt_gilsched_wake,
 * sched.c S3.
 */
START_TEST(one_holder_at_a_time_and_nobody_starves)
{
    actor_t actors[THREADS];
    struct stage stage;

    signals_install(0);
    memset(&stage, 0, sizeof stage);
    pthread_mutex_init(&stage.mutex, NULL);
    pthread_mutex_init(&stage.switch_mutex, NULL);
    pthread_cond_init(&stage.freed, NULL);
    pthread_cond_init(&stage.switched, NULL);
    stage.seed = seed();
    start_all(&stage, actors);
    disturb_until_end(&stage, actors, _i == 1);
    join_all(&stage, actors);
    ck_sums(&stage, actors);
}
END_TEST

void add_tests(Suite *suite)
{
    TCase *tcase = add_case(suite, "stress");

    tcase_add_loop_test(tcase, one_holder_at_a_time_and_nobody_starves, 0,
                        2);
}
