/*
 * objects.h - what the libraries of test_preload.c offer: early.c is linked
 * to it, plugin.c is loaded by it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef OBJECTS_H
#define OBJECTS_H

#include <pthread.h>
#include <stdbool.h>

/*
 * Whether the conditions, private and process-shared, did what they should
 * in the library's constructor, which runs before those of objects that are
 * preloaded.
 */
bool early_uses_went_well(void);

/* Set *go under mutex, and wake all at cond. */
void plugin_wake(pthread_mutex_t *mutex, pthread_cond_t *cond, bool *go);

/* A condition of the library's own. */
pthread_cond_t *plugin_cond(void);

#endif
