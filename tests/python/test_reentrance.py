"""Calls that come back: objects of the user's whose code runs inside of ours.

A finaliser, a number's __index__, a lock's attribute or a predicate may use
the very object that is at work, and initialise it again.
"""
import threading

import pytest

import support
from support import NAMES, Worker, until


class Finaliser:
    """An object that calls a function when it goes."""

    def __init__(self, function):
        self.function = function

    def __call__(self):
        pass

    def __del__(self):
        self.function()


def test_barrier_may_be_initialised_by_the_finaliser_of_its_old_action(impl):
    calls = []
    barrier = impl.Barrier(1, Finaliser(lambda: barrier.__init__(2)))
    barrier.__init__(2, lambda: calls.append(1))
    worker = Worker(barrier.wait)
    until(lambda: barrier.n_waiting == 1)
    assert {barrier.wait(), worker.join()} == {0, 1}


def test_finaliser_of_an_old_action_may_let_a_thread_wait(native):
    workers = []

    def wait():
        workers.append(Worker(barrier.wait))
        until(lambda: barrier.n_waiting == 1)

    barrier = native.Barrier(2, Finaliser(wait))
    barrier.__init__(2)
    assert barrier.n_waiting == 1
    assert {barrier.wait(), workers[0].join()} == {0, 1}


def test_finaliser_of_an_old_timeout_may_let_a_thread_wait(native):
    class Seconds(float):
        def __del__(self):
            workers.append(Worker(barrier.wait))
            until(lambda: barrier.n_waiting == 1)

    workers = []
    barrier = native.Barrier(2, None, Seconds(support.LIMIT))
    barrier.__init__(2)
    assert {barrier.wait(), workers[0].join()} == {0, 1}


def test_barrier_cannot_be_initialised_by_its_own_action(native):
    """Threads wait; with threading's, what becomes of them is undefined."""
    def action():
        with pytest.raises(RuntimeError):
            barrier.__init__(3)

    barrier = native.Barrier(2, action)
    worker = Worker(barrier.wait)
    assert {barrier.wait(), worker.join()} == {0, 1}
    assert barrier.parties == 2


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('keyword', [1, None, b'lock', (1,), 1.5, 10**30])
def test_keyword_that_is_no_string_is_refused(impl, name, keyword):
    cls = support.type_of(impl, name)
    calls = [support.make(impl, name).__init__]
    if name != 'RLock':  # whose class takes anything
        calls.append(cls)
    if cls.__init__ is object.__init__:
        calls = calls[1:]
    for call in calls:
        with pytest.raises(TypeError):
            call(**{keyword: 1})
