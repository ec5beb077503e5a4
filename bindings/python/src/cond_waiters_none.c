/*
 * cond_waiters_none.c - a C library that does not tell.
 */
#include "cond_waiters.h"

void ppy_cond_waiters_check(void)
{
}

bool ppy_cond_waiters_known(void)
{
    return false;
}

unsigned ppy_cond_waiters(const pthread_cond_t *cond)
{
    (void)cond;
    return 0;
}
