/*
 * fork.c - which process this is: how many forks lie between it and the one
 * that loaded the library.  waitq.c says what for (I6).
 *
 * State
 *   generation   the handler, in the child, while it has one thread
 */
#include <pthread.h>

#include "waitq.h"

uint32_t ppt__generation;

static void one_more(void)
{
    ppt__generation += 4;
}

/*
 * Early, so that others who register handlers when they are loaded find the
 * library ready in theirs.
 */
__attribute__((constructor(101))) static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, one_more);
}
