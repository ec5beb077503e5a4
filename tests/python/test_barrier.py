# SPDX-License-Identifier: MIT
"""Barrier: nobody goes on before all have arrived."""
import re
import threading
import time

import pytest

from support import (Worker, at_least, join_all, need_own_repr, until,
                     waiters)


def arrive(barrier, number, *args):
    """That many workers, which wait at the barrier."""
    already = barrier.n_waiting
    workers = []
    for count in range(number):
        workers.append(Worker(barrier.wait, *args))
        until(lambda: barrier.n_waiting == already + count + 1)
    return workers


def broken(workers):
    """Whether each of them ended with BrokenBarrierError."""
    for worker in workers:
        with pytest.raises(threading.BrokenBarrierError):
            worker.join()
    return True


def test_error_is_the_one_of_threading(native):
    assert native.BrokenBarrierError is threading.BrokenBarrierError


def test_replaced_error_is_raised(impl, monkeypatch):
    class Replaced(Exception):
        pass

    barrier = impl.Barrier(2)
    barrier.abort()
    monkeypatch.setattr(threading, 'BrokenBarrierError', Replaced)
    with pytest.raises(Replaced):
        barrier.wait()


def test_new_barrier_is_whole_and_empty(impl):
    barrier = impl.Barrier(3)
    assert barrier.parties == 3
    assert barrier.n_waiting == 0
    assert barrier.broken is False


@pytest.mark.parametrize('name', ['parties', 'n_waiting', 'broken'])
def test_attribute_cannot_be_set(impl, name):
    with pytest.raises(AttributeError):
        setattr(impl.Barrier(2), name, 1)


def test_single_party_never_waits(impl):
    barrier = impl.Barrier(1)
    assert [barrier.wait() for _ in range(3)] == [0, 0, 0]
    assert barrier.wait(0) == 0
    assert barrier.wait(-1) == 0


def test_nobody_goes_before_all_have_arrived(impl):
    barrier = impl.Barrier(4)
    workers = arrive(barrier, 3)
    until(lambda: all(worker.asleep() for worker in workers))
    assert barrier.n_waiting == 3
    barrier.wait()
    join_all(workers)
    until(lambda: barrier.n_waiting == 0)


def test_index_is_the_order_of_arrival(impl):
    barrier = impl.Barrier(5)
    workers = arrive(barrier, 4)
    assert barrier.wait() == 4
    assert join_all(workers) == [0, 1, 2, 3]


def test_it_can_be_used_round_after_round(impl):
    barrier = impl.Barrier(3)

    def rounds():
        return [barrier.wait() for _ in range(50)]

    indices = join_all([Worker(rounds) for _ in range(3)])
    assert all(sorted(round) == [0, 1, 2] for round in zip(*indices))
    assert not barrier.broken


def test_two_hundred_threads_meet(impl):
    barrier = impl.Barrier(200)
    workers = [Worker(barrier.wait) for _ in range(200)]
    assert sorted(join_all(workers)) == list(range(200))


def test_action_is_called_once_a_round_before_anybody_goes(impl):
    calls = []
    barrier = impl.Barrier(3, lambda: calls.append(barrier.n_waiting))
    seen = []

    def wait():
        barrier.wait()
        seen.append(len(calls))

    for number in 1, 2, 3:
        del seen[:]
        join_all([Worker(wait) for _ in range(3)])
        assert len(calls) == number
        assert seen == [number] * 3


def test_action_is_called_by_one_of_the_threads(impl):
    called = []
    barrier = impl.Barrier(2, lambda: called.append(threading.get_ident()))
    worker, = arrive(barrier, 1)
    barrier.wait()
    worker.join()
    assert called[0] in (threading.get_ident(), worker.thread.ident)


def test_what_the_action_raises_goes_to_its_thread_and_breaks_it(impl):
    def action():
        raise KeyError

    barrier = impl.Barrier(3, action=action)
    workers = arrive(barrier, 2)
    with pytest.raises(KeyError):
        barrier.wait()
    assert broken(workers)
    assert barrier.broken is True
    with pytest.raises(threading.BrokenBarrierError):
        barrier.wait()
    barrier.reset()
    assert barrier.broken is False


def test_action_that_is_not_callable_fails_when_it_is_called(impl):
    barrier = impl.Barrier(2, action=7)
    worker, = arrive(barrier, 1)
    with pytest.raises(TypeError):
        barrier.wait()
    assert broken([worker])


