# SPDX-License-Identifier: MIT
"""Fork: what the child finds, and that it can use it."""
import os
import signal
import sys
import threading
import time

import pytest

from blocking import CALLS
from support import (Owner, Stop, Worker, handling, in_child, interrupt,
                     join_all, stop, switching_at_waits, until, waiters,
                     when_asleep)

pytestmark = [
    pytest.mark.unsanitized,  # their malloc does not survive a fork
    pytest.mark.filterwarnings('ignore::DeprecationWarning'),
]


def wait(cond, timeout=None):
    with cond:
        return cond.wait(timeout)


def use_lock(lock):
    """It excludes, and wakes who waits for it; leaves it free."""
    with lock:
        assert Worker(lock.acquire, False).join() is False
        worker = Worker(lambda: lock.acquire() and lock.release())
        until(worker.asleep)
    worker.join()


def use_condition(cond):
    workers = []
    for number in range(3):
        workers.append(Worker(wait, cond))
        until(lambda: waiters(cond) == number + 1)
    for worker in workers:
        with cond:
            cond.notify()
        assert worker.join() is True
    assert wait(cond, 0.001) is False


def use_semaphore(semaphore):
    """Its value is 0 and remains so."""
    assert semaphore.acquire(False) is False
    workers = [Worker(semaphore.acquire) for _ in range(3)]
    until(lambda: waiters(semaphore) == 3)
    for number in range(3):
        semaphore.release()
        until(lambda: sum(worker.ended for worker in workers) > number)
    assert join_all(workers) == [True] * 3
    assert semaphore.acquire(timeout=0.001) is False


def use_event(event):
    event.clear()
    workers = [Worker(event.wait) for _ in range(3)]
    until(lambda: waiters(event) == 3)
    event.set()
    assert join_all(workers) == [True] * 3


def use_barrier(barrier):
    """Its parties are three."""
    for _ in range(3):
        workers = [Worker(barrier.wait) for _ in range(2)]
        until(lambda: barrier.n_waiting == 2)
        assert barrier.wait() == 2
        assert sorted(join_all(workers)) == [0, 1]


USES = {'Lock': use_lock, 'RLock': use_lock, 'Condition': use_condition,
        'Event': use_event}


def make_free(impl, name):
    if name == 'Barrier':
        return impl.Barrier(3), use_barrier
    if 'Semaphore' in name:
        semaphore = getattr(impl, name)()
        semaphore.acquire()
        return semaphore, use_semaphore
    return getattr(impl, name)(), USES[name]


@pytest.mark.parametrize('name', ['Lock', 'RLock', 'Condition', 'Semaphore',
                                  'BoundedSemaphore', 'Event', 'Barrier'])
def test_child_may_use_what_nobody_used(impl, name):
    thing, use = make_free(impl, name)
    in_child(use, thing)
    use(thing)


def test_held_lock_is_held_in_the_child(impl):
    lock = impl.Lock()
    lock.acquire()

    def child():
        assert lock.locked()
        assert lock.acquire(False) is False
        lock.release()
        use_lock(lock)

    in_child(child)
    assert lock.locked()
    lock.release()
    use_lock(lock)


def test_held_rlock_belongs_to_the_same_thread_in_the_child(impl):
    lock = impl.RLock()

    def child():
        assert lock._is_owned()
        lock.release()
        assert Worker(lock.acquire, False).join() is False
        lock.release()
        use_lock(lock)

    with lock, lock:
        in_child(child)
        assert lock._is_owned()
    use_lock(lock)


@pytest.mark.parametrize('name', ['Lock', 'RLock', 'Condition'])
def test_lock_of_another_thread_is_held_in_the_child(impl, name):
    lock = getattr(impl, name)()
    owner = Owner(lock)

    def child():
        assert lock.acquire(False) is False
        assert lock.acquire(timeout=0.01) is False
        lock._at_fork_reinit()
        USES[name](lock)

    in_child(child)
    owner.let_go()
    USES[name](lock)


