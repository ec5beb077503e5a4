/*
 * Thousands of waiters whose timeouts race signals.  Each signal must end
 * one wait, and each wait must end; the times are printed, and should grow
 * with the number of threads, not with its square.
 *
 * SPDX-License-Identifier: MIT
 */
#include "support.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "pyplusthread/cond.h"

#define STACK (64 * 1024)

/* For how long a thread is given to come to its wait. */
#define COMING (200 * US)

struct scale {
    ppt_lock_t lock;
    ppt_cond_t cond;
    int64_t deadline;
    int woken; /* guarded by lock, like the next two */
    int timed_out;
    int odd;
};

static void *wait_once(void *arg)
{
    struct scale *scale = arg;
    int result;

    ppt_lock_acquire(&scale->lock, PPT_FOREVER);
    result = ppt_cond_wait(&scale->cond, &scale->lock, scale->deadline);
    scale->woken += result == 0;
    scale->timed_out += result == ETIMEDOUT;
    scale->odd += result != 0 && result != ETIMEDOUT;
    ppt_lock_release(&scale->lock);
    return NULL;
}

/* As many as the system allows. */
static int start(pthread_t *threads, int n, struct scale *scale)
{
    pthread_attr_t attr;
    int started = 0;

    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    pthread_attr_setstacksize(&attr, STACK);
    while (started < n
           && pthread_create(&threads[started], &attr, wait_once, scale) == 0)
        started++;
    pthread_attr_destroy(&attr);
    return started;
}

/* Signal one by one while they time out; how many were notified. */
static int signal_at_the_deadline(struct scale *scale, int n)
{
    int notified = 0;

    while (ppt_now() < scale->deadline - n * US)
        nap();
    while (ppt_cond_waiting(&scale->cond) > 0)
        notified += ppt_cond_signal(&scale->cond);
    return notified;
}

/*
 * The loop's variable is the number of threads.
 * Proves ppt_cond_t Exact.
 */
START_TEST(timeouts_of_thousands_race_signals_and_none_is_lost)
{
    pthread_t *threads = calloc((size_t)_i, sizeof *threads);
    struct scale scale = { PPT_LOCK_INITIALIZER, PPT_COND_INITIALIZER,
                           ppt_deadline(100 * MS + _i * COMING), 0, 0, 0 };
    int64_t end;
    int n, i, notified;

    ck_assert_ptr_nonnull(threads);
    n = start(threads, _i, &scale);
    ck_assert_int_gt(n, 0);
    notified = signal_at_the_deadline(&scale, n);
    for (i = 0; i < n; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    end = ppt_now();
    printf("# %d threads: %d notified, %d timed out, %" PRId64
           " us after the deadline\n",
           n, notified, scale.timed_out, (end - scale.deadline) / US);
    ck_assert_int_eq(scale.odd, 0);
    ck_assert_int_eq(scale.woken, notified);
    ck_assert_int_eq(scale.woken + scale.timed_out, n);
    ck_assert_int_eq(ppt_cond_destroy(&scale.cond), 0);
    ck_assert_int_eq(ppt_lock_destroy(&scale.lock), 0);
    free(threads);
}
END_TEST

void add_tests(Suite *suite)
{
    static const int sizes[] = { 1000, 2000, 5000, 10000 };
    TCase *tcase = add_case(suite, "scale");
    int i;

    /* ThreadSanitizer keeps half a megabyte for each thread. */
    for (i = 0; i < (THREAD_SANITIZER ? 2 : LENGTH(sizes)); i++)
        tcase_add_loop_test(
            tcase, timeouts_of_thousands_race_signals_and_none_is_lost,
            sizes[i], sizes[i] + 1);
}
