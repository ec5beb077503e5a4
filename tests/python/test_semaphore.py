# SPDX-License-Identifier: MIT
"""Semaphore and BoundedSemaphore: a count that never falls below zero."""
import re

import pytest

from support import (Worker, at_least, join_all, need_own_repr, until,
                     waiters)


@pytest.fixture(params=['Semaphore', 'BoundedSemaphore'])
def kind(request, impl):
    return getattr(impl, request.param)


def empty(kind, value=1):
    """One that has been acquired as often as it could be."""
    semaphore = kind(value)
    for _ in range(value):
        assert semaphore.acquire(False) is True
    return semaphore


def queue_up(semaphore, number, *args):
    workers = []
    for _ in range(number):
        workers.append(Worker(semaphore.acquire, *args))
        until(lambda: waiters(semaphore) == len(workers))
    return workers


def test_value_is_one_by_default(kind):
    semaphore = kind()
    assert semaphore.acquire(False) is True
    assert semaphore.acquire(False) is False


@pytest.mark.parametrize('value', [0, 1, 7])
def test_it_can_be_acquired_value_times(kind, value):
    semaphore = kind(value)
    assert [semaphore.acquire(False) for _ in range(value + 2)] == (
        [True] * value + [False] * 2)
    assert semaphore._value == 0


def test_value_is_a_keyword_too(kind):
    assert kind(value=3)._value == 3


def test_negative_value_is_refused(kind):
    with pytest.raises(ValueError):
        kind(-1)
    with pytest.raises(ValueError):
        kind(value=-7)


def test_release_adds_one(kind):
    semaphore = empty(kind)
    assert semaphore.release() is None
    assert semaphore._value == 1
    assert semaphore.acquire(False) is True
    assert semaphore.acquire(False) is False


def test_release_adds_n(kind):
    semaphore = empty(kind, 5)
    semaphore.release(3)
    semaphore.release(n=2)
    assert semaphore._value == 5
    assert all(semaphore.acquire(False) for _ in range(5))
    assert semaphore.acquire(False) is False


@pytest.mark.parametrize('number', [0, -1, -100])
def test_release_of_less_than_one_is_refused(kind, number):
    semaphore = empty(kind)
    with pytest.raises(ValueError):
        semaphore.release(number)
    assert semaphore._value == 0
    worker, = queue_up(semaphore, 1)
    with pytest.raises(ValueError):
        semaphore.release(number)
    semaphore.release()
    assert worker.join() is True


def test_release_wakes_a_waiter(kind):
    semaphore = empty(kind)
    worker, = queue_up(semaphore, 1)
    semaphore.release()
    assert worker.join() is True
    assert semaphore._value == 0


def test_each_release_wakes_one_in_the_order_of_arrival(kind):
    semaphore = empty(kind, 10)
    workers = queue_up(semaphore, 10)
    for number, worker in enumerate(workers):
        semaphore.release()
        assert worker.join() is True
        assert waiters(semaphore) == 9 - number
    assert semaphore._value == 0


def test_release_of_n_wakes_the_first_n(kind):
    semaphore = empty(kind, 10)
    workers = queue_up(semaphore, 5)
    semaphore.release(3)
    assert join_all(workers[:3]) == [True] * 3
    assert waiters(semaphore) == 2
    assert not any(worker.ended for worker in workers[3:])
    semaphore.release(4)
    assert join_all(workers) == [True] * 5
    assert semaphore._value == 2


def test_any_thread_may_release(kind):
    semaphore = empty(kind)
    Worker(semaphore.release).join()
    assert semaphore.acquire(False) is True


def test_timeout_is_never_early(kind):
    semaphore = empty(kind)
    for timeout in 0.001, 0.02, 0.1:
        with at_least(timeout):
            assert semaphore.acquire(timeout=timeout) is False
    assert waiters(semaphore) == 0


@pytest.mark.parametrize('timeout', [0, -1, -0.5])
def test_timeout_of_nothing_or_less_is_over_at_once(kind, timeout):
    semaphore = empty(kind)
    assert semaphore.acquire(True, timeout) is False
    semaphore.release()
    assert semaphore.acquire(True, timeout) is True


def test_timeout_takes_nothing(kind):
    semaphore = empty(kind)
    first, = queue_up(semaphore, 1)
    middle = Worker(semaphore.acquire, True, 0.1)
    assert middle.join() is False
    semaphore.release()
    assert first.join() is True
    assert semaphore._value == 0


def test_timeout_of_one_that_does_not_block_is_refused(kind):
    semaphore = kind()
    with pytest.raises(ValueError):
        semaphore.acquire(False, 1)
    with pytest.raises(ValueError):
        semaphore.acquire(blocking=False, timeout=0)
    assert semaphore._value == 1


def test_with_acquires_and_releases(kind):
    semaphore = kind(2)
    with semaphore as result:
        assert result is True
        with semaphore:
            assert semaphore.acquire(False) is False
        assert semaphore._value == 1
    assert semaphore._value == 2


def test_with_releases_when_the_block_raises(kind):
    semaphore = kind()
    with pytest.raises(KeyError):
        with semaphore:
            raise KeyError
    assert semaphore._value == 1


def test_semaphore_has_no_upper_bound(impl):
    semaphore = impl.Semaphore(0)
    semaphore.release(1000000)
    semaphore.release()
    assert semaphore._value == 1000001


@pytest.mark.parametrize('number', [1, 2, 100])
def test_release_beyond_the_bound_is_refused_and_changes_nothing(impl, number):
    semaphore = impl.BoundedSemaphore(3)
    with pytest.raises(ValueError):
        semaphore.release(number)
    assert semaphore._value == 3
    semaphore.acquire()
    with pytest.raises(ValueError):
        semaphore.release(number + 1)
    assert semaphore._value == 2
    semaphore.release()
    assert semaphore._value == 3


def test_bound_is_the_initial_value(impl):
    assert impl.BoundedSemaphore(4)._initial_value == 4
    assert impl.BoundedSemaphore()._initial_value == 1


def test_bounded_one_is_a_semaphore(impl):
    assert issubclass(impl.BoundedSemaphore, impl.Semaphore)


def test_repr_shows_the_value(impl):
    semaphore = impl.Semaphore(3)
    need_own_repr(semaphore)
    pattern = r'<(?:\S+\.)?Semaphore at 0x[0-9a-f]+: value=3>'
    assert re.fullmatch(pattern, repr(semaphore))
    pattern = r'<(?:\S+\.)?BoundedSemaphore at 0x[0-9a-f]+: value=2/3>'
    bounded = impl.BoundedSemaphore(3)
    bounded.acquire()
    assert re.fullmatch(pattern, repr(bounded))


def test_three_hundred_threads_wait_and_each_release_wakes_one(kind):
    semaphore = empty(kind, 300)
    workers = queue_up(semaphore, 300)
    for _ in workers:
        semaphore.release()
    assert all(join_all(workers))
    assert semaphore._value == 0
