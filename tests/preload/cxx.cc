/* SPDX-License-Identifier: MIT */
// A C++ program that knows nothing of this library: std::condition_variable,
// and cancellation through a frame with a destructor.
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <pthread.h>
#include <thread>

static std::mutex mutex;
static std::condition_variable cond;
static std::condition_variable_any any;
static int turn; // guarded by mutex
static bool destroyed;

template <typename Condition>
static void take_turns(Condition &condition, int me)
{
    for (int i = 0; i < 1000; i++) {
        std::unique_lock<std::mutex> lock(mutex);
        condition.wait(lock, [me] { return turn % 2 == me; });
        turn++;
        if (me == 0)
            condition.notify_one();
        else
            condition.notify_all();
    }
}

template <typename Condition>
static bool both_take_turns(Condition &condition)
{
    turn = 0;
    std::thread other([&] { take_turns(condition, 0); });
    take_turns(condition, 1);
    other.join();
    return turn == 2000;
}

template <typename Clock>
static bool times_out()
{
    const auto length = std::chrono::milliseconds(20);
    std::unique_lock<std::mutex> lock(mutex);
    auto end = Clock::now() + length;
    bool early = cond.wait_for(lock, length, [] { return false; })
                 || Clock::now() < end;

    end = Clock::now() + length;
    return !early && !cond.wait_until(lock, end, [] { return false; })
           && Clock::now() >= end;
}

struct Flag {
    ~Flag() { destroyed = true; }
};

static void *wait_for_ever(void *)
{
    std::unique_lock<std::mutex> lock(mutex);
    Flag flag;

    turn = 3;
    cond.wait(lock, [] { return false; });
    return nullptr;
}

static bool cancellation_destroys()
{
    pthread_t thread;
    void *result;

    pthread_create(&thread, nullptr, wait_for_ever, nullptr);
    for (bool waits = false; !waits; std::this_thread::yield()) {
        std::lock_guard<std::mutex> lock(mutex);
        waits = turn == 3;
    }
    pthread_cancel(thread);
    pthread_join(thread, &result);
    std::lock_guard<std::mutex> lock(mutex); // it was unlocked
    return result == PTHREAD_CANCELED && destroyed;
}

int main()
{
    struct { const char *what; bool well; } checks[] = {
        { "condition_variable", both_take_turns(cond) },
        { "condition_variable_any", both_take_turns(any) },
        { "wait_for, steady clock", times_out<std::chrono::steady_clock>() },
        { "wait_for, system clock", times_out<std::chrono::system_clock>() },
        { "cancellation", cancellation_destroys() },
    };
    int failed = 0;

    for (const auto &check : checks)
        if (!check.well) {
            std::printf("wrong: %s\n", check.what);
            failed = 1;
        }
    return failed;
}
