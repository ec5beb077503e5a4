# SPDX-License-Identifier: MIT
"""Memory: objects die when they should, and nothing is left behind."""
import copy
import gc
import os
import pickle
import sys
import threading
import weakref
from pathlib import Path

import pytest

from support import (NAMES, NO_GIL, Worker, join_all, longer_and_longer, make,
                     python, until, waiters)

HAVE_DICT = ['Condition', 'Semaphore', 'BoundedSemaphore', 'Event', 'Barrier']


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def test_weak_references_do_not_keep_it_alive(impl, name):
    thing = make(impl, name)
    called = []
    reference = weakref.ref(thing, lambda _: called.append(1))
    assert reference() is thing
    del thing
    gc.collect()
    assert reference() is None
    assert called == [1]


def test_it_can_be_a_weak_key(impl, name):
    thing = make(impl, name)
    keys = weakref.WeakKeyDictionary({thing: 1})
    assert keys[thing] == 1
    del thing
    gc.collect()
    assert not keys


@pytest.mark.parametrize('name', HAVE_DICT)
def test_cycle_through_its_attributes_is_collected(impl, name):
    thing = make(impl, name)
    thing.itself = thing
    reference = weakref.ref(thing)
    del thing
    gc.collect()
    assert reference() is None


@pytest.mark.skipif(
    sys.version_info < (3, 14) and NO_GIL,
    reason='free-threaded, Python 3.13 never collects a class in a function')
@pytest.mark.parametrize('name', ['RLock', *HAVE_DICT])
def test_cycle_through_an_instance_of_a_subclass_is_collected(impl, name):
    class Sub(type(make(impl, name))):
        pass

    thing = Sub(2) if name == 'Barrier' else Sub()
    thing.itself = thing
    reference, reference_to_type = weakref.ref(thing), weakref.ref(Sub)
    del thing, Sub
    gc.collect()
    assert reference() is None
    assert reference_to_type() is None


def test_cycle_through_the_lock_of_a_condition_is_collected(impl):
    class Duck:
        acquire = release = locked = None

    duck = Duck()
    duck.acquire = duck.release = duck.locked = lambda: None
    duck.cond = impl.Condition(duck)
    reference = weakref.ref(duck)
    del duck
    gc.collect()
    assert reference() is None


def test_cycle_through_the_action_of_a_barrier_is_collected(impl):
    class Action:
        def __call__(self):
            pass

    action = Action()
    action.barrier = impl.Barrier(2, action)
    reference = weakref.ref(action)
    del action
    gc.collect()
    assert reference() is None


def test_condition_keeps_its_lock_alive(impl):
    lock = impl.RLock()
    reference = weakref.ref(lock)
    cond = impl.Condition(lock)
    del lock
    gc.collect()
    assert reference() is cond._lock
    del cond
    gc.collect()
    assert reference() is None


def is_free_threaded():
    return NO_GIL


@pytest.mark.parametrize('given', [False, True])
def test_condition_lets_go_of_a_lock_that_init_replaces(impl, given):
    if impl is not threading and is_free_threaded():
        pytest.skip('it keeps them without a GIL')

    def initialise():
        cond.__init__(*[impl.RLock()] * given)
        return weakref.ref(cond._lock)

    cond = impl.Condition()
    references = [initialise() for _ in range(100)]
    gc.collect()
    assert [each() for each in references] == [None] * 99 + [cond._lock]


NESTED = '''
import importlib, sys

impl = importlib.import_module(sys.argv[1])
class Sub(impl.Condition): pass
def assign(thing, cond):
    thing._cond = cond
    return thing
thing = None
for _ in range(int(sys.argv[2])):
    thing = {}
del thing
'''


@pytest.mark.unsanitized
@pytest.mark.parametrize('expression', [
    'impl.Condition(thing)', 'impl.Barrier(1, thing)',
    'Sub(impl.Condition(thing))', 'assign(impl.Event(), thing)',
    'assign(impl.Semaphore(), thing)'])
def test_nested_objects_go_without_much_stack(impl, expression):
    # Those of threading are large, and of use as a check of the test only.
    number = 50_000 if impl is threading else 500_000
    python(NESTED.format(expression), impl.__name__, str(number))


def test_finaliser_of_a_dying_object_may_use_it(impl):
    class Late:
        def __init__(self):
            self.cond = impl.Condition()

        def __del__(self):
            with self.cond:
                self.cond.notify_all()
            done.append(1)

    done = []
    late = Late()
    late.cond.itself = late
    del late
    gc.collect()
    assert done == [1]


def test_it_cannot_be_pickled_nor_copied(impl, name):
    thing = make(impl, name)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises((TypeError, pickle.PicklingError)):
            pickle.dumps(thing, protocol)
    with pytest.raises((TypeError, pickle.PicklingError)):
        copy.deepcopy(thing)


