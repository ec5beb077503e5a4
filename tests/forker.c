/* SPDX-License-Identifier: MIT */
#include "forker.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int start_helper(forker_t *forker, void *(*wake)(void *forker))
{
    if (forker->answer == 0) /* or the wait is given up */
        require(pthread_create(&forker->helper, NULL, wake, forker) == 0);
    return 0;
}

int status_of(pid_t child)
{
    int status = -1;

    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

int fork_in_callback(void *arg)
{
    forker_t *forker = arg;
    pid_t child;

    if (bump(&forker->calls) > 0)
        return GIVEN_UP;
    while (peek(&forker->stay))
        nap();
    child = fork();
    if (child == 0) {
        alarm((unsigned)(LIMIT / SECOND));
        if (forker->prepare(forker) != 0)
            _exit(EXIT_FAILURE);
        return forker->answer;
    }
    forker->status = status_of(child);
    return GIVEN_UP;
}

static void wait_and_fork(void *arg)
{
    forker_t *forker = arg;
    int result = forker->wait(forker);

    if (getpid() != forker->parent)
        _exit(forker->check(forker, result));
    forker->result = result;
}

void forker_start(forker_t *forker)
{
    signals_install(0);
    forker->parent = getpid();
    forker->status = forker->result = -1;
    worker_start(&forker->worker, wait_and_fork, forker);
    await(worker_asleep(&forker->worker));
    interrupt_until(&forker->worker, peek(&forker->calls) >= 1);
}

void forker_join(forker_t *forker, int result)
{
    worker_join(&forker->worker);
    ck_assert_int_eq(forker->status, 0);
    ck_assert_int_eq(forker->result, result);
}
