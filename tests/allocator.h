/* SPDX-License-Identifier: MIT */
/* allocator.h - an allocator that counts the calls of each thread. */
#ifndef ALLOCATOR_H
#define ALLOCATOR_H

/* How often the calling thread has allocated memory, in whatever library. */
long allocations(void);

#endif
