# SPDX-License-Identifier: MIT
"""Subclasses, attributes, and the classes that build upon threading's."""
import collections
import multiprocessing
import threading

import pytest

import support
from support import NAMES, Worker, join_all, make, type_of, until, waiters


def forks(test):
    """Mark a test whose child processes may be forked from threads."""
    test = pytest.mark.filterwarnings('ignore::DeprecationWarning')(test)
    return pytest.mark.unsanitized(test)


HAVE_DICT = ['Condition', 'Semaphore', 'BoundedSemaphore', 'Event', 'Barrier']


def test_lock_cannot_be_subclassed(impl):
    with pytest.raises(TypeError):
        type('Sub', (type_of(impl, 'Lock'),), {})


@pytest.mark.parametrize('name', NAMES[1:])
def test_instance_of_a_subclass_works(impl, name):
    base = type_of(impl, name)

    class Sub(base):
        """A docstring."""
        attribute = 7

        def method(self):
            return self.attribute

    sub = Sub(*support.ARGUMENTS.get(name, ()))
    sub.other = 8
    assert isinstance(sub, base)
    assert (sub.method(), sub.other, Sub.__doc__) == (7, 8, 'A docstring.')
    assert sub.__dict__ == {**sub.__dict__, 'other': 8}
    assert 'Sub' in repr(sub) or name in ('RLock', 'Condition')


@pytest.mark.parametrize('name', HAVE_DICT)
def test_instances_have_attributes(impl, name):
    thing = make(impl, name)
    thing.attribute = 1
    assert vars(thing)['attribute'] == 1
    del thing.attribute
    assert not hasattr(thing, 'attribute')


@pytest.mark.parametrize('name', ['Lock', 'RLock'])
def test_locks_have_no_attributes(impl, name):
    with pytest.raises(AttributeError):
        make(impl, name).attribute = 1


@pytest.mark.parametrize('name', NAMES)
def test_types_are_immutable_or_at_least_shared_by_all(native, name):
    assert type_of(native, name) is getattr(native, name)
    assert getattr(native, name).__module__ == 'pyplusthread'
    assert getattr(native, name).__qualname__ == name


def test_subclass_may_take_other_arguments(impl):
    class Named(impl.Condition):
        def __init__(self, name, *, lock=None):
            super().__init__(lock)
            self.name = name

    lock = impl.Lock()
    named = Named('x', lock=lock)
    assert named._lock is lock and named.name == 'x'
    with named:
        assert lock.locked()

    class Full(impl.Semaphore):
        def __init__(self, value):
            super().__init__(value=value)
            self.value_at_start = value

    assert Full(3)._value == 3


def test_overridden_wait_is_called_by_wait_for(impl):
    class Patient(impl.Condition):
        def wait(self, timeout=None):
            calls.append(timeout)
            return super().wait(0.001)

    calls = []
    cond = Patient()
    with cond:
        assert cond.wait_for(lambda: len(calls) == 3) is True
    assert calls == [None] * 3


def test_overridden_notify_is_called_by_notify_all(impl):
    class Counting(impl.Condition):
        def notify(self, n=1):
            calls.append(n)
            super().notify(n)

    calls = []
    cond = Counting()
    with cond:
        cond.notify_all()
    assert len(calls) == 1


def test_overridden_notify_all_is_called_by_notifyAll(impl):
    class Counting(impl.Condition):
        def notify_all(self):
            calls.append(1)

    calls = []
    with pytest.warns(DeprecationWarning):
        Counting().notifyAll()
    assert calls == [1]


def test_with_uses_what_the_type_uses(impl):
    """Overriding acquire changes `with` where threading's does."""
    def entered(base, *args):
        class Sub(base):
            def acquire(self, *args, **kwargs):
                calls.append('acquire')
                return super().acquire(*args, **kwargs)

            def release(self, *args, **kwargs):
                calls.append('release')
                return super().release(*args, **kwargs)

        calls = []
        with Sub(*args):
            pass
        return calls

    for name in 'Semaphore', 'BoundedSemaphore':
        assert (entered(getattr(impl, name))
                == entered(getattr(threading, name)))


def test_overridden_is_set_is_called_by_isSet(impl):
    class Odd(impl.Event):
        def is_set(self):
            return 'odd'

    with pytest.warns(DeprecationWarning):
        assert Odd().isSet() == 'odd'


def test_super_calls_work_across_several_bases(impl):
    class Mixin:
        def set(self):
            calls.append('set')
            super().set()

    class Mixed(Mixin, impl.Event):
        pass

    calls = []
    mixed = Mixed()
    mixed.set()
    assert mixed.is_set() and calls == ['set']


def test_class_of_an_instance_may_be_changed_among_subclasses(impl):
    class One(impl.Event):
        pass

    class Two(impl.Event):
        def two(self):
            return self.is_set()

    event = One()
    event.__class__ = Two
    assert event.two() is False


@pytest.mark.parametrize('name', NAMES[1:])
def test_subclass_without_init_is_refused_or_works(impl, name):
    """What was never initialised raises, and never crashes."""
    class Lazy(type_of(impl, name)):
        def __init__(self):
            pass

    lazy = Lazy()
    for attribute in dir(lazy):
        if attribute.startswith('__'):
            continue
        try:
            value = getattr(lazy, attribute)
            if attribute in ('acquire', 'acquire_lock', '__enter__'):
                value(False)
            elif attribute == 'wait':
                value(0)
            elif callable(value):
                value()
        except Exception:
            pass
    repr_of(lazy)


def repr_of(thing):
    try:
        return repr(thing)
    except Exception:
        return None