@pytest.mark.parametrize('name', ['Lock', 'RLock'])
def test_threads_that_wait_for_a_lock_are_forgotten_in_the_child(impl, name):
    lock = getattr(impl, name)()

    def take():
        with lock:
            return True

    def child():
        lock.release()
        use_lock(lock)

    lock.acquire()
    workers = [Worker(take) for _ in range(3)]
    until(lambda: all(worker.asleep() for worker in workers))
    in_child(child)
    lock.release()
    assert join_all(workers) == [True] * 3
    use_lock(lock)


@pytest.mark.parametrize('kind', ['Lock', 'RLock'])
def test_threads_that_wait_at_a_condition_are_forgotten(native, kind):
    cond = native.Condition(getattr(native, kind)())

    def child():
        assert waiters(cond) == 0
        use_condition(cond)

    workers = [Worker(wait, cond) for _ in range(3)]
    until(lambda: waiters(cond) == 3)
    in_child(child)
    with cond:
        in_child(child_holding, cond)
        cond.notify_all()
    assert join_all(workers) == [True] * 3
    use_condition(cond)


def child_holding(cond):
    cond.notify_all()
    cond.release()
    use_condition(cond)


def test_threads_that_wait_at_a_semaphore_are_forgotten(native):
    for semaphore in native.Semaphore(0), native.BoundedSemaphore():
        semaphore.acquire(False)
        workers = [Worker(semaphore.acquire) for _ in range(3)]
        until(lambda: waiters(semaphore) == 3)
        in_child(use_semaphore, semaphore)
        for worker in workers:
            semaphore.release()
            worker.join()
        assert join_all(workers) == [True] * 3
        use_semaphore(semaphore)


def test_threads_that_wait_for_an_event_are_forgotten(native):
    event = native.Event()
    workers = [Worker(event.wait) for _ in range(3)]
    until(lambda: waiters(event) == 3)
    in_child(use_event, event)
    assert not event.is_set()
    event.set()
    assert join_all(workers) == [True] * 3


def test_threads_that_wait_at_a_barrier_are_forgotten(native):
    barrier = native.Barrier(3)
    workers = [Worker(barrier.wait) for _ in range(2)]
    until(lambda: barrier.n_waiting == 2)

    def child():
        assert barrier.n_waiting == 0
        use_barrier(barrier)

    in_child(child)
    assert barrier.wait() == 2
    join_all(workers)
    use_barrier(barrier)


def test_set_event_is_set_in_the_child(impl):
    event = impl.Event()
    event.set()

    def child():
        assert event.is_set()
        assert event.wait() is True

    in_child(child)


def test_semaphore_keeps_its_value_in_the_child(impl):
    semaphore = impl.Semaphore(5)

    def child():
        assert [semaphore.acquire(False) for _ in range(6)] == (
            [True] * 5 + [False])

    in_child(child)
    assert semaphore._value == 5


@pytest.mark.parametrize('name', CALLS)
def test_waiting_thread_of_the_parent_does_not_notice(impl, name):
    call = CALLS[name](impl)
    worker = Worker(call.block)
    until(worker.asleep)
    for _ in range(3):
        in_child(lambda: None)
    until(lambda: worker.asleep() or worker.ended)
    assert not worker.ended
    call.wake()
    assert worker.join() is True


@pytest.mark.parametrize('name', CALLS)
def test_forked_child_of_a_thread_may_block_and_be_woken(impl, name):
    def child():
        call = CALLS[name](impl)
        worker = Worker(call.block)
        until(worker.asleep)
        call.wake()
        assert worker.join() is True

    Worker(in_child, child).join()


@pytest.mark.parametrize('name', CALLS)
def test_handler_may_fork_and_the_wait_goes_on_in_both(native, name):
    call = CALLS[name](native)
    children = []

    def fork(*_):
        children.append(os.fork())
        if children == [0]:
            signal.signal(signal.SIGALRM, stop)
            signal.setitimer(signal.ITIMER_REAL, 0.1)

    def interrupt_and_wake():
        interrupt()
        until(lambda: children)
        call.wake()

    with handling(signal.SIGUSR1, fork):
        worker = when_asleep(interrupt_and_wake)
        try:
            assert call.block() is True
        except Stop:
            os._exit(0)
        finally:
            if children == [0]:
                os._exit(1)
    worker.join()
    _, status = os.waitpid(children[0], 0)
    assert status == 0


