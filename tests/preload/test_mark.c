/* SPDX-License-Identifier: MIT */
/* Tests of src/preload/mark.c, with C libraries that there are and are not. */
#include "../support.h"

#include <string.h>
#include <time.h>

#include "mark.h"
#include "pyplusthread/pthread.h"

/* What init writes into a word if the clock or the sharing says so. */
static struct layout {
    int shared_word, clock_word, other_word; /* -1: none */
    uint32_t shared, private, clock;
    bool only_realtime;
} layout;

static void put(pthread_cond_t *cond, int word, uint32_t bits)
{
    uint32_t *words = (uint32_t *)(void *)cond;

    if (word >= 0)
        words[word] |= bits;
}

static int init(pthread_cond_t *cond, const pthread_condattr_t *attr)
{
    clockid_t clock;
    int shared;

    pthread_condattr_getclock(attr, &clock);
    pthread_condattr_getpshared(attr, &shared);
    memset(cond, 0, sizeof *cond);
    if (clock == CLOCK_MONOTONIC)
        put(cond, layout.clock_word, layout.clock);
    if (shared == PTHREAD_PROCESS_PRIVATE)
        put(cond, layout.shared_word, layout.private);
    else if (!layout.only_realtime || clock == CLOCK_REALTIME)
        put(cond, layout.shared_word, layout.shared);
    if (shared == PTHREAD_PROCESS_SHARED)
        put(cond, layout.other_word, 1);
    return 0;
}

static int destroy(pthread_cond_t *cond)
{
    (void)cond;
    return 0;
}

static const pthread_cond_t zeros;

static void check_found(uint32_t offset)
{
    ppt__mark_t mark;

    ck_assert(ppt__mark_find(&mark, init, destroy));
    ck_assert_uint_eq(mark.offset, offset);
    ck_assert_uint_eq(mark.mask, layout.shared);
    ck_assert(!ppt__mark_is_on(mark, &zeros));
}

static void check_not_found(void)
{
    ppt__mark_t mark;

    ck_assert(!ppt__mark_find(&mark, init, destroy));
    ck_assert(ppt__mark_is_on(mark, &zeros));
}

static const struct layout glibc_2_25 = {
    .shared_word = 9, .shared = 1, .clock_word = 9, .clock = 2,
    .other_word = -1,
};

START_TEST(mark_of_glibc_2_25_is_found)
{
    layout = glibc_2_25;
    check_found(36);
}
END_TEST

START_TEST(mark_of_glibc_2_41_is_found)
{
    layout = glibc_2_25;
    layout.shared_word = layout.clock_word = 7;
    check_found(28);
}
END_TEST

START_TEST(mark_of_several_bits_is_found)
{
    layout = glibc_2_25;
    layout.shared_word = 7;
    layout.shared = 0x80000001;
    check_found(28);
}
END_TEST

/* Proves mark.c M1. */
START_TEST(mark_where_our_conditions_hold_something_is_refused)
{
    int word;

    layout = glibc_2_25;
    for (word = 0; word < 12; word++)
        if (word != 7 && word != 9) {
            layout.shared_word = word;
            check_not_found();
        }
}
END_TEST

START_TEST(mark_in_two_words_is_refused)
{
    layout = glibc_2_25;
    layout.other_word = 7;
    check_not_found();
}
END_TEST

/* Proves mark.c M1. */
START_TEST(mark_that_private_conditions_have_is_refused)
{
    layout = glibc_2_25;
    layout.private = 1;
    layout.shared = 0;
    check_not_found();
}
END_TEST

/* Proves mark.c M3. */
START_TEST(no_mark_is_refused)
{
    layout = glibc_2_25;
    layout.shared_word = -1;
    check_not_found();
}
END_TEST

/* Proves mark.c M2. */
START_TEST(mark_that_depends_on_the_clock_is_refused)
{
    layout = glibc_2_25;
    layout.only_realtime = true;
    check_not_found();
    layout.only_realtime = false;
    layout.clock = layout.shared;
    check_not_found();
}
END_TEST

/* The C library that there is. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    int waits; /* guarded by mutex */
} shared = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static void wait_once(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&shared.mutex);
    shared.waits = 1;
    while (shared.waits == 1)
        pthread_cond_wait(&shared.cond, &shared.mutex);
    pthread_mutex_unlock(&shared.mutex);
}

static bool waits(void)
{
    bool yes;

    pthread_mutex_lock(&shared.mutex);
    yes = shared.waits == 1;
    pthread_mutex_unlock(&shared.mutex);
    return yes;
}

static void init_shared(void)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    ck_assert_int_eq(pthread_cond_init(&shared.cond, &attr), 0);
    pthread_condattr_destroy(&attr);
}

/* Proves mark.c M2. */
START_TEST(mark_of_this_c_library_stays_whatever_happens)
{
    ppt__mark_t mark;
    worker_t worker;

    ck_assert(ppt__mark_find(&mark, pthread_cond_init,
                             pthread_cond_destroy));
    ck_assert(!ppt__mark_is_on(mark, &shared.cond));
    init_shared();
    ck_assert(ppt__mark_is_on(mark, &shared.cond));
    pthread_cond_signal(&shared.cond);
    worker_start(&worker, wait_once, NULL);
    await(waits());
    ck_assert(ppt__mark_is_on(mark, &shared.cond));
    pthread_mutex_lock(&shared.mutex);
    shared.waits = 0;
    pthread_cond_broadcast(&shared.cond);
    ck_assert(ppt__mark_is_on(mark, &shared.cond));
    pthread_mutex_unlock(&shared.mutex);
    ck_assert_int_eq(pthread_cond_destroy(&shared.cond), 0);
    ck_assert(ppt__mark_is_on(mark, &shared.cond));
    worker_join(&worker);
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        mark_of_glibc_2_25_is_found,
        mark_of_glibc_2_41_is_found,
        mark_of_several_bits_is_found,
        mark_where_our_conditions_hold_something_is_refused,
        mark_in_two_words_is_refused,
        mark_that_private_conditions_have_is_refused,
        no_mark_is_refused,
        mark_that_depends_on_the_clock_is_refused,
        mark_of_this_c_library_stays_whatever_happens,
    };

    add_list(add_case(suite, "mark"), tests, LENGTH(tests));
}
