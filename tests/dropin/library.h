/* A condition in the memory of a program that leaves its use to a library. */
#include <pthread.h>

typedef struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
} gate_t;

void gate_init(gate_t *gate);
void gate_wait(gate_t *gate, const int *open);
void gate_open(gate_t *gate, int *open);
