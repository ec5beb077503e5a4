/*
 * check.h - what the tests use of Check, for systems that it is not there
 * for: those that are compiled for from another one.
 *
 * Each test runs in a process of its own, which is killed when it takes too
 * long.  The results are printed as TAP.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CROSS_CHECK_H
#define CROSS_CHECK_H

#include <stdint.h>
#include <string.h>

typedef struct TTest {
    const char *name;
    void (*run)(int i);
    const char *file;
} TTest;

typedef struct TCase TCase;
typedef struct Suite Suite;
typedef struct Suite SRunner; /* it runs one */

enum { CK_SILENT };

Suite *suite_create(const char *name);
void suite_add_tcase(Suite *suite, TCase *tcase);

TCase *tcase_create(const char *name);
void tcase_set_timeout(TCase *tcase, double seconds);
void tcase_set_tags(TCase *tcase, const char *tag); /* only one */
void tcase_add_checked_fixture(TCase *tcase, void (*before)(void),
                               void (*after)(void)); /* only one */
void tcase_add_loop_test(TCase *tcase, const TTest *test, int from, int to);

static inline void tcase_add_test(TCase *tcase, const TTest *test)
{
    tcase_add_loop_test(tcase, test, 0, 1);
}

SRunner *srunner_create(Suite *suite);
void srunner_set_tap(SRunner *runner, const char *file);
void srunner_run_all(SRunner *runner, int how);
int srunner_ntests_failed(const SRunner *runner);
void srunner_free(SRunner *runner);

#define START_TEST(name)                                                    \
    static void name##_run(int _i);                                         \
    static const TTest name##_test = { #name, name##_run, __FILE__ };       \
    static const TTest *const name = &name##_test;                          \
    static void name##_run(int _i __attribute__((unused)))
#define END_TEST

/* End the test's process, and say why. */
void ck__fail(const char *file, int line, const char *format, ...)
    __attribute__((noreturn, format(printf, 3, 4)));

#define ck_assert_msg(what, ...)                                            \
    ((what) ? (void)0 : ck__fail(__FILE__, __LINE__, __VA_ARGS__))
#define ck_assert(what) ck_assert_msg(what, "not so: %s", #what)

#define CK__COMPARE(type, a, op, b)                                         \
    do {                                                                    \
        type ck_a = (a);                                                    \
        type ck_b = (b);                                                    \
        ck_assert_msg(ck_a op ck_b, "not so: %s: %lld, %lld",               \
                      #a " " #op " " #b, (long long)ck_a, (long long)ck_b); \
    } while (0)

#define ck_assert_int_eq(a, b) CK__COMPARE(intmax_t, a, ==, b)
#define ck_assert_int_ne(a, b) CK__COMPARE(intmax_t, a, !=, b)
#define ck_assert_int_lt(a, b) CK__COMPARE(intmax_t, a, <, b)
#define ck_assert_int_le(a, b) CK__COMPARE(intmax_t, a, <=, b)
#define ck_assert_int_gt(a, b) CK__COMPARE(intmax_t, a, >, b)
#define ck_assert_int_ge(a, b) CK__COMPARE(intmax_t, a, >=, b)
#define ck_assert_uint_eq(a, b) CK__COMPARE(uintmax_t, a, ==, b)
#define ck_assert_uint_ne(a, b) CK__COMPARE(uintmax_t, a, !=, b)
#define ck_assert_uint_lt(a, b) CK__COMPARE(uintmax_t, a, <, b)
#define ck_assert_uint_le(a, b) CK__COMPARE(uintmax_t, a, <=, b)
#define ck_assert_uint_gt(a, b) CK__COMPARE(uintmax_t, a, >, b)
#define ck_assert_uint_ge(a, b) CK__COMPARE(uintmax_t, a, >=, b)

#define ck_assert_ptr_eq(a, b) ck_assert((const void *)(a) == (b))
#define ck_assert_ptr_ne(a, b) ck_assert((const void *)(a) != (b))
#define ck_assert_ptr_null(a) ck_assert((a) == NULL)
#define ck_assert_ptr_nonnull(a) ck_assert((a) != NULL)
#define ck_assert_str_eq(a, b) ck_assert(strcmp(a, b) == 0)
#define ck_assert_mem_eq(a, b, size) ck_assert(memcmp(a, b, size) == 0)

#endif
