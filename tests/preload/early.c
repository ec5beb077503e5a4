/* SPDX-License-Identifier: MIT */
/* A library whose constructor runs early: see objects.h. */
#include "objects.h"

#include <errno.h>
#include <time.h>

static bool went_well;

static bool times_out(pthread_cond_t *cond)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    struct timespec past = { .tv_sec = 1, .tv_nsec = 0 };
    int result;

    pthread_mutex_lock(&mutex);
    result = pthread_cond_timedwait(cond, &mutex, &past);
    return pthread_mutex_unlock(&mutex) == 0 && result == ETIMEDOUT;
}

static bool works(pthread_cond_t *cond)
{
    return pthread_cond_signal(cond) == 0 && times_out(cond)
           && pthread_cond_broadcast(cond) == 0
           && pthread_cond_destroy(cond) == 0;
}

static bool shared_works(void)
{
    pthread_condattr_t attr;
    pthread_cond_t cond;

    pthread_condattr_init(&attr);
    pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    return pthread_cond_init(&cond, &attr) == 0 && works(&cond);
}

__attribute__((constructor)) static void use_conditions(void)
{
    pthread_cond_t private = PTHREAD_COND_INITIALIZER;

    went_well = works(&private) && shared_works();
}

bool early_uses_went_well(void)
{
    return went_well;
}
