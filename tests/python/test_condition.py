# SPDX-License-Identifier: MIT
"""Condition: waits end in their order, one for each notification."""
import re
import time

import pytest

from support import (Worker, at_least, held_elsewhere, join_all,
                     longer_and_longer, until, waiters)


def wait(cond, timeout=None):
    with cond:
        return cond.wait(timeout)


def queue_up(cond, number, function=wait, *args):
    """That many workers, which wait in the order of the list."""
    workers = []
    for _ in range(number):
        workers.append(Worker(function, cond, *args))
        until(lambda: waiters(cond) == len(workers))
    return workers


def notify(cond, *args):
    with cond:
        cond.notify(*args)


def notify_all(cond):
    with cond:
        cond.notify_all()


@pytest.fixture(params=['default', 'Lock', 'RLock'])
def cond(request, impl):
    if request.param == 'default':
        return impl.Condition()
    return impl.Condition(getattr(impl, request.param)())


def test_default_lock_is_an_rlock(impl):
    cond = impl.Condition()
    assert type(cond._lock) is type(impl.RLock())
    with cond, cond:
        pass


def test_lock_is_the_one_that_was_given(impl):
    for lock in impl.Lock(), impl.RLock():
        cond = impl.Condition(lock)
        assert cond._lock is lock
        with cond:
            assert Worker(lock.acquire, False).join() is False
        assert lock.acquire(False)


def test_acquire_and_release_are_those_of_the_lock(cond):
    assert cond.acquire() is True
    assert Worker(cond.acquire, False).join() is False
    assert Worker(cond.acquire, True, 0.01).join() is False
    assert Worker(lambda: cond.acquire(blocking=False)).join() is False
    assert cond.release() is None
    with pytest.raises(RuntimeError):
        cond.release()
    with cond as entered:
        assert entered is True


def test_wait_is_true_if_and_only_if_notified(cond):
    worker = Worker(wait, cond, 60)
    until(lambda: waiters(cond) == 1)
    notify(cond)
    assert worker.join() is True
    assert wait(cond, 0.01) is False


def test_wait_lets_go_of_the_lock_and_takes_it_again(cond):
    seen = []

    def wait_and_look():
        with cond:
            cond.wait()
            seen.append(Worker(cond.acquire, False).join())

    worker = Worker(wait_and_look)
    until(lambda: waiters(cond) == 1)
    notify(cond)
    worker.join()
    assert seen == [False]
    assert cond.acquire(False)


def test_wait_lets_go_of_all_levels_and_takes_them_again(impl):
    cond = impl.Condition()

    def wait_deep():
        with cond, cond, cond:
            cond.wait()
            cond.release()
            cond.release()
            held = Worker(cond.acquire, False).join()
            cond.acquire()
            cond.acquire()
            return held

    worker = Worker(wait_deep)
    until(lambda: waiters(cond) == 1)
    notify(cond)
    assert worker.join() is False
    assert cond.acquire(False)


def test_notified_waiter_waits_for_the_lock(cond):
    worker, = queue_up(cond, 1)
    with cond:
        cond.notify()
        until(worker.asleep)
        assert not worker.ended
    assert worker.join() is True


def test_waits_end_in_the_order_in_which_they_began(cond):
    order = []

    def wait_and_say(cond, number):
        with cond:
            cond.wait()
            order.append(number)

    workers = []
    for number in range(20):
        workers.append(Worker(wait_and_say, cond, number))
        until(lambda: waiters(cond) == number + 1)
    for number in range(20):
        notify(cond)
        until(lambda: len(order) == number + 1)
    join_all(workers)
    assert order == list(range(20))


@pytest.mark.parametrize('number', [1, 2, 7, 10])
def test_notify_wakes_exactly_the_first_n(cond, number):
    workers = queue_up(cond, 10)
    notify(cond, number)
    join_all(workers[:number])
    assert waiters(cond) == 10 - number
    until(lambda: all(worker.asleep() for worker in workers[number:]))
    assert not any(worker.ended for worker in workers[number:])
    notify_all(cond)
    join_all(workers)


