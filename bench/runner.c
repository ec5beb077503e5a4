/*
 * runner.c - threads, their places, the start gate and the clocks.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "driver.h"

struct team {
    const struct loop *loop;
    const struct cpus *cpus;
    unsigned pinned;     /* threads from this index on are free */
    void *state;
    bool stop;           /* atomic */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned ready;      /* guarded by mutex: threads at the gate */
    bool open;           /* guarded by mutex */
};

struct member {
    _Alignas(CACHE_LINE) struct worker worker;
    struct team *team;
    pthread_t thread;
};

static _Noreturn void fail(const char *what, int error)
{
    fprintf(stderr, "pptbench: %s: %s\n", what, strerror(error));
    exit(FAILED);
}

static void *allocate(size_t size)
{
    void *memory;

    size = (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    memory = aligned_alloc(CACHE_LINE, size);
    if (memory == NULL)
        fail("memory", ENOMEM);
    return memset(memory, 0, size);
}

static double clock_seconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void read_usage(struct usage *usage)
{
    struct rusage rusage;

    getrusage(RUSAGE_SELF, &rusage);
    usage->voluntary = (double)rusage.ru_nvcsw;
    usage->involuntary = (double)rusage.ru_nivcsw;
    usage->cpu_seconds = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
    usage->seconds = clock_seconds(CLOCK_MONOTONIC);
}

static void subtract_usage(struct usage *usage, const struct usage *before)
{
    usage->seconds -= before->seconds;
    usage->cpu_seconds -= before->cpu_seconds;
    usage->voluntary -= before->voluntary;
    usage->involuntary -= before->involuntary;
}

static void wait_at_gate(struct team *team)
{
    pthread_mutex_lock(&team->mutex);
    team->ready++;
    pthread_cond_broadcast(&team->changed);
    while (!team->open)
        pthread_cond_wait(&team->changed, &team->mutex);
    pthread_mutex_unlock(&team->mutex);
}

static void *member_main(void *arg)
{
    struct member *member = arg;
    struct team *team = member->team;
    const struct cpus *cpus = team->cpus;
    unsigned k = member->worker.index;

    if (cpus->n > 0 && k < team->pinned && !pin_self(cpus->id[k % cpus->n]))
        fail("cannot pin a thread", errno);
    wait_at_gate(team);
    team->loop->work(team->state, &member->worker);
    return NULL;
}

static void wait_for_members(struct team *team, unsigned n)
{
    pthread_mutex_lock(&team->mutex);
    while (team->ready < n)
        pthread_cond_wait(&team->changed, &team->mutex);
    pthread_mutex_unlock(&team->mutex);
}

static void open_gate(struct team *team)
{
    pthread_mutex_lock(&team->mutex);
    team->open = true;
    pthread_cond_broadcast(&team->changed);
    pthread_mutex_unlock(&team->mutex);
}

static void stop_after(struct team *team, double seconds)
{
    struct timespec left;

    left.tv_sec = (time_t)seconds;
    left.tv_nsec = (long)(1e9 * (seconds - (double)left.tv_sec));
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
    __atomic_store_n(&team->stop, true, __ATOMIC_RELAXED);
    if (team->loop->stop != NULL)
        team->loop->stop(team->state);
}

static void start_members(struct team *team, struct member *members,
                          unsigned n, unsigned makers, uint64_t items)
{
    for (unsigned k = 0; k < n; k++) {
        struct member *member = &members[k];
        int error;

        member->team = team;
        member->worker.index = k;
        member->worker.stop = &team->stop;
        member->worker.limit = UINT64_MAX;
        if (items > 0)
            member->worker.limit = items / makers + (k < items % makers);
        error = pthread_create(&member->thread, NULL, member_main, member);
        if (error != 0)
            fail("cannot start a thread", error);
    }
}

/* Join the members and add up what they did. */
static void gather(struct member *members, unsigned n, struct usage *usage)
{
    double sum = 0.0;
    double squares = 0.0;

    usage->ops = 0;
    for (unsigned k = 0; k < n; k++) {
        double done;

        pthread_join(members[k].thread, NULL);
        usage->ops += members[k].worker.done;
        done = (double)members[k].worker.done;
        sum += done;
        squares += done * done;
    }
    usage->fairness = squares > 0.0 ? sum * sum / (n * squares) : 0.0;
}

void run_loop(const struct loop *loop, const struct request *request,
              const struct params *params, struct usage *usage,
              uint64_t *done, unsigned n_done)
{
    const struct command *command = request->command;
    unsigned n = command->threads(params);
    struct member *members = allocate(n * sizeof *members);
    struct team team = {
        .loop = loop,
        .cpus = &request->cpus,
        .pinned = n - params->hogs,
        .state = allocate(loop->size),
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
    };
    struct usage before;

    loop->init(team.state, params);
    start_members(&team, members, n, command->makers(params), params->items);
    wait_for_members(&team, n);
    read_usage(&before);
    open_gate(&team);
    if (params->items == 0)
        stop_after(&team, params->seconds);
    gather(members, n, usage);
    read_usage(usage);
    subtract_usage(usage, &before);
    for (unsigned k = 0; k < n_done && k < n; k++)
        done[k] = members[k].worker.done;
    loop->destroy(team.state);
    free(team.state);
    free(members);
}
