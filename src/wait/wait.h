/*
 * wait.h - a wait in a queue, from its beginning to its end.  See wait.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPT_WAIT_H
#define PPT_WAIT_H

#include <stdbool.h>

#include "waitq.h"

/* Leave queue.  False: too late, it was notified, and must sleep on. */
bool ppt__waiter_cancel(ppt__waiter_t *waiter, ppt_waitq_t *queue);

/*
 * The same in two steps: where it is true the guard is held, queue cannot be
 * destroyed, and the caller must finish.
 */
bool ppt__waiter_start_cancel(ppt__waiter_t *waiter, ppt_waitq_t *queue);
void ppt__waitq_finish_cancel(ppt_waitq_t *queue);

/*
 * Give up a wait that an exception or a cancellation ends in a callback:
 * leave queue, or else sleep until woken.  IN_CALLBACK stays: no release of
 * a lock counts on the waiter at the last moment.
 */
void ppt__waiter_quit(ppt__waiter_t *waiter, ppt_waitq_t *queue);

/* Where a fork made it void: queue it in the child. */
void ppt__waiter_queue_again(ppt__waiter_t *waiter, ppt_waitq_t *queue);

/*
 * Sleep until woken (0) or until a limit ends the wait; in that case the
 * waiter has left queue, and the reason is returned.
 */
int ppt__waiter_wait(ppt__waiter_t *waiter, ppt_waitq_t *queue,
                     const ppt__wait_options_t *options);

#endif