def test_notify_wakes_one_by_default(cond):
    workers = queue_up(cond, 3)
    notify(cond)
    assert workers[0].join() is True
    assert waiters(cond) == 2
    notify_all(cond)
    join_all(workers)


def test_notify_of_more_than_there_are_wakes_them_all(cond):
    workers = queue_up(cond, 3)
    notify(cond, 100)
    assert join_all(workers) == [True] * 3
    assert wait(cond, 0) is False


def test_notify_of_none_wakes_nobody(cond):
    worker, = queue_up(cond, 1)
    notify(cond, 0)
    assert waiters(cond) == 1
    notify(cond)
    worker.join()


def test_notify_all_wakes_all_who_wait(cond):
    workers = queue_up(cond, 20)
    notify_all(cond)
    assert join_all(workers) == [True] * 20
    assert waiters(cond) == 0


def test_notification_is_not_kept_for_a_later_waiter(cond):
    notify(cond)
    notify_all(cond)
    notify(cond, 5)
    assert wait(cond, 0.02) is False


def test_later_waiter_cannot_take_an_earlier_ones_notification(cond):
    first = Worker(wait, cond)
    until(lambda: waiters(cond) == 1)
    with cond:
        cond.notify()
        assert cond.wait(0.05) is False
    assert first.join() is True


def test_notifications_add_up(cond):
    workers = queue_up(cond, 3)
    with cond:
        cond.notify()
        cond.notify()
    assert join_all(workers[:2]) == [True, True]
    assert waiters(cond) == 1
    notify(cond)
    workers[2].join()


def test_waiters_is_false_if_nobody_waits(cond):
    assert not cond._waiters
    worker, = queue_up(cond, 1)
    assert cond._waiters
    notify(cond)
    worker.join()
    assert not cond._waiters


def test_timeout_is_never_early(cond):
    for timeout in 0.001, 0.02, 0.1:
        with at_least(timeout):
            assert wait(cond, timeout) is False


@pytest.mark.parametrize('timeout', [0, 0.0, -1, -0.5, -1e300])
def test_timeout_of_nothing_or_less_is_over_at_once(cond, timeout):
    assert wait(cond, timeout) is False
    assert waiters(cond) == 0


def test_timeout_consumes_no_notification(cond):
    assert wait(cond, 0.01) is False
    worker, = queue_up(cond, 1)
    assert wait(cond, 0.01) is False
    assert waiters(cond) == 1
    notify(cond)
    assert worker.join() is True


def test_waiter_in_the_middle_may_time_out(cond):
    first, = queue_up(cond, 1)
    for timeout in longer_and_longer(0.2):
        middle = Worker(wait, cond, timeout)
        until(lambda: waiters(cond) == 2 or middle.ended)
        if not middle.ended:
            break
    last = Worker(wait, cond)
    assert middle.join() is False
    until(lambda: waiters(cond) == 2)
    notify(cond)
    assert first.join() is True
    assert waiters(cond) == 1
    notify(cond)
    assert last.join() is True


def test_lock_is_waited_for_after_the_timeout(cond):
    for timeout in longer_and_longer(0.5):
        worker = Worker(wait, cond, timeout)
        until(lambda: waiters(cond) == 1 or worker.ended)
        with cond:
            timed_out = time.monotonic() + timeout
            in_time = waiters(cond) == 1  # it cannot end while this holds it
            if in_time:
                until(lambda: time.monotonic() > timed_out)
                until(worker.asleep)
                assert not worker.ended
        assert worker.join() is False
        if in_time:
            break


@pytest.mark.parametrize('method', ['wait', 'notify', 'notify_all'])
def test_call_without_the_lock_is_refused_and_changes_nothing(cond, method):
    with pytest.raises(RuntimeError):
        getattr(cond, method)()
    assert waiters(cond) == 0
    worker, = queue_up(cond, 1)
    with cond:
        pass  # a worker that is queued has yet to let go of it
    with pytest.raises(RuntimeError):
        getattr(cond, method)()
    assert waiters(cond) == 1
    notify(cond)
    assert worker.join() is True


