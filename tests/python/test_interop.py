# SPDX-License-Identifier: MIT
"""Stock and native objects together, and locks of other makes."""
import _thread
import queue
import signal
import sys
import threading

import pytest

from support import (Worker, at_least, handling, interrupt, join_all, stop,
                     until, waiters, when_asleep)

STOCK = {'Lock': _thread.allocate_lock, 'RLock': threading.RLock,
         'PyRLock': threading._PyRLock}


class Plain:
    """A lock that has acquire and release; from 3.14 on threading wants more.
    """

    def __init__(self):
        self._inner = _thread.allocate_lock()

    if sys.version_info >= (3, 14):
        def locked(self):
            return self._inner.locked()

    def acquire(self, blocking=True, timeout=-1):
        return self._inner.acquire(blocking, timeout)

    def release(self):
        self._inner.release()


class WithContext(Plain):
    """One for `with`, too."""

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *exc_info):
        self.release()


class Full(WithContext):
    """One with all the private names, which counts their calls."""

    def __init__(self):
        super().__init__()
        self._owner = None
        self.calls = []

    def acquire(self, *args):
        taken = super().acquire(*args)
        if taken:
            self._owner = threading.get_ident()
        return taken

    def release(self):
        self._owner = None
        super().release()

    def _is_owned(self):
        self.calls.append('_is_owned')
        return self._owner == threading.get_ident()

    def _release_save(self):
        self.calls.append('_release_save')
        self.release()
        return 'the state'

    def _acquire_restore(self, state):
        assert state == 'the state'
        self.calls.append('_acquire_restore')
        self.acquire()


class Sub(type(threading.RLock())):
    """A subclass of the lock in C, with a method of its own."""
    def __enter__(self):
        self.acquire()
        return 'entered'


class Semaphore(threading.Semaphore):
    """One with a method that Plain has, too."""
    def locked(self):
        return self._value == 0


LOCKS = {**STOCK, 'Plain': Plain, 'WithContext': WithContext, 'Full': Full,
         'Sub': Sub, 'Semaphore': Semaphore}


def wait(cond, timeout=None):
    cond.acquire()
    try:
        return cond.wait(timeout)
    finally:
        cond.release()


def notify(cond, *args):
    cond.acquire()
    try:
        cond.notify(*args)
    finally:
        cond.release()


@pytest.fixture(params=LOCKS)
def lock(request):
    return LOCKS[request.param]()


def waits_well(cond):
    """All that a condition promises, in short."""
    workers = []
    for number in range(4):
        workers.append(Worker(wait, cond))
        until(lambda: waiters(cond) == number + 1)
    notify(cond)
    assert workers[0].join() is True
    assert waiters(cond) == 3
    notify(cond, 2)
    assert join_all(workers[1:3]) == [True, True]
    assert waiters(cond) == 1
    cond.acquire()
    cond.notify_all()
    cond.release()
    assert workers[3].join() is True
    with at_least(0.02):
        assert wait(cond, 0.02) is False
    return True


def test_condition_takes_any_lock(impl, lock):
    cond = impl.Condition(lock)
    assert cond._lock is lock
    assert waits_well(cond)


def test_condition_takes_any_lock_as_a_keyword(impl, lock):
    assert impl.Condition(lock=lock)._lock is lock


def test_condition_with_any_lock_refuses_calls_without_it(impl, lock):
    cond = impl.Condition(lock)
    for method in cond.wait, cond.notify, cond.notify_all:
        with pytest.raises(RuntimeError):
            method()
    assert waits_well(cond)


@pytest.mark.parametrize('kind', [kind for kind in LOCKS if kind != 'Plain'])
def test_with_enters_the_lock_itself(impl, kind):
    lock = LOCKS[kind]()
    cond = impl.Condition(lock)
    with cond as result:
        assert result == ('entered' if kind == 'Sub' else True)
        assert Worker(lock.acquire, False).join() is False
    assert lock.acquire(False)


def test_with_a_lock_that_has_no_enter_is_refused_when_it_is_used(impl):
    cond = impl.Condition(Plain())
    with pytest.raises((AttributeError, TypeError)):
        cond.__enter__()
    assert cond._lock.acquire(False)
    cond._lock.release()
    assert waits_well(cond)


def test_private_methods_of_a_lock_are_called_in_their_order(impl):
    lock = Full()
    assert wait(impl.Condition(lock), 0.001) is False
    calls = [call for call in lock.calls if call != '_is_owned']
    assert calls == ['_release_save', '_acquire_restore']
    assert lock.calls[0] == '_is_owned'


def test_ownership_of_a_plain_lock_is_found_out_by_trying(impl):
    lock = Plain()
    cond = impl.Condition(lock)
    assert not cond._is_owned()
    lock.acquire()
    assert cond._is_owned()
    lock.release()
    assert lock.acquire(False)


@pytest.mark.parametrize('kind', ['Lock', 'RLock'])
def test_stock_condition_takes_a_native_lock(native, kind):
    lock = getattr(native, kind)()
    cond = threading.Condition(lock)
    assert waits_well(cond)
    with cond, pytest.raises(RuntimeError):
        lock.release()
        try:
            cond.notify()
        finally:
            lock.acquire()
    if kind == 'RLock':
        with cond, cond, cond:
            assert cond.wait(0.001) is False
        with pytest.raises(RuntimeError):
            lock.release()


