/* SPDX-License-Identifier: MIT */
/* The semaphore of the posix port: a real sem_t. */
#ifndef PPT_PORT_SEM_H
#define PPT_PORT_SEM_H

#include <semaphore.h>

typedef struct ppt__sem {
    sem_t sem;
} ppt__sem_t;

#endif
