/* ... and as another has it from <pthread.h>. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stddef.h>

#include "types.h"

int signal_condition(pthread_cond_t *cond)
{
    return pthread_cond_signal(cond);
}

int main(void)
{
    static struct stage stage = { PTHREAD_COND_INITIALIZER, 1 };

    return size_of_condition() != sizeof(pthread_cond_t) || wake(&stage) != 0
           || stage.after != 1;
}
