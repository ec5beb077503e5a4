// C++ keeps the system's type and functions.
#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <type_traits>

static_assert(std::is_same<std::condition_variable::native_handle_type,
                           pthread_cond_t *>::value,
              "the type was replaced");

int main()
{
    std::mutex mutex;
    std::unique_lock<std::mutex> lock(mutex);
    std::condition_variable cond;

    while (cond.wait_for(lock, std::chrono::milliseconds(1))
           != std::cv_status::timeout)
        continue;
    return pthread_cond_signal(cond.native_handle());
}
