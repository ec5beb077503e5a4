# SPDX-License-Identifier: MIT
"""Event: a flag to wait for."""
import re

import pytest

from support import (Worker, at_least, join_all, need_own_repr, until,
                     waiters)


def queue_up(event, number, *args):
    workers = [Worker(event.wait, *args) for _ in range(number)]
    until(lambda: waiters(event) == number)
    return workers


def test_new_event_is_not_set(impl):
    assert impl.Event().is_set() is False


def test_set_and_clear_return_none_and_may_be_repeated(impl):
    event = impl.Event()
    for _ in range(2):
        assert event.set() is None
        assert event.is_set() is True
        assert event._flag is True
    for _ in range(2):
        assert event.clear() is None
        assert event.is_set() is False
        assert event._flag is False


@pytest.mark.parametrize('args', [(), (None,), (0,), (-1,), (60,)])
def test_wait_for_a_set_event_is_true_at_once(impl, args):
    event = impl.Event()
    event.set()
    assert event.wait(*args) is True


@pytest.mark.parametrize('timeout', [0, -1, -0.5])
def test_timeout_of_nothing_or_less_is_over_at_once(impl, timeout):
    event = impl.Event()
    assert event.wait(timeout) is False
    assert waiters(event) == 0


def test_timeout_is_never_early(impl):
    event = impl.Event()
    for timeout in 0.001, 0.02, 0.1:
        with at_least(timeout):
            assert event.wait(timeout) is False
        with at_least(timeout):
            assert event.wait(timeout=timeout) is False


@pytest.mark.parametrize('args', [(), (None,), (60,)])
def test_set_wakes_all_who_wait(impl, args):
    event = impl.Event()
    workers = queue_up(event, 10, *args)
    event.set()
    assert join_all(workers) == [True] * 10
    assert waiters(event) == 0


def test_set_wakes_the_present_waiters_although_it_is_cleared(impl):
    event = impl.Event()
    for _ in range(20):
        workers = queue_up(event, 5)
        event.set()
        event.clear()
        assert join_all(workers) == [True] * 5


def test_wait_after_clear_waits_again(impl):
    event = impl.Event()
    event.set()
    event.clear()
    worker, = queue_up(event, 1)
    assert not worker.ended
    event.set()
    assert worker.join() is True


def test_clear_wakes_nobody(impl):
    event = impl.Event()
    worker, = queue_up(event, 1)
    event.clear()
    assert waiters(event) == 1
    event.set()
    assert worker.join() is True


def test_waiter_in_the_middle_may_time_out(impl):
    event = impl.Event()
    first, = queue_up(event, 1)
    middle = Worker(event.wait, 0.1)
    assert middle.join() is False
    last = Worker(event.wait)
    until(lambda: waiters(event) == 2)
    event.set()
    assert join_all([first, last]) == [True, True]


def test_writes_before_set_are_seen(impl):
    event = impl.Event()
    data = []
    worker = Worker(lambda: event.wait() and list(data))
    until(lambda: waiters(event) == 1)
    data.append('written')
    event.set()
    assert worker.join() == ['written']


def test_isSet_is_deprecated_and_does_the_same(impl):
    event = impl.Event()
    with pytest.warns(DeprecationWarning, match='is_set'):
        assert event.isSet() is False
    event.set()
    with pytest.warns(DeprecationWarning):
        assert event.isSet() is True


def test_repr_says_whether_it_is_set(impl):
    event = impl.Event()
    need_own_repr(event)
    pattern = r'<(?:\S+\.)?Event at 0x[0-9a-f]+: {}>'
    assert re.fullmatch(pattern.format('unset'), repr(event))
    event.set()
    assert re.fullmatch(pattern.format('set'), repr(event))


def test_at_fork_reinit_keeps_the_flag_and_leaves_it_usable(impl):
    event = impl.Event()
    event.set()
    event._at_fork_reinit()
    assert event.is_set()
    event.clear()
    event._at_fork_reinit()
    assert event.wait(0.001) is False
    event.set()
    assert event.wait() is True


def test_five_hundred_threads_wait_for_one_set(impl):
    event = impl.Event()
    workers = queue_up(event, 500)
    event.set()
    assert all(join_all(workers))
