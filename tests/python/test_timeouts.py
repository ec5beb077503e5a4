"""Timeouts, the same for each call that has one."""
import math
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
