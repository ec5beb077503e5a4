/* SPDX-License-Identifier: MIT */
/* The promises of version.h. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "pyplusthread/version.h"

/* Proves ppt_version Returns. */
START_TEST(version_of_the_library_is_that_of_the_header_and_the_project)
{
    ck_assert_str_eq(ppt_version(), PPT_VERSION);
    ck_assert_str_eq(ppt_version(), PROJECT_VERSION);
}
END_TEST

/* Proves ppt_version Returns. */
START_TEST(version_string_has_the_three_numbers)
{
    char numbers[32];

    snprintf(numbers, sizeof numbers, "%d.%d.%d", PPT_VERSION_MAJOR,
             PPT_VERSION_MINOR, PPT_VERSION_PATCH);
    ck_assert_str_eq(PPT_VERSION, numbers);
}
END_TEST

/* The preprocessor can compare it. */
#if PPT_VERSION_NUMBER < 0x000100
#error "PPT_VERSION_NUMBER is below 0.1.0"
#endif

START_TEST(version_number_has_a_byte_for_each_number)
{
    ck_assert_int_eq(PPT_VERSION_NUMBER >> 16, PPT_VERSION_MAJOR);
    ck_assert_int_eq(PPT_VERSION_NUMBER >> 8 & 0xff, PPT_VERSION_MINOR);
    ck_assert_int_eq(PPT_VERSION_NUMBER & 0xff, PPT_VERSION_PATCH);
}
END_TEST

/* Proves ppt_port Returns. */
START_TEST(port_is_the_one_that_the_library_was_built_with)
{
    ck_assert_str_eq(ppt_port(), PORT);
}
END_TEST

void add_tests(Suite *suite)
{
    const TTest *const tests[] = {
        version_of_the_library_is_that_of_the_header_and_the_project,
        version_string_has_the_three_numbers,
        version_number_has_a_byte_for_each_number,
        port_is_the_one_that_the_library_was_built_with,
    };

    add_list(add_case(suite, "version"), tests, LENGTH(tests));
}