def test_timeout_breaks_it_for_all(impl):
    barrier = impl.Barrier(4)
    workers = arrive(barrier, 2)
    with at_least(0.05):
        with pytest.raises(threading.BrokenBarrierError):
            barrier.wait(0.05)
    assert broken(workers)
    assert barrier.broken is True
    assert barrier.n_waiting == 0


@pytest.mark.parametrize('timeout', [0, -1, -0.5])
def test_timeout_of_nothing_or_less_breaks_it_at_once(impl, timeout):
    barrier = impl.Barrier(2)
    with pytest.raises(threading.BrokenBarrierError):
        barrier.wait(timeout)
    assert barrier.broken


def test_timeout_is_never_early(impl):
    barrier = impl.Barrier(2)
    for timeout in 0.001, 0.02, 0.1:
        with at_least(timeout):
            with pytest.raises(threading.BrokenBarrierError):
                barrier.wait(timeout)
        barrier.reset()


def test_timeout_of_the_barrier_is_the_default(impl):
    barrier = impl.Barrier(2, timeout=0.05)
    with at_least(0.05):
        with pytest.raises(threading.BrokenBarrierError):
            barrier.wait()
    barrier = impl.Barrier(2, None, 0.05)
    with pytest.raises(threading.BrokenBarrierError):
        barrier.wait(None)


def test_timeout_of_the_call_goes_before_the_barriers(impl):
    barrier = impl.Barrier(2, timeout=0.01)
    worker, = arrive(barrier, 1, 60)
    timed_out = time.monotonic() + 0.02
    until(lambda: time.monotonic() > timed_out)
    assert barrier.wait() == 1
    assert worker.join() == 0


def test_abort_breaks_it_for_present_and_future_waiters(impl):
    barrier = impl.Barrier(3)
    workers = arrive(barrier, 2)
    assert barrier.abort() is None
    assert broken(workers)
    assert barrier.broken is True
    with pytest.raises(threading.BrokenBarrierError):
        barrier.wait()


def test_abort_of_an_empty_barrier_breaks_it(impl):
    barrier = impl.Barrier(2)
    barrier.abort()
    barrier.abort()
    assert barrier.broken is True
    assert broken([Worker(barrier.wait)])


def test_reset_wakes_the_waiters_and_leaves_it_whole(impl):
    barrier = impl.Barrier(3)
    workers = arrive(barrier, 2)
    assert barrier.reset() is None
    assert broken(workers)
    until(lambda: barrier.n_waiting == 0)
    assert barrier.broken is False
    workers = arrive(barrier, 2)
    assert barrier.wait() == 2
    assert join_all(workers) == [0, 1]


def test_reset_of_a_whole_barrier_changes_nothing(impl):
    barrier = impl.Barrier(1)
    barrier.reset()
    assert barrier.wait() == 0


def test_reset_mends_a_broken_barrier(impl):
    barrier = impl.Barrier(2)
    barrier.abort()
    barrier.reset()
    worker, = arrive(barrier, 1)
    assert barrier.wait() == 1
    assert worker.join() == 0


def test_action_may_use_the_barrier(native):  # threading's would hang
    barrier = native.Barrier(1, lambda: barrier.abort())
    assert barrier.wait() == 0
    with pytest.raises(threading.BrokenBarrierError):
        barrier.wait()
    barrier.reset()
    assert barrier.wait() == 0


@pytest.mark.parametrize('parties', [0, -1])
def test_impossible_number_of_parties_is_refused(native, parties):
    with pytest.raises(ValueError):  # from newer threadings, too
        native.Barrier(parties)


def test_repr_shows_the_waiters_and_whether_it_is_broken(impl):
    barrier = impl.Barrier(3)
    need_own_repr(barrier)
    pattern = r'<(?:\S+\.)?Barrier at 0x[0-9a-f]+: {}>'
    assert re.fullmatch(pattern.format('waiters=0/3'), repr(barrier))
    worker, = arrive(barrier, 1)
    assert re.fullmatch(pattern.format('waiters=1/3'), repr(barrier))
    barrier.abort()
    assert broken([worker])
    until(lambda: waiters(barrier) == 0)
    assert re.fullmatch(pattern.format('broken'), repr(barrier))
