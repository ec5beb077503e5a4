# SPDX-License-Identifier: MIT
"""Calls that come back: objects of the user's whose code runs inside of ours.

A finaliser, a number's __index__, a lock's attribute or a predicate may use
the very object that is at work, and initialise it again.
"""
import threading

import pytest

import support
from support import NAMES, Worker, until, waiters


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


def test_condition_may_be_initialised_while_threads_wait_at_it(native):
    """They are not forgotten, and take the lock that they let go of."""
    def wait():
        with cond:
            until_notified = cond.wait()
            cond._lock.acquire()  # the new one, for the end of the block
            return until_notified

    cond = native.Condition()
    worker = Worker(wait)
    until(lambda: waiters(cond) == 1)
    for _ in range(10):
        cond.__init__()
    with cond:
        cond.notify()
    assert worker.join() is True


class Meddler:
    """A lock that calls a function whenever one looks at it."""

    function = staticmethod(lambda: None)

    def __init__(self):
        self.inner = threading.Lock()

    def __getattr__(self, name):
        self.function()
        return getattr(self.inner, name)

    def __repr__(self):
        self.function()
        return 'meddler'


@pytest.mark.parametrize('use', [
    lambda cond: cond.acquire(), lambda cond: cond.release(),
    lambda cond: cond.locked(), lambda cond: cond.__enter__(),
    lambda cond: cond.__exit__(None, None, None), lambda cond: repr(cond),
    lambda cond: cond._is_owned(), lambda cond: cond._release_save(),
    lambda cond: cond._acquire_restore(None), lambda cond: cond.notify(),
    lambda cond: cond.notify_all(), lambda cond: cond.wait(0.01),
    lambda cond: cond.wait_for(int, 0.01),
    lambda cond: cond._at_fork_reinit()])
def test_condition_may_be_initialised_by_its_lock(native, use):
    """While a method of it is called; whatever that makes of it."""
    cond = native.Condition(Meddler())
    cond._lock.function = cond.__init__
    try:
        use(cond)
    except (RuntimeError, AttributeError):
        pass
    assert type(cond._lock) is native.RLock
    with cond:
        assert cond.wait(0) is False


def test_condition_may_be_initialised_by_a_predicate(native):
    def predicate():
        cond.__init__()
        return False

    cond = native.Condition()
    with pytest.raises(RuntimeError):
        with cond:
            cond.wait_for(predicate, 1)
    with cond:
        pass


class Index:
    """A number that calls a function when one looks at its value."""

    def __init__(self, function):
        self.function = function

    def __index__(self):
        self.function()
        return 1

    __bool__ = __float__ = __index__


@pytest.mark.parametrize('name, method', [
    ('Condition', 'wait'), ('Condition', 'notify'), ('Condition', 'acquire'),
    ('Semaphore', 'acquire'), ('Semaphore', 'release'),
    ('Semaphore', '__init__'), ('Event', 'wait'), ('Barrier', 'wait'),
    ('Barrier', '__init__')])
@pytest.mark.parametrize('which', ['first', 'second'])
def test_object_may_be_initialised_by_an_argument(native, name, method,
                                                  which):
    def initialise():
        thing.__init__(*support.ARGUMENTS.get(name, ()))

    thing = support.make(native, name)
    index = Index(initialise)
    if hasattr(thing, 'acquire'):
        thing.acquire()
    try:
        getattr(thing, method)(*[True] * (which == 'second'), index)
    except (RuntimeError, ValueError, TypeError):
        pass
    initialise()
    assert support.waiters(thing) == 0


def test_lock_that_goes_while_a_timeout_is_read_is_missed(native):
    """Any thread may release a Lock, at any time."""
    def wait():
        lock.acquire()
        return cond.wait(Index(lock.release))

    lock = native.Lock()
    cond = native.Condition(lock)
    for call in wait, lambda: Worker(wait).join():
        with pytest.raises(RuntimeError, match='release unlocked lock'):
            call()
        assert not lock.locked()
        assert waiters(cond) == 0


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
