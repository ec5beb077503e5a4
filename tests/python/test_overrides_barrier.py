# SPDX-License-Identifier: MIT
"""Steps and state of a barrier that a user puts in the place of ours."""
import contextlib
import gc
import threading
import weakref
from unittest import mock

import pytest

from overrides import Logged, logged, same
from support import Worker, switch_interval, until

STEPS = ['_enter', '_release', '_wait', '_exit', '_break']
STATE = ['_cond', '_state', '_count', '_parties', '_action', '_timeout']


def use_barrier(barrier):
    """Two rounds of two threads, a timeout, a reset and an abort."""
    results = []
    for _ in range(2):
        worker = Worker(barrier.wait)
        until(lambda: barrier.n_waiting == 1)
        results.append(sorted([barrier.wait(), worker.join()]))
    try:
        barrier.wait(0)
    except threading.BrokenBarrierError:
        results.append('broken')
    results.append(barrier.broken)
    barrier.reset()
    results.append(barrier.broken)
    barrier.abort()
    results.append(barrier.broken)
    barrier.reset()
    return [*results, barrier.n_waiting, barrier.parties]


def counted(log):
    """As it was logged, but for the order in which threads come and go."""
    return sorted(name for name, _ in log)


@pytest.mark.parametrize('name', STEPS)
@pytest.mark.parametrize('how', ['object', 'class', 'subclass'])
def test_step_of_a_barrier_may_be_overridden(impl, name, how):
    def body(module, log):
        original = getattr(module.Barrier, name)
        if how == 'subclass':
            cls = type('Sub', (module.Barrier,), {
                name: lambda self, *args: logged(log, name, original)(
                    self, *args)})
            results = use_barrier(cls(2))
        elif how == 'class':
            barrier = module.Barrier(2)
            with mock.patch.object(
                    module.Barrier, name,
                    lambda self, *args: logged(log, name, original)(
                        self, *args)):
                results = use_barrier(barrier)
        else:
            barrier = module.Barrier(2)
            with mock.patch.object(
                    barrier, name,
                    logged(log, name, getattr(barrier, name))):
                results = use_barrier(barrier)
        log[:] = counted(log)
        return results

    _, log = same(body, impl)
    assert log


def test_attributes_of_a_barrier_are_there(impl):
    def body(module, log):
        barrier = module.Barrier(2, int, 60)
        log.append([getattr(barrier, name) for name in STATE[1:]])
        with barrier._cond:
            assert not barrier._cond.wait(0)
        assert hasattr(barrier, '_cond')
        log.append(use_barrier(barrier))
        barrier.abort()
        log.append(barrier._state)

    same(body, impl)


def test_state_of_a_barrier_is_seen_while_threads_wait(impl):
    barrier = impl.Barrier(2)
    worker = Worker(barrier.wait)
    until(lambda: barrier._count == 1)
    assert barrier._state == 0
    barrier.abort()
    with pytest.raises(threading.BrokenBarrierError):
        worker.join()
    assert (barrier._state, barrier._count) == (-2, 0)


def test_action_of_a_barrier_may_be_assigned(impl):
    """At any time: it is called by the last to come."""
    def body(module, log):
        def action():
            log.append(barrier.n_waiting)

        barrier = module.Barrier(2)
        for action in action, None, action:
            barrier._action = action
            assert barrier._action is action
            worker = Worker(barrier.wait)
            until(lambda: barrier.n_waiting == 1)
            barrier.wait()
            worker.join()
            log.append('round')
        worker = Worker(barrier.wait)
        until(lambda: barrier.n_waiting == 1)
        barrier._action = lambda: log.append('late')
        barrier.wait()
        worker.join()
        log[:] = [each for each in log if isinstance(each, str)]

    _, log = same(body, impl)
    assert log == ['round'] * 3 + ['late']


def test_action_that_is_assigned_lets_the_old_one_go(impl):
    def action():
        pass

    barrier = impl.Barrier(1, action)
    reference = weakref.ref(action)
    del action
    barrier._action = None
    gc.collect()
    assert reference() is None
    assert barrier.wait() == 0


