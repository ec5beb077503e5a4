/* SPDX-License-Identifier: MIT */
/* A program that uses the library, as a stranger would write it. */
#include <pthread.h>
#include <stdio.h>

#include <pyplusthread/cond.h>
#include <pyplusthread/lock.h>

static ppt_lock_t lock = PPT_LOCK_INITIALIZER;
static ppt_cond_t filled = PPT_COND_INITIALIZER;
static int items; /* guarded by lock */

static void *produce(void *arg)
{
    ppt_lock_acquire(&lock, PPT_FOREVER);
    items++;
    ppt_cond_signal(&filled);
    ppt_lock_release(&lock);
    return arg;
}

int main(void)
{
    pthread_t producer;

    pthread_create(&producer, NULL, produce, NULL);
    ppt_lock_acquire(&lock, PPT_FOREVER);
    while (items == 0)
        ppt_cond_wait(&filled, &lock, PPT_FOREVER);
    ppt_lock_release(&lock);
    pthread_join(producer, NULL);
    printf("%s %s: %d\n", ppt_version(), ppt_port(), items);
    return items == 1 ? 0 : 1;
}