@pytest.mark.parametrize('method', ['wait', 'notify', 'notify_all'])
def test_call_with_the_lock_of_another_thread_is_refused(impl, method):
    cond = impl.Condition()  # an RLock: a Lock has no owner
    with held_elsewhere(cond):
        with pytest.raises(RuntimeError):
            getattr(cond, method)()
    assert cond.acquire(False)


def test_wait_for_returns_the_predicates_value(cond):
    with cond:
        assert cond.wait_for(lambda: 'value') == 'value'
        assert cond.wait_for(lambda: [], 0.01) == []
        assert cond.wait_for(lambda: [], timeout=0) == []


def test_wait_for_calls_the_predicate_with_the_lock_held(cond):
    held = []

    def predicate():
        held.append(not Worker(cond.acquire, False).join())
        return len(held) == 2

    def wait_for():
        with cond:
            return cond.wait_for(predicate)

    worker = Worker(wait_for)
    until(lambda: waiters(cond) == 1)
    notify(cond)
    assert worker.join() is True
    assert held == [True, True]


def test_wait_for_waits_until_the_predicate_is_true(cond):
    state = [0]

    def wait_for():
        with cond:
            return cond.wait_for(lambda: state[0] == 3)

    worker = Worker(wait_for)
    for number in 1, 2, 3:
        until(lambda: waiters(cond) == 1)
        with cond:
            state[0] = number
            cond.notify()
    assert worker.join() is True


def test_wait_for_times_out_however_often_it_is_notified(cond):
    def wait_for():
        with cond, at_least(0.2):
            return cond.wait_for(lambda: False, 0.2)

    worker = Worker(wait_for)
    while not worker.ended:
        notify(cond)
    assert worker.join() is False


def test_wait_for_passes_on_what_the_predicate_raises(cond):
    def predicate():
        raise KeyError

    with cond:
        with pytest.raises(KeyError):
            cond.wait_for(predicate)
        assert Worker(cond.acquire, False).join() is False
    assert cond.acquire(False)


def test_wait_for_without_the_lock_is_refused_where_it_would_wait(cond):
    with pytest.raises(RuntimeError):
        cond.wait_for(lambda: False)
    assert waiters(cond) == 0


def test_notifyAll_is_deprecated_and_does_the_same(cond):
    workers = queue_up(cond, 2)
    with cond:
        with pytest.warns(DeprecationWarning, match='notify_all'):
            cond.notifyAll()
    assert join_all(workers) == [True, True]


def test_repr_shows_the_lock_and_the_number_of_waiters(cond):
    number = r'<Condition\((<unlocked .*>), {}\)>'
    found = re.fullmatch(number.format(0), repr(cond))
    assert found and found[1] == repr(cond._lock)
    workers = queue_up(cond, 2)
    assert re.fullmatch(number.format(2), repr(cond))
    notify_all(cond)
    join_all(workers)


def test_is_owned_says_whether_the_lock_is_held(impl):
    cond = impl.Condition()
    assert not cond._is_owned()
    with cond:
        assert cond._is_owned()
        assert not Worker(cond._is_owned).join()


def test_two_conditions_may_share_a_lock(impl):
    lock = impl.Lock()
    one, two = impl.Condition(lock), impl.Condition(lock)
    first, = queue_up(one, 1)
    second, = queue_up(two, 1)
    with lock:
        two.notify()
    assert second.join() is True
    assert waiters(one) == 1
    with two:
        one.notify()
    assert first.join() is True


def test_at_fork_reinit_frees_the_lock_and_forgets_the_waiters(impl):
    cond = impl.Condition()
    worker, = queue_up(cond, 1)
    cond.acquire()
    cond._at_fork_reinit()
    assert waiters(cond) == 0
    assert cond.acquire(False)
    cond.release()
    assert not worker.ended


def test_five_hundred_threads_wait_and_each_notify_wakes_one(impl):
    cond = impl.Condition(impl.Lock())
    workers = queue_up(cond, 500)
    for worker in workers:
        notify(cond)
        assert worker.join() is True
    assert waiters(cond) == 0
