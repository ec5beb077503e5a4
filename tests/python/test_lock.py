# SPDX-License-Identifier: MIT
"""Lock: one holder at a time."""
import re

import pytest

from support import Owner, Worker, at_least, join_all, make, until


def test_new_lock_is_free(impl):
    assert not impl.Lock().locked()


def test_free_lock_is_taken_at_once(impl):
    lock = impl.Lock()
    assert lock.acquire() is True
    assert lock.locked() is True


def test_release_returns_none_and_makes_it_free(impl):
    lock = impl.Lock()
    lock.acquire()
    assert lock.release() is None
    assert lock.locked() is False


@pytest.mark.parametrize('args', [(False,), (0,), (True, 0), (True, 0.01)])
def test_lock_is_not_recursive(impl, args):
    lock = impl.Lock()
    lock.acquire()
    assert lock.acquire(*args) is False
    assert lock.locked()


@pytest.mark.parametrize('name', ['Lock', 'RLock'])
@pytest.mark.parametrize('keyword', [
    'block', 'blockinG', 'blocking ', 'blocking\0', 'bl\xf6cking',
    'bl\u1e55cking', 'timeouT', 'timeout\0x', ''])
def test_keyword_that_is_nearly_right_is_refused(impl, name, keyword):
    lock = make(impl, name)
    with pytest.raises(TypeError):
        lock.acquire(**{keyword: False})
    assert lock.acquire(**{str(b'blocking', 'ascii'): False})


def test_timeout_is_never_early(impl):
    lock = impl.Lock()
    lock.acquire()
    for timeout in 0.001, 0.02, 0.1:
        with at_least(timeout):
            assert lock.acquire(timeout=timeout) is False


def test_release_of_a_free_lock_is_refused_and_changes_nothing(impl):
    lock = impl.Lock()
    with pytest.raises(RuntimeError):
        lock.release()
    assert lock.acquire(False)
    lock.release()
    with pytest.raises(RuntimeError):
        lock.release()
    assert not lock.locked()


def test_any_thread_may_release(impl):
    lock = impl.Lock()
    lock.acquire()
    Worker(lock.release).join()
    assert lock.acquire(False)


@pytest.mark.parametrize('args', [(), (True,), (True, -1), (True, 60)])
def test_release_wakes_a_waiter(impl, args):
    lock = impl.Lock()
    lock.acquire()
    worker = Worker(lock.acquire, *args)
    until(worker.asleep)
    lock.release()
    assert worker.join() is True
    assert lock.locked()


def test_each_release_wakes_one_of_many_waiters(impl):
    lock = impl.Lock()
    lock.acquire()
    got = []

    def take():
        lock.acquire()
        got.append(None)

    workers = [Worker(take) for _ in range(20)]
    for n in range(1, 21):
        assert len(got) == n - 1
        lock.release()
        until(lambda: len(got) == n)
        assert lock.locked()
    join_all(workers)


def test_waiters_queue_in_fifo_order(native):
    lock = native.Lock()
    lock.acquire()
    order = []

    def take(number):
        with lock:
            order.append(number)

    workers = []
    for number in range(20):
        workers.append(Worker(take, number))
        until(workers[-1].asleep)
    lock.release()
    join_all(workers)
    assert order == list(range(20))


def test_waiter_that_is_passed_over_gets_its_turn(native):
    lock = native.Lock()
    lock.acquire()
    worker = Worker(lock.acquire)
    until(worker.asleep)
    while not worker.ended:  # this thread never leaves the lock for long
        lock.release()
        lock.acquire(timeout=0.05)
    assert worker.join() is True


def test_timed_out_waiter_leaves_the_others_in_the_queue(impl):
    lock = impl.Lock()
    lock.acquire()
    first = Worker(lock.acquire)
    until(first.asleep)
    middle = Worker(lock.acquire, True, 0.1)
    last = Worker(lock.acquire)
    until(last.asleep)
    assert middle.join() is False
    lock.release()
    until(lambda: first.ended or last.ended)
    lock.release()
    assert join_all([first, last]) == [True, True]


def test_with_takes_and_releases(impl):
    lock = impl.Lock()
    with lock as result:
        assert result is True
        assert lock.locked()
    assert not lock.locked()


def test_with_releases_when_the_block_raises(impl):
    lock = impl.Lock()
    with pytest.raises(KeyError):
        with lock:
            raise KeyError
    assert not lock.locked()


def test_with_waits(impl):
    lock = impl.Lock()
    owner = Owner(lock)
    worker = Worker(lock.__enter__)
    until(worker.asleep)
    owner.let_go()
    assert worker.join() is True


def test_exit_of_a_free_lock_is_refused(impl):
    with pytest.raises(RuntimeError):
        impl.Lock().__exit__(None, None, None)


def test_old_names_do_the_same(impl):
    lock = impl.Lock()
    assert lock.acquire_lock() is True
    assert lock.locked_lock() is True
    assert lock.acquire_lock(False) is False
    lock.release_lock()
    assert not lock.locked_lock()


def test_repr_says_whether_it_is_locked(impl):
    lock = impl.Lock()
    assert re.fullmatch(r'<unlocked \S*lock object at 0x[0-9a-f]+>',
                        repr(lock), re.I)
    lock.acquire()
    assert re.fullmatch(r'<locked \S*lock object at 0x[0-9a-f]+>',
                        repr(lock), re.I)


def test_at_fork_reinit_makes_it_free(impl):
    lock = impl.Lock()
    lock.acquire()
    lock._at_fork_reinit()
    assert not lock.locked()
    assert lock.acquire(False)
    lock.release()


def test_locks_are_independent(impl):
    locks = [impl.Lock() for _ in range(100)]
    for lock in locks:
        lock.acquire()
    for lock in locks[::2]:
        lock.release()
    assert [lock.locked() for lock in locks] == [False, True] * 50
