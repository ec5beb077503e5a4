/* Its own feature-test macro, after which glibc declares its extensions. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

int main(void)
{
    const char *name = program_invocation_name;
    char space[80];
    const char *words = strerror_r(ENOENT, space, sizeof(space));
    cpu_set_t set;

    CPU_ZERO(&set);
    if (pthread_getaffinity_np(pthread_self(), sizeof(set), &set) != 0
        || pthread_setaffinity_np(pthread_self(), sizeof(set), &set) != 0)
        return 1;
    puts(words);
    return name == NULL || pthread_cond_signal(&cond) != 0;
}
