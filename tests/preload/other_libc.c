/*
 * Preloaded behind the library under test, it is a C library whose mark of a
 * process-shared condition lies where nobody can use it.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>

int pthread_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attr)
{
    int (*next)(pthread_cond_t *cond, const pthread_condattr_t *attr);
    int shared = PTHREAD_PROCESS_PRIVATE, result;

    *(void **)&next = dlsym(RTLD_NEXT, "pthread_cond_init");
    result = next(cond, attr);
    if (attr != NULL)
        pthread_condattr_getpshared(attr, &shared);
    if (shared == PTHREAD_PROCESS_SHARED)
        *(unsigned char *)cond ^= 0x80;
    return result;
}
