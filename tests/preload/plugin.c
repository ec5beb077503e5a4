/* SPDX-License-Identifier: MIT */
/* A library that is loaded while the program runs: see objects.h. */
#include "objects.h"

static pthread_cond_t its_own = PTHREAD_COND_INITIALIZER;

void plugin_wake(pthread_mutex_t *mutex, pthread_cond_t *cond, bool *go)
{
    pthread_mutex_lock(mutex);
    *go = true;
    pthread_cond_broadcast(cond);
    pthread_mutex_unlock(mutex);
}

pthread_cond_t *plugin_cond(void)
{
    return &its_own;
}