def use(thing, name):
    """Call what there is, refused calls and timeouts included."""
    if name == 'Event':
        thing.set()
        thing.wait()
        thing.clear()
        thing.wait(0)
    elif name == 'Barrier':
        with pytest.raises(threading.BrokenBarrierError):
            thing.wait(0)
        thing.reset()
    else:
        with thing:
            if name == 'Condition':
                thing.wait(0)
                thing.notify_all()
                thing.wait_for(lambda: True)
    for method in 'release', 'notify', 'wait':
        if hasattr(thing, method) and 'Semaphore' != name != 'Barrier':
            try:
                getattr(thing, method)(-1)
            except (RuntimeError, ValueError, TypeError):
                pass
    repr(thing), hash(thing), thing == thing


def resident():
    """This process's memory, in pages."""
    return int(Path('/proc/self/statm').read_text().split()[1])


@pytest.mark.unsanitized
def test_no_memory_is_lost(native, name):
    def some(number):
        for _ in range(number):
            thing = make(native, name)
            use(thing, name)
            if name in HAVE_DICT:
                thing.attribute = thing
            del thing
        gc.collect()

    def growth():
        """In objects, and in bytes."""
        pages, objects = resident(), len(gc.get_objects())
        some(3000)
        return (len(gc.get_objects()) - objects,
                (resident() - pages) * os.sysconf('SC_PAGE_SIZE'))

    # A heap may grow once, but not time and again; an object is 40 bytes.
    growths = [growth() for _ in range(5)]
    assert min(objects for objects, _ in growths) <= 0, growths
    assert min(size for _, size in growths) < 3000 * 16, growths


def test_arguments_and_results_are_not_leaked(native):
    marker = object()
    cond, semaphore = native.Condition(), native.Semaphore()
    lock, event = native.Lock(), native.Event()
    before = sys.getrefcount(marker)
    for _ in range(100):
        with cond:
            assert cond.wait_for(lambda: marker) is marker
            for call in (lambda: cond.wait(marker),
                         lambda: cond.notify(marker),
                         lambda: cond.wait_for(marker)):
                with pytest.raises(TypeError):
                    call()
        for call in (lambda: lock.acquire(True, marker),
                     lambda: lock.acquire(x=marker),
                     lambda: event.wait(marker),
                     lambda: semaphore.release(marker),
                     lambda: native.Condition(marker),
                     lambda: native.Semaphore(marker),
                     lambda: native.Barrier(marker)):
            with pytest.raises((TypeError, AttributeError)):
                call()
    gc.collect()
    assert sys.getrefcount(marker) == before


def test_waits_of_other_threads_leak_nothing(native):
    lock = native.Lock()
    cond = native.Condition(lock)
    before = sys.getrefcount(lock), sys.getrefcount(cond)

    def wait():
        with cond:
            return cond.wait()

    for _ in range(20):
        worker = Worker(wait)
        until(lambda: waiters(cond) == 1)
        with cond:
            cond.notify()
        assert worker.join() is True
    after = sys.getrefcount(lock), sys.getrefcount(cond)
    assert after == before


def test_object_may_lose_its_last_name_while_threads_wait_at_it(impl):
    def wait(cond, timeout):
        with cond:
            return cond.wait(timeout)

    def wait_at_a_nameless_one(timeout):
        """A reference to it, and whether all were seen to wait."""
        cond = impl.Condition(impl.Lock())
        reference = weakref.ref(cond)
        workers = [Worker(wait, cond, timeout) for _ in range(3)]
        del cond
        until(lambda: all(each.asleep() or each.ended for each in workers))
        seen = not any(each.ended for each in workers)
        assert join_all(workers) == [False] * 3
        return reference, seen

    for timeout in longer_and_longer(0.5):
        reference, seen = wait_at_a_nameless_one(timeout)
        until(lambda: gc.collect() is not None and reference() is None)
        if seen:
            break


def test_collector_may_run_while_threads_wait(impl, name):
    if name in ('Lock', 'RLock', 'Barrier'):
        call = {'Lock': lambda t: t.acquire(True, 0.3),
                'RLock': lambda t: t.acquire(True, 0.3),
                'Barrier': lambda t: t.wait(60)}[name]
    else:
        call = {'Condition': lambda t: t.acquire() and t.wait(0.3),
                'Event': lambda t: t.wait(0.3)}.get(
                    name, lambda t: t.acquire(True, 0.3))
    thing = make(impl, name)
    if hasattr(thing, 'acquire') and name != 'Condition':
        thing.acquire()
    worker = Worker(call, thing)
    while not worker.ended:
        gc.collect()
        if name == 'Barrier':
            until(lambda: thing.n_waiting == 1)
            thing.wait()
            break
    worker.join()
