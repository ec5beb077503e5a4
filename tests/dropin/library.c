/* The library, which was compiled without the drop-in. */
#include "library.h"

void gate_init(gate_t *gate)
{
    pthread_mutex_init(&gate->mutex, NULL);
    pthread_cond_init(&gate->cond, NULL);
}

void gate_wait(gate_t *gate, const int *open)
{
    pthread_mutex_lock(&gate->mutex);
    while (!*open)
        pthread_cond_wait(&gate->cond, &gate->mutex);
    pthread_mutex_unlock(&gate->mutex);
}

void gate_open(gate_t *gate, int *open)
{
    pthread_mutex_lock(&gate->mutex);
    *open = 1;
    pthread_cond_broadcast(&gate->cond);
    pthread_mutex_unlock(&gate->mutex);
}
