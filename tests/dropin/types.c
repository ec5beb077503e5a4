/* A condition as one file knows it from <sys/types.h> alone ... */
#define _POSIX_C_SOURCE 200809L
#include <stddef.h>
#include <sys/types.h>

#include "types.h"

size_t size_of_condition(void)
{
    return sizeof(pthread_cond_t);
}

int wake(struct stage *stage)
{
    return signal_condition(&stage->cond);
}
