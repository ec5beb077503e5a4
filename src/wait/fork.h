/*
 * fork.h - which process this is.  See fork.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PPT_FORK_H
#define PPT_FORK_H

#include <stdint.h>

/*
 * How often this process and its forebears have forked: in steps of 4, for
 * the guard's states to be added.  A queue or a waiter of another number was
 * made by the parent, and is void here.
 */
extern uint32_t ppt__generation;

#endif
