/* The program, which was compiled with it, and has conditions of its own. */
#include <stddef.h>
#include <string.h>

#include "library.h"

#define AROUND 0x55

static struct {
    unsigned char before[16];
    gate_t gate;
    unsigned char after[16];
} library;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ready = PTHREAD_COND_INITIALIZER;
static int is_ready; /* guarded by mutex */
static int is_open;  /* guarded by the gate's */

static void *pass(void *arg)
{
    pthread_mutex_lock(&mutex);
    is_ready = 1;
    pthread_cond_signal(&ready);
    pthread_mutex_unlock(&mutex);
    gate_wait(&library.gate, &is_open);
    return arg;
}

static int is_whole(const unsigned char *bytes, size_t size)
{
    while (size > 0)
        if (bytes[--size] != AROUND)
            return 0;
    return 1;
}

int main(void)
{
    pthread_t thread;

    memset(&library, AROUND, sizeof(library));
    gate_init(&library.gate);
    if (pthread_create(&thread, NULL, pass, NULL) != 0)
        return 1;
    pthread_mutex_lock(&mutex);
    while (!is_ready)
        pthread_cond_wait(&ready, &mutex);
    pthread_mutex_unlock(&mutex);
    gate_open(&library.gate, &is_open);
    pthread_join(thread, NULL);
    return !is_whole(library.before, sizeof(library.before))
           || !is_whole(library.after, sizeof(library.after));
}
