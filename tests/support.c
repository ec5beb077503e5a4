/* SPDX-License-Identifier: MIT */
/* What the tests share: support.h. */
#define _DEFAULT_SOURCE /* MAP_ANON */
#include "support.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#endif

/* Whether a wait goes on after a handler with SA_RESTART, as musl's does. */
#ifndef RESTARTS
#define RESTARTS 0
#endif

/* Check kills a test, and says which, after so many seconds. */
#define TEST_TIMEOUT 120

static int64_t stress_ns(void)
{
    const char *ms = getenv("PPT_TEST_MS");

    return (ms != NULL ? atol(ms) : 300) * MS;
}

/*
 * The sanitizers ask the program for these.  Tests fork while they have
 * threads, and unlock mutexes that they do not own.  A cancelled thread's
 * stack is unwound without AddressSanitizer's knowledge, which then finds
 * fault with what its clean-up handlers have on the stack, unless it keeps
 * that elsewhere, and with its own call of sigaltstack.
 */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "die_after_fork=0:report_mutex_bugs=0";
}

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_stack_use_after_return=1";
}

const char *__asan_default_suppressions(void);
const char *__asan_default_suppressions(void)
{
    return "interceptor_name:sigaltstack";
}

TCase *add_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);

    tcase_set_timeout(tcase, TEST_TIMEOUT + 4.0 * stress_ns() / SECOND);
    suite_add_tcase(suite, tcase);
    return tcase;
}

void add_list(TCase *tcase, const TTest *const *tests, int n)
{
    int i;

    for (i = 0; i < n; i++)
        tcase_add_test(tcase, tests[i]);
}

void add_with_sa_flags(TCase *tcase, const TTest *const *tests, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        tcase_add_loop_test(tcase, tests[i], 0, 1);
        tcase_add_loop_test(tcase, tests[i], SA_RESTART, SA_RESTART + 1);
    }
}

