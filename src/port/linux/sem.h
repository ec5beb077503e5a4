/* SPDX-License-Identifier: MIT */
/* The semaphore of the linux port: a futex word, 0 or 1. */
#ifndef PPT_PORT_SEM_H
#define PPT_PORT_SEM_H

#include <stdint.h>

typedef struct ppt__sem {
    uint32_t value;
} ppt__sem_t;

#endif
