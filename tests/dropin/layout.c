/* The system's type and ours are two views of the same memory. */
#include <pthread.h>
#include <pyplusthread/pthread.h>
#include <stddef.h>
#include <string.h>

_Static_assert(sizeof(ppt_pthread_cond_t) == sizeof(pthread_cond_t),
               "ours does not fit into the system's");
_Static_assert(_Alignof(ppt_pthread_cond_t) == _Alignof(pthread_cond_t),
               "the system's is not aligned as ours must be");
_Static_assert(sizeof(void *) != 8
                   || (offsetof(ppt_pthread_cond_t, reserved1) == 28
                       && offsetof(ppt_pthread_cond_t, reserved2) == 36),
               "what others rely on has moved");

static const pthread_cond_t theirs = PTHREAD_COND_INITIALIZER;
static const ppt_pthread_cond_t ours = PPT_PTHREAD_COND_INITIALIZER;
static const ppt_pthread_cond_t zeros;

int main(void)
{
    pthread_cond_t cond;

    if (memcmp(&theirs, &zeros, sizeof(zeros)) != 0
        || memcmp(&ours, &zeros, sizeof(zeros)) != 0)
        return 1;

    /* Made through one name, and ended through the other. */
    memset(&cond, 0x55, sizeof(cond));
    return pthread_cond_init(&cond, NULL) != 0
           || ppt_pthread_cond_destroy((ppt_pthread_cond_t *)&cond) != 0;
}
