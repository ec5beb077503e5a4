# SPDX-License-Identifier: MIT
"""copy, pickle, and what subclasses make of them; layouts of subclasses."""
import copy
import gc
import pickle
import sys
import threading
import weakref

import pytest

import support
from support import Worker, make, until, waiters
from test_gc import HAVE_DICT

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


@pytest.fixture(params=HAVE_DICT)
def name(request):
    return request.param


def use(thing, name):
    if name == 'Event':
        results = [thing.is_set(), thing.set(), thing.wait(), thing.clear(),
                   thing.wait(0)]
    elif name == 'Barrier':
        worker = Worker(thing.wait)
        until(lambda: thing.n_waiting == 1)
        results = [sorted([thing.wait(), worker.join()]), thing.parties,
                   thing.broken]
    elif name == 'Condition':
        with thing:
            results = [thing.wait(0), thing.notify(), thing.notify_all()]
    else:
        with thing:
            results = [thing._value, thing.acquire(False)]
        results += [thing.release() if results[1] else None, thing._value]
    return results


def test_copy_works_as_its_original(impl, name):
    thing = make(impl, name)
    thing.attribute = 'x'
    again = copy.copy(thing)
    assert type(again) is type(thing) and again is not thing
    assert again.attribute == 'x'
    expected = use(make(threading, name), name)
    assert use(again, name) == use(thing, name) == expected
    again.attribute = 'y'
    assert thing.attribute == 'x'


def test_copy_has_the_state_of_its_original(impl):
    event, semaphore = impl.Event(), impl.Semaphore(5)
    bounded, barrier = impl.BoundedSemaphore(3), impl.Barrier(2, int, 7)
    event.set()
    bounded.acquire()
    barrier.abort()
    assert copy.copy(event).is_set()
    assert copy.copy(semaphore)._value == 5
    again = copy.copy(bounded)
    assert (again._value, again._initial_value) == (2, 3)
    again.release()
    with pytest.raises(ValueError):
        again.release()
    again = copy.copy(barrier)
    assert (again.parties, again._action, again._timeout, again.broken) == (
        2, int, 7, True)


@pytest.mark.parametrize('attribute', ['_cond', '_lock'])
def test_copy_shares_the_lock(impl, name, attribute):
    thing = make(impl, name)
    if not hasattr(thing, attribute):
        pytest.skip('it has none')
    again = copy.copy(thing)
    assert getattr(again, attribute) is getattr(thing, attribute)


def test_set_of_a_copy_wakes_who_waits_at_the_original(impl):
    event = impl.Event()
    again = copy.copy(event)
    worker = Worker(event.wait)
    until(lambda: waiters(event) == 1)
    again.set()
    assert worker.join() is True
    assert again.is_set() and not event.is_set()


def test_copy_of_a_copy_is_collected(impl, name):
    thing = copy.copy(copy.copy(make(impl, name)))
    thing.itself = thing
    reference = weakref.ref(thing)
    del thing
    gc.collect()
    assert reference() is None


class Pickled:
    """Mixin: only its label is pickled."""

    def __init__(self, label):
        super().__init__(*support.ARGUMENTS.get(type(self).base, ()))
        self.label = label

    def __getstate__(self):
        return {'label': self.label}

    def __setstate__(self, state):
        self.__init__(state['label'])


class Unset(Pickled):
    def __setstate__(self, state):
        vars(self).update(state)


class Reduced:
    """Mixin with __reduce__, or __getnewargs__."""

    def __reduce__(self):
        return type(self), support.ARGUMENTS.get(type(self).base, ())


def subclass(impl, mixin, name):
    cls = type(f'{mixin.__name__}_{name}', (mixin, getattr(impl, name)),
               {'base': name, '__module__': __name__})
    setattr(sys.modules[__name__], cls.__name__, cls)
    return cls


@pytest.mark.parametrize('protocol', PROTOCOLS)
@pytest.mark.parametrize('pure', [False, True])
def test_subclass_with_getstate_can_be_pickled(impl, name, protocol, pure):
    dumps, loads = ((pickle._dumps, pickle._loads) if pure
                    else (pickle.dumps, pickle.loads))
    thing = subclass(impl, Pickled, name)('some')
    again = loads(dumps(thing, protocol))
    assert type(again) is type(thing) and again.label == 'some'
    assert use(again, name) == use(make(threading, name), name)
    for each in copy.copy(thing), copy.deepcopy(thing):
        assert each.label == 'some'


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_subclass_with_getstate_alone_can_be_pickled(impl, name, protocol):
    """What it was not given it has not, and says so."""
    thing = subclass(impl, Unset, name)('some')
    again = pickle.loads(pickle.dumps(thing, protocol))
    assert again.label == 'some'


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_subclass_with_reduce_can_be_pickled(impl, name, protocol):
    thing = subclass(impl, Reduced, name)(*support.ARGUMENTS.get(name, ()))
    again = pickle.loads(pickle.dumps(thing, protocol))
    assert type(again) is type(thing)
    assert use(again, name) == use(make(threading, name), name)


def test_slots_of_a_subclass_are_copied(impl, name):
    base = getattr(impl, name)
    cls = type('Slotted', (base,), {'__slots__': ('a', 'b')})
    thing = cls(*support.ARGUMENTS.get(name, ()))
    thing.a = 1
    again = copy.copy(thing)
    assert again.a == 1 and not hasattr(again, 'b')


def test_locks_cannot_be_copied(impl):
    for name in 'Lock', 'RLock':
        for function in copy.copy, copy.deepcopy:
            with pytest.raises(TypeError):
                function(make(impl, name))
