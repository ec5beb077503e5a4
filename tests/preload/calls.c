/*
 * Calls, and ends of a program, one for each letter of its first argument:
 *
 *     s  signal             b  broadcast           t  a wait that times out
 *     p  init, signal and destroy of a process-shared condition
 *     w  a wait that another thread ends        d  the same, with a deadline
 *     f  fork a child that signals twice, and wait for it
 *     c  close the standard error
 *     r  replace all descriptors but the standard output by the next argument
 *     e  execute the next arguments
 *     k  be killed by SIGTERM         x  exit with status 7
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int go; /* guarded by mutex */

static void *wake(void *arg)
{
    pthread_mutex_lock(&mutex);
    go = 1;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
    return arg;
}

/* at: NULL for no deadline */
static int be_woken(const struct timespec *at)
{
    int result = 0;
    pthread_t thread;

    pthread_mutex_lock(&mutex);
    go = 0;
    pthread_create(&thread, NULL, wake, NULL);
    while (!go && result == 0)
        result = at == NULL ? pthread_cond_wait(&cond, &mutex)
                            : pthread_cond_timedwait(&cond, &mutex, at);
    pthread_mutex_unlock(&mutex);
    return pthread_join(thread, NULL) != 0 || result != 0;
}

static int be_woken_in_time(void)
{
    struct timespec at;

    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += 3600;
    return be_woken(&at);
}

static int time_out(void)
{
    const struct timespec past = { .tv_sec = 1, .tv_nsec = 0 };
    int result;

    pthread_mutex_lock(&mutex);
    result = pthread_cond_timedwait(&cond, &mutex, &past);
    pthread_mutex_unlock(&mutex);
    return result != ETIMEDOUT;
}

static int share(void)
{
    pthread_condattr_t attr;
    pthread_cond_t shared;

    pthread_condattr_init(&attr);
    pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    return pthread_cond_init(&shared, &attr) != 0
           || pthread_cond_signal(&shared) != 0
           || pthread_cond_destroy(&shared) != 0;
}

static int have_child(void)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        pthread_cond_signal(&cond);
        pthread_cond_signal(&cond);
        exit(0);
    }
    return waitpid(child, &status, 0) != child || status != 0;
}

static int replace(const char *path)
{
    int file = open(path, O_WRONLY | O_APPEND);
    int fd;

    for (fd = 2; fd < 1024; fd++)
        if (fd != file && fcntl(fd, F_GETFD) >= 0)
            dup2(file, fd);
    return file < 0;
}

static int act(char letter, char **rest)
{
    switch (letter) {
    case 's': return pthread_cond_signal(&cond);
    case 'b': return pthread_cond_broadcast(&cond);
    case 't': return time_out();
    case 'p': return share();
    case 'w': return be_woken(NULL);
    case 'd': return be_woken_in_time();
    case 'f': return have_child();
    case 'c': return close(2);
    case 'r': return replace(*rest);
    case 'e': return execv(*rest, rest);
    case 'k': return kill(getpid(), SIGTERM);
    case 'x': exit(7);
    default: return 1;
    }
}

int main(int argc, char **argv)
{
    const char *letter;

    for (letter = argc > 1 ? argv[1] : ""; *letter != '\0'; letter++)
        if (act(*letter, argv + 2) != 0)
            return 1;
    return 0;
}
