/*
 * values.h - the values of the command line's options.  What is wrong with
 * one ends in bad_usage.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPTBENCH_VALUES_H
#define PPTBENCH_VALUES_H

#include "driver.h"

/* Append a word to a list; the list is long enough for all of ours. */
void append(char *list, size_t size, const char *prefix, const char *word);

unsigned long long parse_number(const char *name, const char *text,
                                unsigned long long min,
                                unsigned long long max);

double parse_seconds(const char *text);

const char *parse_policy(const char *text);

/* "0,1" or "0-3,6" or "free". */
void parse_cpus(const char *text, struct cpus *cpus);

/* "ppt,pthread" or "all"; the request's command is known. */
void parse_impls(const char *text, struct request *request);

void add_impl(struct request *request, const char *name);

#endif
