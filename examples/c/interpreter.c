/*
 * interpreter.c - the loop of an interpreter whose threads share one lock.
 *
 *     cc -std=c11 interpreter.c -o interpreter \
 *         $(pkg-config --cflags --libs pyplusthread) -pthread
 *     ./interpreter [INSTRUCTIONS [MESSAGES]]
 *
 * Two threads compute: they count up a variable of the interpreter, and call
 * ppt_gil_yield every hundred instructions.  A third one reads messages from a
 * pipe: it releases the lock for each read, and gets it back at the next
 * yield of a computing thread, whoever else waits.  The program prints the
 * variables, and how the lock was passed on.
 *
 * Part of libpyplusthread.  SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <pthread.h>
#include <pyplusthread/gil.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHECK_EVERY 100

enum operation { INCREMENT, READ, JUMP_IF_MORE, HALT };

struct instruction {
    enum operation operation;
    int variable;
};

/* The two programs that threads run. */
static const struct instruction computing[] = {
    { INCREMENT, 0 }, { JUMP_IF_MORE, 0 }, { HALT, 0 }
};
static const struct instruction reading[] = {
    { READ, 1 }, { JUMP_IF_MORE, 0 }, { HALT, 0 }
};

static ppt_gil_t gil = PPT_GIL_INITIALIZER;
static uint64_t variables[2]; /* guarded by gil */
static int pipe_ends[2];

/* A thread of the interpreter; it is its thread's own. */
struct frame {
    pthread_t thread;
    const struct instruction *program;
    long rounds; /* how many more times the program is run */
    int ticks;   /* instructions until the next yield */
};

/* A blocking call: without the lock, as all of them. */
static void read_message(int variable)
{
    unsigned char message = 0;
    ssize_t n;

    ppt_gil_release(&gil);
    n = read(pipe_ends[0], &message, 1);
    ppt_gil_acquire(&gil, PPT_FOREVER);
    if (n == 1)
        variables[variable] += message;
}

/* The evaluation loop; the caller holds gil. */
static void evaluate(struct frame *frame)
{
    const struct instruction *next = frame->program;

    for (;;) {
        const struct instruction *now = next++;

        if (--frame->ticks <= 0) {
            frame->ticks = CHECK_EVERY;
            ppt_gil_yield(&gil);
        }
        switch (now->operation) {
        case INCREMENT:
            variables[now->variable]++;
            break;
        case READ:
            read_message(now->variable);
            break;
        case JUMP_IF_MORE:
            if (--frame->rounds > 0)
                next = frame->program;
            break;
        case HALT:
            return;
        }
    }
}

static void *run(void *arg)
{
    ppt_gil_acquire(&gil, PPT_FOREVER);
    evaluate(arg);
    ppt_gil_release(&gil);
    return NULL;
}

static void send_messages(long n)
{
    static const unsigned char one = 1;

    while (n-- > 0)
        if (write(pipe_ends[1], &one, 1) != 1)
            exit(1);
}

static void print_stats(void)
{
    ppt_gil_stats_t stats;

    ppt_gil_get_stats(&gil, &stats);
    printf("counted: %" PRIu64 ", read: %" PRIu64 "\n", variables[0],
           variables[1]);
    printf("yields to a reader: %" PRIu64 ", to a computing thread: %" PRIu64
           ", to nobody: %" PRIu64 "\n", stats.io_handovers, stats.turns,
           stats.skipped);
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 3000000;
    long messages = argc > 2 ? strtol(argv[2], NULL, 10) : 1000;
    struct frame frames[] = { { .program = computing, .rounds = rounds },
                              { .program = computing, .rounds = rounds },
                              { .program = reading, .rounds = messages } };
    int i;

    if (rounds < 1 || messages < 1) {
        fprintf(stderr, "usage: %s [INSTRUCTIONS [MESSAGES]]\n", argv[0]);
        return 2;
    }
    if (pipe(pipe_ends) != 0)
        return 1;
    for (i = 0; i < 3; i++)
        if (pthread_create(&frames[i].thread, NULL, run, &frames[i]) != 0)
            return 1;
    send_messages(messages);
    for (i = 0; i < 3; i++)
        pthread_join(frames[i].thread, NULL);
    print_stats();
    return 0;
}
