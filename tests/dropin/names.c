/* Names of its own that this library, <stdbool.h> or <stdint.h> use, too. */
#define head 1
#define guard 2
#define inside 3
#define cond 4
#define mutex 5
#define monotonic 6

#include <pthread.h>

typedef enum { false, true } bool;
typedef long uint32_t;

static pthread_cond_t there = PTHREAD_COND_INITIALIZER;

/* Not the GNU one, which is not declared here. */
static bool pthread_cond_clockwait(uint32_t n)
{
    return n == head + guard + inside + cond + mutex + monotonic;
}

int main(void)
{
    struct { bool pthread_cond_wait; } call = { false };

    return !pthread_cond_clockwait(21) || call.pthread_cond_wait
           || pthread_cond_signal(&there) != 0;
}
