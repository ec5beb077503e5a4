/* As of 1989, and with no more declared than that. */
#include <errno.h>
#include <pthread.h>

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    int rounds;
} stage = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 };

static void *play(void *arg)
{
    pthread_mutex_lock(&stage.mutex);
    stage.rounds++;
    pthread_mutex_unlock(&stage.mutex);
    pthread_cond_broadcast(&stage.cond);
    return arg;
}

/* Functions by their addresses. */
static int (*const wait)(pthread_cond_t *, pthread_mutex_t *)
    = pthread_cond_wait;

int main(void)
{
    pthread_t thread;

    pthread_mutex_lock(&stage.mutex);
    if (pthread_create(&thread, 0, play, 0) != 0)
        return 1;
    while (stage.rounds == 0)
        if (wait(&stage.cond, &stage.mutex) != 0)
            return 1;
    pthread_mutex_unlock(&stage.mutex);
    return pthread_join(thread, 0) != 0
           || pthread_cond_destroy(&stage.cond) != 0;
}
