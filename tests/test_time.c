/* SPDX-License-Identifier: MIT */
/* The promises of time.h.  That no timeout is early each primitive tests. */
#include "support.h"

#include <time.h>

static int64_t system_now(void)
{
    struct timespec now;

    ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return now.tv_sec * SECOND + now.tv_nsec;
}

/* Proves time.h Range. */
START_TEST(try_and_forever_are_the_ends_of_the_range)
{
    ck_assert_int_eq(PPT_TRY, 0);
    ck_assert_int_eq(PPT_FOREVER, INT64_MAX);
}
END_TEST

/* Proves ppt_now. */
START_TEST(now_is_in_nanoseconds_on_the_monotonic_clock)
{
    int i;

    for (i = 0; i < 1000; i++) {
        int64_t before = system_now();
        int64_t now = ppt_now();

        ck_assert_int_le(before, now);
        ck_assert_int_le(now, system_now());
    }
}
END_TEST

/* Proves ppt_now. */
START_TEST(now_is_positive_and_goes_on_but_never_back)
{
    int64_t begin = ppt_now();
    int64_t last = begin;

    ck_assert_int_gt(begin, 0);
    while (last < begin + 10 * MS) {
        int64_t now = ppt_now();

        ck_assert_int_ge(now, last);
        last = now;
    }
}
END_TEST

/* Proves ppt_deadline Returns. */
START_TEST(deadline_lies_the_timeout_ahead_of_now)
{
    static const int64_t timeouts[] = { 1, US, MS, SECOND, 3600 * SECOND,
                                        INT64_MAX / 2 };
    int i;

    for (i = 0; i < LENGTH(timeouts); i++) {
        int64_t before = ppt_now();
        int64_t deadline = ppt_deadline(timeouts[i]);

        ck_assert_int_ge(deadline, before + timeouts[i]);
        ck_assert_int_le(deadline, ppt_now() + timeouts[i]);
    }
}
END_TEST

/* Proves ppt_deadline Returns. */
START_TEST(deadline_that_would_overflow_is_forever)
{
    ck_assert_int_eq(ppt_deadline(INT64_MAX), PPT_FOREVER);
    ck_assert_int_eq(ppt_deadline(INT64_MAX - 1), PPT_FOREVER);
    ck_assert_int_eq(ppt_deadline(INT64_MAX - ppt_now()), PPT_FOREVER);
}
END_TEST

/* Proves ppt_deadline Returns. */
START_TEST(longest_finite_deadline_is_not_forever)
{
    int64_t deadline = ppt_deadline(INT64_MAX - ppt_now() - 100 * SECOND);

    ck_assert_int_gt(deadline, INT64_MAX / 2);
    ck_assert_int_lt(deadline, PPT_FOREVER);
}
END_TEST

/* Proves ppt_deadline Returns. */
START_TEST(deadline_of_no_time_is_a_try)
{
    ck_assert_int_eq(ppt_deadline(0), PPT_TRY);
}
END_TEST

/* Proves ppt_deadline Returns. */
START_TEST(deadline_of_negative_time_is_negative)
{
    static const int64_t negative[] = { -1, -SECOND, INT64_MIN + 1,
                                        INT64_MIN };
    int i;

    for (i = 0; i < LENGTH(negative); i++)
        ck_assert_int_lt(ppt_deadline(negative[i]), 0);
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        try_and_forever_are_the_ends_of_the_range,
        now_is_in_nanoseconds_on_the_monotonic_clock,
        now_is_positive_and_goes_on_but_never_back,
        deadline_lies_the_timeout_ahead_of_now,
        deadline_that_would_overflow_is_forever,
        longest_finite_deadline_is_not_forever,
        deadline_of_no_time_is_a_try,
        deadline_of_negative_time_is_negative,
    };

    add_list(add_case(suite, "time"), tests, LENGTH(tests));
}
