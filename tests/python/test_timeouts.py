# SPDX-License-Identifier: MIT
"""Timeouts, the same for each call that has one."""
import math
import sys
import threading
import time

import pytest

from blocking import CALLS
from support import LIMIT, Worker, at_least, join_all, until


@pytest.fixture(params=CALLS)
def call(request, impl):
    return CALLS[request.param](impl)


@pytest.fixture(params=CALLS)
def new_call(request, impl):
    return lambda: CALLS[request.param](impl)


@pytest.mark.parametrize('timeout', [1e-9, 1e-6, 0.0001, 0.001, 0.01, 0.05])
def test_timeout_is_never_early(call, timeout):
    with at_least(timeout):
        assert call.block(timeout) is False


def test_timeout_is_not_late_without_bounds(call):
    begin = time.monotonic()
    assert call.block(0.01) is False
    assert time.monotonic() - begin < LIMIT / 4


def test_timeouts_of_many_threads_are_never_early(new_call):
    def block(timeout):
        call = new_call()
        with at_least(timeout):
            return call.block(timeout)

    workers = [Worker(block, 0.02 + 0.001 * number) for number in range(20)]
    assert join_all(workers) == [False] * 20


@pytest.mark.parametrize('timeout', [60, 60.0, threading.TIMEOUT_MAX,
                                     math.floor(threading.TIMEOUT_MAX)])
def test_wake_up_comes_before_a_long_timeout(call, timeout):
    worker = Worker(call.block, timeout)
    until(worker.asleep)
    call.wake()
    assert worker.join() is True


@pytest.mark.parametrize('timeout', [threading.TIMEOUT_MAX * 2, 1e300,
                                     math.inf, 10**400])
def test_timeout_that_is_too_long_is_refused(call, timeout):
    with pytest.raises(OverflowError):
        call.block(timeout)
    worker = Worker(call.block)
    until(worker.asleep)
    call.wake()
    assert worker.join() is True


class NoTimeout:
    """What nobody may look at."""


def set_event(impl):
    event = impl.Event()
    event.set()
    return event


def broken_barrier(impl):
    barrier = impl.Barrier(2)
    barrier.abort()
    return barrier


def last_at_a_barrier(impl, timeout):
    """Whoever comes last need not wait."""
    barrier = impl.Barrier(2)
    worker = Worker(barrier.wait)
    until(lambda: barrier.n_waiting == 1)
    try:
        return barrier.wait(timeout) + worker.join()
    finally:
        barrier.abort()


DO_NOT_WAIT = {
    'Semaphore.acquire': lambda impl, t: impl.Semaphore(1).acquire(timeout=t),
    'BoundedSemaphore.acquire':
        lambda impl, t: impl.BoundedSemaphore(1).acquire(timeout=t),
    'Semaphore.__enter__':
        lambda impl, t: impl.Semaphore(1).__enter__(True, t),
    'Event.wait': lambda impl, t: set_event(impl).wait(t),
    'Condition.wait_for':
        lambda impl, t: impl.Condition().wait_for(lambda: True, t),
    'Barrier': lambda impl, t: impl.Barrier(1, None, t).parties,
    'Barrier, its own timeout': lambda impl, t: impl.Barrier(1, None,
                                                             t).wait(),
    'Barrier.wait, alone': lambda impl, t: impl.Barrier(1).wait(t),
    'Barrier.wait, last': last_at_a_barrier,
    'Barrier.wait, broken': lambda impl, t: broken_barrier(impl).wait(t),
}


@pytest.mark.parametrize('timeout', [math.inf, 1e10, sys.maxsize, 10**400,
                                     -math.inf, -1, NoTimeout()],
                         ids=lambda value: str(value)[:20])
@pytest.mark.parametrize('name', DO_NOT_WAIT)
def test_nobody_looks_at_a_timeout_that_is_not_needed(impl, name, timeout):
    outcomes = []
    for module in threading, impl:
        try:
            outcomes.append(DO_NOT_WAIT[name](module, timeout))
        except Exception as error:
            outcomes.append(type(error))
    assert outcomes[0] == outcomes[1]
    assert outcomes[1] not in (OverflowError, TypeError)


@pytest.mark.parametrize('timeout', [math.inf, 1e10, sys.maxsize, 10**400])
def test_refused_timeout_leaves_a_barrier_as_it_was(impl, timeout):
    barrier = impl.Barrier(2)
    with pytest.raises(OverflowError):
        barrier.wait(timeout)
    assert (barrier.n_waiting, barrier.broken) == (0, False)


@pytest.mark.parametrize('name', [name for name in CALLS if 'Lock' not in name
                                  or 'Condition' in name])
def test_none_is_for_ever(impl, name):
    call = CALLS[name](impl)
    worker = Worker(call.block, None)
    until(worker.asleep)
    call.wake()
    assert worker.join() is True


@pytest.mark.parametrize('name', ['Lock.acquire', 'RLock.acquire'])
def test_minus_one_is_for_ever_for_locks(impl, name):
    call = CALLS[name](impl)
    worker = Worker(call.block, -1)
    until(worker.asleep)
    call.wake()
    assert worker.join() is True


@pytest.mark.parametrize('name', ['Lock.acquire', 'RLock.acquire'])
@pytest.mark.parametrize('timeout', [-0.5, -2, -1e10, -math.inf, math.nan])
def test_other_negative_timeout_of_a_lock_is_refused(impl, name, timeout):
    call = CALLS[name](impl)
    with pytest.raises((ValueError, OverflowError)):
        call.block(timeout)
    call.wake()
    assert call.block() is True


def test_timed_out_wait_may_be_followed_by_another(call):
    for _ in range(3):
        if hasattr(call.thing, 'reset'):
            call.thing.reset()
        assert call.block(0.001) is False
    if hasattr(call.thing, 'reset'):
        call.thing.reset()
    worker = Worker(call.block)
    until(worker.asleep)
    call.wake()
    assert worker.join() is True


@pytest.mark.parametrize('name', ['Semaphore.acquire',
                                  'BoundedSemaphore.acquire'])
def test_nan_does_not_wait_at_a_semaphore(native, name):
    assert CALLS[name](native).block(math.nan) is False  # threading's spins