int main(int argc, char **argv)
{
    Suite *suite = suite_create(argc > 0 ? argv[0] : "tests");
    SRunner *runner = srunner_create(suite);
    int failed;

    setvbuf(stdout, NULL, _IOLBF, 0);
    add_tests(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

void nap(void)
{
    struct timespec moment = { .tv_sec = 0, .tv_nsec = 100 * US };

    nanosleep(&moment, NULL);
}

/* Threads */

static void note_status_file(worker_t *worker)
{
    char task[48] = "";

    /* "PID/task/TID"; where there is no such link the name stays useless. */
    if (readlink("/proc/thread-self", task, sizeof task - 1) < 0)
        return;
    snprintf(worker->status, sizeof worker->status, "/proc/%s/stat", task);
}

static void ended(void *arg)
{
    worker_t *worker = arg;

    poke(&worker->done, 1);
}

static void *body(void *arg)
{
    worker_t *worker = arg;

    pthread_cleanup_push(ended, worker);
    note_status_file(worker);
    poke(&worker->started, 1);
    worker->run(worker->arg);
    pthread_cleanup_pop(1);
    return NULL;
}

void worker_start(worker_t *worker, void (*run)(void *arg), void *arg)
{
    memset(worker, 0, sizeof *worker);
    worker->run = run;
    worker->arg = arg;
    ck_assert_int_eq(pthread_create(&worker->thread, NULL, body, worker), 0);
}

bool worker_done(const worker_t *worker)
{
    return peek(&worker->done) != 0;
}

void worker_join(worker_t *worker)
{
    await(worker_done(worker));
    ck_assert_int_eq(pthread_join(worker->thread, NULL), 0);
}

/* The state is the word after the name, which is in parentheses. */
bool worker_asleep(const worker_t *worker)
{
    char line[256] = "";
    const char *state;
    FILE *file;

    if (!peek(&worker->started))
        return false;
    file = fopen(worker->status, "r");
    if (file == NULL) {
        nap(); /* this system does not say */
        return true;
    }
    if (fgets(line, sizeof line, file) == NULL)
        line[0] = '\0';
    fclose(file);
    state = strrchr(line, ')');
    return state != NULL && state[1] == ' ' && state[2] == 'S';
}

/* CPUs */

bool allow_cpus(const char *list, bool all_threads)
{
    char command[80];

    snprintf(command, sizeof command, "taskset %s -p -c %s %ld >/dev/null 2>&1",
             all_threads ? "-a" : "", list, (long)getpid());
    return system(command) == 0;
}

bool pin_to(int cpu)
{
    char list[16];

    snprintf(list, sizeof list, "%d", cpu);
    return allow_cpus(list, false);
}

/* System calls */

#if defined(__linux__)
bool refuse_call(unsigned number, int error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { LENGTH(code), code };

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
           && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}
#else
bool refuse_call(unsigned number, int error)
{
    (void)number;
    (void)error;
    return false;
}
#endif

/* Signals */

static int handled, held, let_go, hold, linger;

static void handler(int signal)
{
    int saved = errno;

    (void)signal;
    bump(&handled);
    if (peek(&linger))
        nap();
    if (peek(&hold)) {
        bump(&held);
        while (peek(&hold))
            nap();
        bump(&let_go);
    }
    errno = saved;
}

void signals_install(int sa_flags)
{
    struct sigaction action = { .sa_handler = handler,
                                .sa_flags = sa_flags };

    /* ThreadSanitizer runs handlers after a system call; one that restarts
     * never ends.  RESTARTS: the system's own function sleeps on. */
    if (THREAD_SANITIZER || RESTARTS)
        action.sa_flags &= ~SA_RESTART;
    sigemptyset(&action.sa_mask);
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    poke(&handled, 0);
    poke(&held, 0);
    poke(&let_go, 0);
    poke(&hold, 0);
    poke(&linger, 0);
}

void signals_linger(void)
{
    poke(&linger, 1);
}

void signals_hold(void)
{
    poke(&held, 0);
    poke(&let_go, 0);
    poke(&hold, 1);
}

/* Or the next hold would find one that is still there. */
void signals_let_go(void)
{
    poke(&hold, 0);
    await(peek(&let_go) == peek(&held));
}

bool signals_hold_past(const worker_t *worker, int64_t deadline)
{
    await(worker_asleep(worker) || worker_done(worker));
    signals_hold();
    worker_interrupt(worker);
    await(signals_held() == 1 || worker_done(worker));
    await(ppt_now() > deadline);
    return signals_held() == 1;
}

int signals_handled(void)
{
    return peek(&handled);
}

int signals_held(void)
{
    return peek(&held);
}

void worker_interrupt(const worker_t *worker)
{
    if (!worker_done(worker))
        pthread_kill(worker->thread, SIGUSR1);
}

void worker_interrupt_often(const worker_t *worker, int handlers)
{
    int sent = 0;

    interrupt_until(worker, signals_handled() >= handlers
                                || (THREAD_SANITIZER && ++sent > 100));
}

int interrupted(void *arg)
{
    interruption_t *seen = arg;

    bump(&seen->calls);
    while (peek(&seen->stay))
        nap();
    return peek(&seen->answer);
}

/*
 * Forks.  A child asserts nothing: that allocates, and a thread of the parent
 * may have held the allocator's lock.
 */

int in_child(int (*check)(void *arg), void *arg)
{
    int status = -1;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        alarm((unsigned)(LIMIT / SECOND));
        _exit(check(arg));
    }
    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status), "the child died: signal %d",
                  WTERMSIG(status));
    return WEXITSTATUS(status);
}

int complain(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: in a child: not so: %s\n", file, line, what);
    return 1;
}

/* Random numbers */

uint64_t seed(void)
{
    const char *given = getenv("PPT_TEST_SEED");
    uint64_t value = given != NULL ? strtoull(given, NULL, 0)
                                   : (uint64_t)ppt_now();

    printf("# PPT_TEST_SEED=%" PRIu64 "\n", value);
    return value;
}

dice_t dice(uint64_t seed, int thread)
{
    dice_t dice = { (seed + (uint64_t)thread + 1)
                    * UINT64_C(0x9e3779b97f4a7c15) };

    if (dice.state == 0)
        dice.state = 1;
    return dice;
}

uint32_t roll(dice_t *dice, uint32_t below)
{
    dice->state ^= dice->state >> 12;
    dice->state ^= dice->state << 25;
    dice->state ^= dice->state >> 27;
    return (uint32_t)((dice->state * UINT64_C(0x2545f4914f6cdd1d)) >> 32)
           % below;
}

int64_t stress_end(void)
{
    return ppt_now() + stress_ns();
}

int64_t cpu_time(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return used.tv_sec * SECOND + used.tv_nsec;
}

stretch_t stretch_begin(void)
{
    stretch_t stretch = { ppt_now(), cpu_time() };

    return stretch;
}

int stretch_cpu_percent(const stretch_t *stretch)
{
    int64_t used = cpu_time() - stretch->cpu_time;

    return (int)(100 * used / (ppt_now() - stretch->began + 1));
}

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

void *page_map(int protection)
{
    void *page = mmap(NULL, page_size(), protection, MAP_PRIVATE | MAP_ANON,
                      -1, 0);

    ck_assert_ptr_ne(page, MAP_FAILED);
    return page;
}

void page_unmap(void *page)
{
    munmap(page, page_size());
}
