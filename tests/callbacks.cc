/*
 * C++ exceptions that leave the library's callbacks: they arrive at the
 * caller of the wait, and the object is as after a callback that gave up.
 * The library's C files are compiled with -fexceptions for this.
 *
 * SPDX-License-Identifier: MIT
 */
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <pthread.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>

#include "pyplusthread/barrier.h"
#include "pyplusthread/cond.h"
#include "pyplusthread/lock.h"
#include "pyplusthread/once.h"
#include "pyplusthread/pthread.h"
#include "pyplusthread/semaphore.h"

namespace {

#define REQUIRE(what)                                                       \
    do {                                                                    \
        if (!(what)) {                                                      \
            std::fprintf(stderr, "callbacks.cc:%d: not so: %s\n",           \
                         __LINE__, #what);                                  \
            std::_Exit(EXIT_FAILURE);                                       \
        }                                                                   \
    } while (0)

struct thrown : std::runtime_error {
    thrown() : std::runtime_error("from a callback") {}
};

/* Polling, up to the alarm that main has set. */
void await(const std::function<bool()> &what)
{
    while (!what())
        std::this_thread::sleep_for(std::chrono::microseconds(100));
}

int throw_on_interrupt(void *)
{
    throw thrown();
}

void do_nothing(int)
{
}

/* A thread that calls wait, which throws; then it calls after. */
class thrower {
public:
    thrower(std::function<void()> wait, std::function<void()> after)
        : thread_([=] {
              try {
                  wait();
              } catch (const thrown &) {
                  caught_ = true;
              }
              after();
              done_ = true;
          })
    {
    }

    void interrupt_until_done()
    {
        await([this] {
            if (!done_)
                pthread_kill(thread_.native_handle(), SIGUSR1);
            return done_.load();
        });
        join();
    }

    void join()
    {
        thread_.join();
        REQUIRE(caught_);
    }

private:
    std::atomic<bool> caught_{ false };
    std::atomic<bool> done_{ false };
    std::thread thread_;
};

void condition_with_a_lock()
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    int released = -1;
    thrower first(
        [&] {
            ppt_lock_acquire(&lock, PPT_FOREVER);
            ppt_cond_wait_interruptible(&cond, &lock, PPT_FOREVER,
                                        throw_on_interrupt, nullptr);
        },
        [&] { released = ppt_lock_release(&lock); });

    await([&] { return ppt_cond_waiting(&cond) == 1; });
    first.interrupt_until_done();
    REQUIRE(released == 0);
    REQUIRE(ppt_cond_waiting(&cond) == 0);
    REQUIRE(ppt_cond_signal(&cond) == 0);
    REQUIRE(ppt_cond_destroy(&cond) == 0);
    REQUIRE(ppt_lock_destroy(&lock) == 0);
}

void condition_with_a_mutex()
{
    pthread_mutex_t mutex;
    pthread_mutexattr_t attr;
    ppt_cond_t cond = PPT_COND_INITIALIZER;
    int unlocked = -1;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&mutex, &attr);
    thrower first(
        [&] {
            pthread_mutex_lock(&mutex);
            ppt_cond_wait_mutex_interruptible(&cond, &mutex, PPT_FOREVER,
                                              throw_on_interrupt, nullptr);
        },
        [&] { unlocked = pthread_mutex_unlock(&mutex); });

    await([&] { return ppt_cond_waiting(&cond) == 1; });
    first.interrupt_until_done();
    REQUIRE(unlocked == 0);
    REQUIRE(ppt_cond_waiting(&cond) == 0);
    REQUIRE(ppt_cond_destroy(&cond) == 0);
}

void lock_is_not_taken()
{
    ppt_lock_t lock = PPT_LOCK_INITIALIZER;

    REQUIRE(ppt_lock_acquire(&lock, PPT_FOREVER) == 0);
    thrower first(
        [&] {
            ppt_lock_acquire_interruptible(&lock, PPT_FOREVER,
                                           throw_on_interrupt, nullptr);
        },
        [] {});

    await([&] { return ppt_lock_waiting(&lock) == 1; });
    first.interrupt_until_done();
    REQUIRE(ppt_lock_waiting(&lock) == 0);
    REQUIRE(ppt_lock_locked(&lock));
    REQUIRE(ppt_lock_release(&lock) == 0);
    REQUIRE(ppt_lock_destroy(&lock) == 0);
}