def test_action_may_assign_another_one(impl):
    def action():
        barrier._action = calls.append(1)

    calls = []
    barrier = impl.Barrier(1, action)
    assert [barrier.wait(), barrier.wait()] == [0, 0]
    assert calls == [1]


@pytest.mark.parametrize('timeout', [0, 0.01])
def test_timeout_of_a_barrier_may_be_assigned(impl, timeout):
    barrier = impl.Barrier(2)
    barrier._timeout = timeout
    with pytest.raises(threading.BrokenBarrierError):
        barrier.wait()


def test_parties_of_a_barrier_may_be_assigned(impl):
    barrier = impl.Barrier(3)
    barrier._parties = 2
    assert barrier.parties == 2
    assert use_barrier(barrier) == use_barrier(threading.Barrier(2))


def test_condition_of_a_barrier_may_be_assigned(impl):
    def body(module, log):
        barrier = module.Barrier(2)
        barrier._cond = Logged(module.Condition(module.Lock()), log)
        barrier._cond.wait_for = barrier._cond._cond.wait_for
        results = use_barrier(barrier)
        log[:] = sorted(each for each in log if each != 'wait')
        return results

    _, log = same(body, impl)
    assert log


def test_overridden_barrier_may_be_initialised_again(impl):
    class Sub(impl.Barrier):
        def _release(self):
            calls.append(1)
            super()._release()

    calls = []
    barrier = Sub(3, None, 60)
    assert vars(barrier)['_timeout'] == 60
    barrier.__init__(2)
    assert use_barrier(barrier) == use_barrier(threading.Barrier(2))
    assert calls == [1, 1]


def test_subclass_that_overrides_nothing_stays_native(native):
    class Sub(native.Barrier):
        name = 'x'

    barrier = Sub(2)
    barrier.name = 'y'
    assert use_barrier(barrier) == use_barrier(threading.Barrier(2))
    assert '_cond' not in vars(barrier)


def test_barrier_at_which_threads_wait_keeps_its_state(native):
    barrier = native.Barrier(2)
    worker = Worker(barrier.wait)
    until(lambda: barrier.n_waiting == 1)
    with pytest.raises(RuntimeError):
        barrier._cond
    for name in '_cond', '_state', '_count', '_parties':
        with pytest.raises(RuntimeError):
            setattr(barrier, name, 1)
    assert {barrier.wait(), worker.join()} == {0, 1}


@pytest.mark.parametrize('end', ['reset', 'abort'])
def test_looking_at_a_barrier_does_not_mend_a_wait(impl, end):
    for _ in range(20):
        barrier = impl.Barrier(2)
        worker = Worker(barrier.wait)
        until(lambda: barrier.n_waiting == 1)
        getattr(barrier, end)()
        barrier.reset()
        with contextlib.suppress(RuntimeError):
            barrier._cond
        with pytest.raises(threading.BrokenBarrierError):
            worker.join()


def test_barrier_whose_state_is_looked_at_has_no_waiters_that_left(native):
    def look_until_it_is_stock(barrier):
        while True:
            with contextlib.suppress(RuntimeError):
                return barrier._cond

    for _ in range(500):
        barrier = native.Barrier(2)
        with switch_interval(1e-6):
            worker = Worker(barrier.wait, 0.0005)
            look_until_it_is_stock(barrier)
        with pytest.raises(threading.BrokenBarrierError):
            worker.join()
        assert (barrier.broken, barrier.n_waiting) == (True, 0)


def test_looking_at_a_barrier_does_not_break_it(native):
    barriers = [native.Barrier(1) for _ in range(3000)]
    at = [0]

    def go():
        for at[0], barrier in enumerate(barriers):
            barrier.wait()

    with switch_interval(1e-6):
        worker = Worker(go)
        while not worker.ended:
            for barrier in barriers[at[0]:at[0] + 2]:
                with contextlib.suppress(RuntimeError):
                    barrier._cond
    worker.join()


def test_broken_barrier_stays_broken_whoever_looks(impl):
    barrier = impl.Barrier(2)
    barrier.abort()
    barrier._cond
    assert barrier.broken
    barrier.reset()
    assert use_barrier(barrier) == use_barrier(threading.Barrier(2))
