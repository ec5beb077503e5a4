/*
 * absl: absl::Mutex and absl::CondVar.  Its Barrier serves one round only,
 * so it has none that could be compared.
 *
 * SPDX-License-Identifier: MIT
 */
#include <new>

#include <absl/synchronization/mutex.h>

#include "bench.h"

namespace {

using mutex_t = absl::Mutex;
using cond_t = absl::CondVar;

/* Abseil of 2025 has standard C++'s names, and deprecates its own. */
template <class M>
inline auto lock(M *m, int) -> decltype(m->lock()) { m->lock(); }
template <class M> inline void lock(M *m, long) { m->Lock(); }
template <class M>
inline auto unlock(M *m, int) -> decltype(m->unlock()) { m->unlock(); }
template <class M> inline void unlock(M *m, long) { m->Unlock(); }

inline void mutex_init(mutex_t *m) { new (m) absl::Mutex; }
inline void mutex_destroy(mutex_t *m) { m->~Mutex(); }
inline void mutex_lock(mutex_t *m) { lock(m, 0); }
inline void mutex_unlock(mutex_t *m) { unlock(m, 0); }

inline void cond_init(cond_t *c) { new (c) absl::CondVar; }
inline void cond_destroy(cond_t *c) { c->~CondVar(); }
inline void cond_wait(cond_t *c, mutex_t *m) { c->Wait(m); }
inline void cond_signal(cond_t *c) { c->Signal(); }
inline void cond_broadcast(cond_t *c) { c->SignalAll(); }

inline void cond_signal_unlock(cond_t *c, mutex_t *m)
{
    c->Signal();
    mutex_unlock(m);
}

#include "loops/pair.h"
#include "loops/queue.h"
#include "loops/signal.h"
#include "loops/idle.h"
#include "loops/broadcast.h"
#include "loops/lock.h"
#include "loops/semaphore_of_cond.h"

} // namespace

extern "C" const struct impl impl_absl;

const struct impl impl_absl = {
    "absl",
    "absl::Mutex and absl::CondVar",
    nullptr,
    &queue_files,
    &pair_loop,
    &queue_loop,
    &signal_loop,
    &idle_loop,
    &broadcast_loop,
    &lock_loop,
    &semaphore_loop,
    nullptr,
    nullptr,
};
