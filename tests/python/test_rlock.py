# SPDX-License-Identifier: MIT
"""RLock: a lock that its owner may take again."""
import re
import threading

import pytest

from support import Owner, Worker, at_least, held_elsewhere, join_all, until


def taken_elsewhere(lock, *args):
    """Whether another thread can take it: tries, and releases it again."""
    def take():
        taken = lock.acquire(*args or (False,))
        if taken:
            lock.release()
        return taken
    return Worker(take).join()


def test_free_lock_is_taken_at_once(impl):
    assert impl.RLock().acquire() is True


def test_owner_takes_it_again_and_releases_it_as_often(impl):
    lock = impl.RLock()
    for _ in range(1000):
        assert lock.acquire() is True
    for _ in range(999):
        assert lock.release() is None
    assert not taken_elsewhere(lock)
    lock.release()
    assert taken_elsewhere(lock)


def test_release_by_another_thread_is_refused_and_changes_nothing(impl):
    lock = impl.RLock()
    lock.acquire()
    with pytest.raises(RuntimeError):
        Worker(lock.release).join()
    assert not taken_elsewhere(lock)
    lock.release()
    assert taken_elsewhere(lock)


def test_release_of_a_free_lock_is_refused_and_changes_nothing(impl):
    lock = impl.RLock()
    with pytest.raises(RuntimeError):
        lock.release()
    with lock:
        pass
    with pytest.raises(RuntimeError):
        lock.release()
    assert taken_elsewhere(lock)


def test_try_of_a_lock_held_elsewhere_is_refused(impl):
    lock = impl.RLock()
    with held_elsewhere(lock):
        assert lock.acquire(False) is False
        assert lock.acquire(blocking=False) is False
    assert lock.acquire(False) is True


def test_timeout_is_never_early(impl):
    lock = impl.RLock()
    with held_elsewhere(lock):
        for timeout in 0.001, 0.02, 0.1:
            with at_least(timeout):
                assert lock.acquire(timeout=timeout) is False


@pytest.mark.parametrize('args', [(), (True,), (True, -1), (True, 60)])
def test_release_wakes_a_waiter(impl, args):
    lock = impl.RLock()
    lock.acquire()
    lock.acquire()
    worker = Worker(lock.acquire, *args)
    until(worker.asleep)
    lock.release()
    assert not worker.ended
    lock.release()
    assert worker.join() is True


def test_waiters_queue_in_fifo_order(native):
    lock = native.RLock()
    lock.acquire()
    order = []

    def take(number):
        with lock, lock:
            order.append(number)

    workers = []
    for number in range(20):
        workers.append(Worker(take, number))
        until(workers[-1].asleep)
    lock.release()
    join_all(workers)
    assert order == list(range(20))


def test_with_is_recursive(impl):
    lock = impl.RLock()
    with lock as first, lock as second:
        assert first is True and second is True
        assert not taken_elsewhere(lock)
    assert taken_elsewhere(lock)


def test_with_releases_when_the_block_raises(impl):
    lock = impl.RLock()
    with pytest.raises(KeyError):
        with lock:
            raise KeyError
    assert taken_elsewhere(lock)


def test_is_owned_says_whether_this_thread_holds_it(impl):
    lock = impl.RLock()
    assert lock._is_owned() is False
    with lock:
        assert lock._is_owned() is True
        assert Worker(lock._is_owned).join() is False
    assert lock._is_owned() is False


def test_release_save_lets_go_of_all_levels_and_restore_takes_them(impl):
    lock = impl.RLock()
    for _ in range(3):
        lock.acquire()
    state = lock._release_save()
    assert not lock._is_owned()
    assert taken_elsewhere(lock)
    assert lock._acquire_restore(state) is None
    for _ in range(3):
        assert not taken_elsewhere(lock)
        lock.release()
    assert taken_elsewhere(lock)


def test_acquire_restore_waits(impl):
    lock = impl.RLock()
    steps = []

    def save_and_restore():
        with lock:
            state = lock._release_save()
            steps.append('saved')
            until(lambda: 'taken' in steps)
            lock._acquire_restore(state)
            assert lock._is_owned()

    worker = Worker(save_and_restore)
    until(lambda: 'saved' in steps)
    with lock:
        steps.append('taken')
        until(worker.asleep)
    worker.join()
    assert taken_elsewhere(lock)


def test_release_save_of_a_free_lock_is_refused(impl):
    lock = impl.RLock()
    with pytest.raises(RuntimeError):
        lock._release_save()
    assert taken_elsewhere(lock)


def test_recursion_count_is_that_of_this_thread(native):
    lock = native.RLock()
    assert lock._recursion_count() == 0
    with lock, lock:
        assert lock._recursion_count() == 2
        assert Worker(lock._recursion_count).join() == 0
    assert lock._recursion_count() == 0


def test_locked_says_whether_any_thread_holds_it(native):
    lock = native.RLock()
    assert lock.locked() is False
    with lock:
        assert lock.locked() is True
        assert Worker(lock.locked).join() is True
    with held_elsewhere(lock):
        assert lock.locked() is True
    assert lock.locked() is False


def test_repr_says_who_holds_it_and_how_often(impl):
    lock = impl.RLock()
    free = repr(lock)
    assert re.fullmatch(r'<unlocked \S*RLock object owner=0 count=0 '
                        r'at 0x[0-9a-f]+>', free)
    with lock, lock:
        assert re.fullmatch(r'<locked \S*RLock object '
                            rf'owner={threading.get_ident()} count=2 '
                            r'at 0x[0-9a-f]+>', repr(lock))
    assert repr(lock) == free


def test_at_fork_reinit_makes_it_free(impl):
    lock = impl.RLock()
    owner = Owner(lock)
    lock._at_fork_reinit()
    assert lock.acquire(False)
    lock.release()
    with pytest.raises(RuntimeError):  # it is not that thread's any more
        owner.let_go()
    assert taken_elsewhere(lock)


def test_locks_are_independent(impl):
    locks = [impl.RLock() for _ in range(100)]
    for lock in locks[::2]:
        lock.acquire()
    assert [lock._is_owned() for lock in locks] == [True, False] * 50
