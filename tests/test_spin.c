/* What spin.h says of yields. */
#include "support.h"

#include "spin.h"

/* Yields, at made-up times */

START_TEST(short_yield_may_be_followed_by_others)
{
    ck_assert(ppt__yield_pays(SECOND));
    ck_assert(ppt__yield_done(SECOND, SECOND + 10 * US));
    ck_assert(ppt__yield_pays(SECOND + 10 * US));
}
END_TEST

START_TEST(long_yield_is_followed_by_half_a_second_without_any_at_most)
{
    static const int64_t lengths[] = { 300 * US, 3 * MS, 10 * MS, SECOND,
                                       3600 * SECOND,
                                       365 * 24 * 3600 * SECOND };
    int64_t begin = SECOND;
    int i;

    for (i = 0; i < LENGTH(lengths); i++) {
        int64_t counted = lengths[i] < 10 * MS ? lengths[i] : 10 * MS;
        int64_t back = begin + lengths[i];

        ck_assert(ppt__yield_pays(begin));
        ck_assert(!ppt__yield_done(begin, back));
        ck_assert(!ppt__yield_pays(back));
        ck_assert(!ppt__yield_pays(back + 10 * counted));
        begin = back + SECOND / 2;
    }
    ck_assert(ppt__yield_pays(begin));
}
END_TEST

struct yielder {
    bool goes_on;
    bool stopped;
};

static void yield_for_long(void *arg)
{
    struct yielder *yielder = arg;

    yielder->goes_on = ppt__yield_done(SECOND, 2 * SECOND);
    yielder->stopped = !ppt__yield_pays(2 * SECOND);
}

START_TEST(long_yield_of_one_thread_does_not_keep_others_from_yielding)
{
    struct yielder yielder = { true, false };
    worker_t worker;

    worker_start(&worker, yield_for_long, &yielder);
    worker_join(&worker);
    ck_assert(!yielder.goes_on);
    ck_assert(yielder.stopped);
    ck_assert(ppt__yield_pays(2 * SECOND));
}
END_TEST

void add_tests(Suite *suite)
{
    TCase *yields = add_case(suite, "yields");
    const TTest *const of_yields[] = {
        short_yield_may_be_followed_by_others,
        long_yield_is_followed_by_half_a_second_without_any_at_most,
        long_yield_of_one_thread_does_not_keep_others_from_yielding,
    };

    add_list(yields, of_yields, LENGTH(of_yields));
}