def pollers_of_condition(cond):
    def poll(stop):
        with cond:
            while not stop:
                for _ in range(3000):  # meanwhile others want the GIL
                    pass
                cond.wait(0.0001)

    def take():
        assert cond.acquire(False) is True

    return [poll] * 3, take


def pollers_of_semaphores(impl):
    first, second = impl.Semaphore(0), impl.Semaphore(0)

    def ping(stop):
        while not stop:
            first.acquire(timeout=0.0001)
            second.release()

    def pong(stop):
        while not stop:
            second.acquire(timeout=0.0001)
            first.release()

    def use():
        for semaphore in first, second:
            semaphore.release()
            assert semaphore.acquire() is True

    return [ping, pong] * 4, use


def pollers_of_event(impl):
    event = impl.Event()

    def poll(stop):
        while not stop:
            event.wait(0.0001)
            event.set()
            event.clear()

    def use():
        event.set()
        assert event.wait() is True

    return [poll] * 6, use


POLLERS = {
    'Condition-Lock': lambda impl: pollers_of_condition(
        impl.Condition(impl.Lock())),
    'Condition-RLock': lambda impl: pollers_of_condition(impl.Condition()),
    'Semaphore': pollers_of_semaphores,
    'Event': pollers_of_event,
}


@pytest.mark.skipif(not getattr(sys, '_is_gil_enabled', lambda: True)(),
                    reason='a fork may catch a thread anywhere')
@pytest.mark.parametrize('name', POLLERS)
def test_no_lock_is_held_by_a_thread_that_waits(native, name):
    """Nor by one that begins to, or has just been woken.

    threading does not promise that: a thread that waited for a lock has it
    before it has the GIL.
    """
    polls, use = POLLERS[name](native)
    stop = []
    with switching_at_waits(native):
        workers = [Worker(poll, stop) for poll in polls]
        try:
            for _ in range(60):
                in_child(use)
        finally:
            stop.append(True)
        join_all(workers)


def hammer(native, stop):
    """Objects, and threads that use them until stop is true."""
    lock, rlock = native.Lock(), native.RLock()
    cond = native.Condition(native.Lock())
    semaphore, event = native.Semaphore(1), native.Event()
    barrier = native.Barrier(2)

    def use_locks():
        while not stop:
            with lock:
                pass
            with rlock, rlock:
                pass

    def use_cond():
        while not stop:
            with cond:
                cond.notify()
                cond.wait(0.001)

    def use_semaphore_and_event():
        while not stop:
            with semaphore:
                event.set()
            event.wait()
            event.clear()
            event.wait(0.0005)

    def use_barrier():
        while not stop:
            try:
                barrier.wait(0.01)
            except threading.BrokenBarrierError:
                barrier.reset()

    uses = [use_locks, use_cond, use_semaphore_and_event, use_barrier]
    workers = [Worker(use) for use in uses * 2]
    return (lock, rlock, cond, semaphore, event, barrier), workers


def touch(lock, rlock, cond, semaphore, event, barrier):
    """Call everything that never waits for a thread that is gone."""
    for each in lock, rlock, cond:
        if each.acquire(timeout=0.01):
            each.release()
    if cond.acquire(False):
        cond.notify_all()
        assert cond.wait(0.001) is False
        cond.notify()
        cond.release()
    if semaphore.acquire(False):
        semaphore.release()
    semaphore.release()
    assert semaphore.acquire(timeout=0.01) is True
    event.clear()
    assert event.wait(0.001) is False
    event.set()
    assert event.wait() is True
    barrier.reset()
    with pytest.raises(threading.BrokenBarrierError):
        barrier.wait(0.001)


def test_fork_may_catch_the_objects_in_any_state(native):
    stop = []
    things, workers = hammer(native, stop)
    end = time.monotonic() + int(os.environ.get('PPT_TEST_MS', 500)) / 1000
    try:
        while time.monotonic() < end:
            in_child(touch, *things)
    finally:
        stop.append(True)
    # A thread may have cleared the event for which another one waits, and
    # ended: without a GIL it does so now and then.
    event = things[-2]
    until(lambda: event.set() or all(worker.ended for worker in workers))
    join_all(workers)