@pytest.mark.parametrize('name', NAMES)
def test_init_may_be_called_again(impl, name):
    thing = make(impl, name)
    if type(thing).__init__ is object.__init__:
        pytest.skip('it has none')
    thing.__init__(*support.ARGUMENTS.get(name, ()))
    if hasattr(thing, '__enter__'):
        with thing:
            pass


class Slotted:
    __slots__ = ('a',)


LAYOUTS = {'dict': dict, 'list': list, 'Exception': Exception,
           'deque': collections.deque, 'Slotted': Slotted}


@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('name', HAVE_DICT)
def test_layouts_of_c_can_be_mixed_with_the_original(native, name, layout):
    """But not with ours: see Limits."""
    with pytest.raises(TypeError, match='lay-out|layout'):
        type('Mixed', (getattr(native, name), LAYOUTS[layout]), {})
    original = native.get_original(name)
    mixed = type('Mixed', (original, LAYOUTS[layout]), {
        '__init__': lambda self: original.__init__(
            self, *support.ARGUMENTS.get(name, ()))})()
    assert isinstance(mixed, original)
    assert isinstance(mixed, LAYOUTS[layout])


@pytest.mark.parametrize('name', NAMES[1:])
def test_subclass_may_have_slots(impl, name):
    cls = type('Sub', (type_of(impl, name),), {'__slots__': ('a', 'b')})
    sub = cls(*support.ARGUMENTS.get(name, ()))
    sub.a = 1
    assert sub.a == 1 and not hasattr(sub, 'b')


class OwnState:
    """Mixin: a barrier with its state elsewhere, as multiprocessing's."""

    def __init__(self, parties, action=None, timeout=None):
        self.words = [0, 0]
        self._parties = parties
        self._action = action
        self._timeout = timeout
        self._cond = threading.Condition()

    @property
    def _state(self):
        return self.words[0]

    @_state.setter
    def _state(self, value):
        self.words[0] = value

    @property
    def _count(self):
        return self.words[1]

    @_count.setter
    def _count(self, value):
        self.words[1] = value


def test_barrier_may_bring_its_own_state(impl):
    class Barrier(OwnState, impl.Barrier):
        pass

    called = []
    barrier = Barrier(3, lambda: called.append(1))
    for number in 1, 2:
        workers = [Worker(barrier.wait) for _ in range(2)]
        until(lambda: barrier.n_waiting == 2)
        assert sorted([barrier.wait(), *join_all(workers)]) == [0, 1, 2]
        assert called == [1] * number
    assert barrier.parties == 3
    assert barrier.broken is False
    assert barrier._state == barrier.words[0]
    with pytest.raises(threading.BrokenBarrierError):
        barrier.wait(0.01)
    assert barrier.broken is True
    barrier.reset()
    assert barrier.broken is False
    barrier.abort()
    assert barrier.broken is True


def test_condition_with_an_overridden_lock_method_works(impl):
    class Logged(impl.Condition):
        def __enter__(self):
            log.append('enter')
            return super().__enter__()

        def __exit__(self, *args):
            log.append('exit')
            return super().__exit__(*args)

    log = []
    cond = Logged()

    def wait():
        with cond:
            return cond.wait()

    worker = Worker(wait)
    until(lambda: waiters(cond) == 1)
    with cond:
        cond.notify()
    assert worker.join() is True
    assert log.count('enter') == log.count('exit') == 2


@pytest.fixture
def patched():
    pyplusthread = pytest.importorskip('pyplusthread')
    with pyplusthread.patched():
        yield pyplusthread


def meet(barrier, results):
    for _ in range(3):
        results.put(barrier.wait(support.LIMIT))


def go(event, cond, semaphore, results):
    event.wait()
    with cond:
        cond.notify()
    semaphore.release()
    results.put('gone')


@forks
@pytest.mark.parametrize('method', ['fork', 'spawn'])
def test_multiprocessings_own_types_work_when_patched(patched, method):
    context = multiprocessing.get_context(method)
    results = context.Queue()
    barrier = context.Barrier(2)
    child = context.Process(target=meet, args=(barrier, results))
    child.start()
    mine = [barrier.wait(support.LIMIT) for _ in range(3)]
    theirs = [results.get() for _ in range(3)]
    child.join(support.LIMIT)
    assert [a + b for a, b in zip(mine, theirs)] == [1] * 3

    event, cond = context.Event(), context.Condition()
    semaphore = context.Semaphore(0)
    child = context.Process(target=go,
                            args=(event, cond, semaphore, results))
    child.start()
    with cond:
        event.set()
        assert cond.wait(support.LIMIT)
    assert semaphore.acquire(timeout=support.LIMIT)
    assert results.get() == 'gone'
    child.join(support.LIMIT)
    assert child.exitcode == 0


@forks
def test_manager_works_when_patched(patched):
    with multiprocessing.get_context('fork').Manager() as manager:
        event, barrier = manager.Event(), manager.Barrier(1)
        lock, semaphore = manager.RLock(), manager.BoundedSemaphore(1)
        assert not event.is_set()
        event.set()
        assert event.wait(1)
        assert barrier.wait() == 0
        with lock, lock, semaphore:
            pass
        cond = manager.Condition()
        with cond:
            cond.notify_all()
            assert not cond.wait(0.01)


@forks
@pytest.mark.parametrize('method', ['fork', 'spawn'])
def test_pool_works_when_patched(patched, method):
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(abs, range(-20, 0)) == list(range(20, 0, -1))
        assert pool.apply_async(abs, (-1,)).get(support.LIMIT) == 1


def test_dummy_pool_works_when_patched(patched):
    from multiprocessing.pool import ThreadPool
    with ThreadPool(3) as pool:
        assert pool.map(abs, range(-20, 0)) == list(range(20, 0, -1))