def test_stock_and_native_conditions_share_a_lock(native):
    for lock in (native.Lock(), native.RLock(), _thread.allocate_lock(),
                 threading.RLock()):
        one, two = threading.Condition(lock), native.Condition(lock)
        first = Worker(wait, one)
        until(lambda: waiters(one) == 1)
        second = Worker(wait, two)
        until(lambda: waiters(two) == 1)
        with one:
            two.notify()
        assert second.join() is True
        with two:
            one.notify()
        assert first.join() is True


@pytest.mark.parametrize('kind', ['Lock', 'RLock', 'Semaphore',
                                  'BoundedSemaphore', 'Condition'])
def test_condition_takes_other_native_objects_as_a_lock(impl, kind):
    lock = getattr(impl, kind)()
    if (impl is threading and sys.version_info >= (3, 14)
            and not hasattr(lock, 'locked')):
        pytest.skip('its conditions want a method that its others have not')
    assert waits_well(impl.Condition(lock))


def test_lock_may_have_acquire_and_release_and_nothing_else(native):
    class Bare:
        def __init__(self):
            inner = _thread.allocate_lock()
            self.acquire, self.release = inner.acquire, inner.release

    assert waits_well(native.Condition(Bare()))


def test_three_conditions_on_one_native_lock_make_a_queue(impl):
    box = queue.Queue(2)
    box.mutex = impl.Lock()
    box.not_empty = impl.Condition(box.mutex)
    box.not_full = impl.Condition(box.mutex)
    box.all_tasks_done = impl.Condition(box.mutex)

    def produce():
        for item in range(200):
            box.put(item)

    def consume():
        items = []
        for _ in range(200):
            items.append(box.get())
            box.task_done()
        return items

    workers = [Worker(produce), Worker(produce)]
    consumers = [Worker(consume), Worker(consume)]
    join_all(workers)
    box.join()
    items = sum(join_all(consumers), [])
    assert sorted(items) == sorted(list(range(200)) * 2)
    with pytest.raises(queue.Empty):
        box.get(timeout=0.001)


def test_native_lock_guards_stock_conditions_of_a_queue(native):
    box = queue.Queue()
    box.mutex = native.Lock()
    for name in 'not_empty', 'not_full', 'all_tasks_done':
        setattr(box, name, threading.Condition(box.mutex))
    worker = Worker(box.get)
    until(lambda: waiters(box.not_empty) == 1)
    box.put('item')
    assert worker.join() == 'item'


class Failing(WithContext):
    """A lock that raises, for the thread that told it to."""

    def __init__(self):
        super().__init__()
        self._told = threading.local()

    @property
    def fail(self):
        return getattr(self._told, 'fail', ())

    @fail.setter
    def fail(self, names):
        self._told.fail = names

    def acquire(self, *args):
        if 'acquire' in self.fail:
            raise KeyError('acquire')
        return super().acquire(*args)

    def release(self):
        if 'release' in self.fail:
            raise KeyError('release')
        super().release()

    def _is_owned(self):
        if '_is_owned' in self.fail:
            raise KeyError('_is_owned')
        return self.locked()

    def locked(self):
        return self._inner.locked()


NEEDS_LOCK = {'release': (), 'wait': (0.01,), 'notify': (),
              'notify_all': (), '__exit__': (None, None, None)}


def call_with_failing_lock(cond, method, fail):
    """The outcome, as a type or a value; the lock is free and well again."""
    lock = cond._lock
    if method in NEEDS_LOCK:
        lock.acquire()
    lock.fail = (fail,)
    try:
        return getattr(cond, method)(*NEEDS_LOCK.get(method, ()))
    except Exception as error:
        return type(error)
    finally:
        lock.fail = ()
        if lock._inner.locked():
            lock._inner.release()


@pytest.mark.parametrize('fail', ['acquire', 'release', '_is_owned'])
@pytest.mark.parametrize('method', ['acquire', '__enter__', *NEEDS_LOCK])
def test_what_the_lock_raises_arrives(impl, method, fail):
    stock, ours = (
        call_with_failing_lock(module.Condition(Failing()), method, fail)
        for module in (threading, impl))
    assert ours == stock


@pytest.mark.parametrize('fail', ['acquire', 'release', '_is_owned'])
@pytest.mark.parametrize('method', ['acquire', '__enter__', *NEEDS_LOCK])
def test_no_waiter_is_lost_when_the_lock_raises(native, method, fail):
    cond = native.Condition(Failing())
    worker = Worker(wait, cond)
    until(lambda: waiters(cond) == 1 and not cond._lock.locked())
    call_with_failing_lock(cond, method, fail)
    assert waiters(cond) == 1 or 'notify' in method
    if waiters(cond):
        notify(cond)
    assert worker.join() is True
    assert waits_well(cond)


def test_what_the_lock_raises_may_have_a_ring_of_contexts(impl):
    first, second = ValueError(), ValueError()
    first.__context__, second.__context__ = second, first

    class Ring(Full):
        def _acquire_restore(self, state):
            super()._acquire_restore(state)
            raise first

    cond = impl.Condition(Ring())
    with handling(signal.SIGUSR1, stop):
        worker = when_asleep(interrupt)
        with pytest.raises(ValueError) as raised:
            wait(cond)
        worker.join()
    assert raised.value is first


@pytest.mark.parametrize('thing', [None.__class__, object(), 5, 'lock', [],
                                   threading, print])
def test_what_is_no_lock_is_refused(impl, thing):
    outcomes = []
    for module in threading, impl:
        try:
            module.Condition(thing)
            outcomes.append(None)
        except Exception as error:
            outcomes.append(type(error))
    assert outcomes[0] == outcomes[1]