void unit_is_not_taken()
{
    ppt_semaphore_t semaphore = PPT_SEMAPHORE_INITIALIZER(0);
    thrower first(
        [&] {
            ppt_semaphore_acquire_interruptible(
                &semaphore, PPT_FOREVER, throw_on_interrupt, nullptr);
        },
        [] {});

    await([&] { return ppt_semaphore_waiting(&semaphore) == 1; });
    first.interrupt_until_done();
    REQUIRE(ppt_semaphore_waiting(&semaphore) == 0);
    REQUIRE(ppt_semaphore_release(&semaphore, 1) == 0);
    REQUIRE(ppt_semaphore_value(&semaphore) == 1);
    REQUIRE(ppt_semaphore_destroy(&semaphore) == 0);
}

void throw_from_routine(void *)
{
    throw thrown();
}

void set_to_one(void *number)
{
    *static_cast<int *>(number) = 1;
}

void it_is_not_done()
{
    ppt_once_t once = PPT_ONCE_INITIALIZER;
    int number = 0;
    thrower first([&] { ppt_once_run(&once, throw_from_routine, nullptr); },
                  [] {});

    first.join();
    REQUIRE(!ppt_once_done(&once));
    ppt_once_run(&once, set_to_one, &number);
    REQUIRE(ppt_once_done(&once) && number == 1);
    REQUIRE(ppt_once_destroy(&once) == 0);
}

void thrower_has_not_arrived()
{
    ppt_barrier_t barrier = PPT_BARRIER_INITIALIZER(2);
    int result = -1;
    thrower first(
        [&] {
            ppt_barrier_wait_interruptible(&barrier, PPT_FOREVER, nullptr,
                                           throw_on_interrupt, nullptr);
        },
        [] {});

    await([&] { return ppt_barrier_n_waiting(&barrier) == 1; });
    first.interrupt_until_done();
    REQUIRE(ppt_barrier_n_waiting(&barrier) == 0);
    REQUIRE(!ppt_barrier_broken(&barrier));
    std::thread other(
        [&] { result = ppt_barrier_wait(&barrier, PPT_FOREVER, nullptr); });
    REQUIRE(ppt_barrier_wait(&barrier, PPT_FOREVER, nullptr) == 0);
    other.join();
    REQUIRE(result == 0);
    REQUIRE(ppt_barrier_destroy(&barrier) == 0);
}

int throw_from_action(void *)
{
    throw thrown();
}

void action_breaks_the_barrier()
{
    ppt_barrier_t barrier;
    int result = -1;

    REQUIRE(ppt_barrier_init(&barrier, 2, throw_from_action, nullptr) == 0);
    std::thread other(
        [&] { result = ppt_barrier_wait(&barrier, PPT_FOREVER, nullptr); });
    await([&] { return ppt_barrier_n_waiting(&barrier) == 1; });
    thrower last([&] { ppt_barrier_wait(&barrier, PPT_FOREVER, nullptr); },
                 [] {});
    last.join();
    other.join();
    REQUIRE(result == ECANCELED);
    REQUIRE(ppt_barrier_broken(&barrier));
    ppt_barrier_reset(&barrier);
    REQUIRE(!ppt_barrier_broken(&barrier));
    REQUIRE(ppt_barrier_destroy(&barrier) == 0);
}

struct test {
    const char *name;
    void (*run)();
};

const test tests[] = {
    { "condition-lock", condition_with_a_lock },
    { "condition-mutex", condition_with_a_mutex },
    { "lock", lock_is_not_taken },
    { "semaphore", unit_is_not_taken },
    { "once", it_is_not_done },
    { "barrier", thrower_has_not_arrived },
    { "action", action_breaks_the_barrier },
};

} // namespace

/* One test by its name, or all. */
int main(int argc, char **argv)
{
    struct sigaction action = {};
    int run = 0;

    action.sa_handler = do_nothing;
    sigaction(SIGUSR1, &action, nullptr);
    alarm(30);
    for (const test &each : tests) {
        if (argc > 1 && std::string(argv[1]) != each.name)
            continue;
        each.run();
        run++;
    }
    return run > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
