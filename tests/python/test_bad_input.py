# SPDX-License-Identifier: MIT
"""Arguments of all kinds: what threading makes of them, we do.

Each call is made for a new object of threading's and for one of ours, and
both must return the same, or raise exceptions of the same type; and an
object whose call has raised is as it was before.
"""
import decimal
import fractions
import math
import sys
import threading

import pytest

from support import NAMES, Owner, Worker, until, waiters

pytestmark = pytest.mark.slow


class Index:
    def __index__(self):
        return 1


class BadIndex:
    def __index__(self):
        raise ZeroDivisionError


class Float:
    def __float__(self):
        return 0.0


class BadBool:
    def __bool__(self):
        raise ZeroDivisionError


class Int(int):
    pass


class Str(str):
    pass


# No timeout that is neither next to nothing nor long enough to be seen.
VALUES = {repr(value): value for value in [
    None, True, False, 0, 1, 2, 100, -1, -2, -100, 2**31, 2**32, 2**62, 2**63,
    2**64, -2**31, -2**63, -2**64, 10**30, -10**30, 10**400,
    0.0, -0.0, 1.0, 1.5, -1.0, -0.5, -1.5, 1e-9, 5e-324, -5e-324, 1e9, 1e10,
    1e19, 1e300, -1e10, -1e300, math.inf, -math.inf, math.nan,
    9223372036, 9223372036.854, 9223372037, -9223372036, -9223372037,
    '', '1', b'1', 1j, (), [], {}, ..., int, print]}
VALUES.update({
    'Decimal': decimal.Decimal(1), 'Fraction': fractions.Fraction(1, 2),
    'Index': Index(), 'BadIndex': BadIndex(), 'Float': Float(),
    'BadBool': BadBool(), 'Int': Int(1), 'Str': Str('1'),
    'object': object(), 'Lock': threading.Lock()})


def shapes(*names):
    """Ways to pass a value, of a function with these parameters."""
    found = {
        'f(v)': lambda v: ((v,), {}),
        'f(True, v)': lambda v: ((True, v), {}),
        'f(False, v)': lambda v: ((False, v), {}),
        'f(None, v)': lambda v: ((None, v), {}),
        'f(v, v)': lambda v: ((v, v), {}),
        'f(v, v, v)': lambda v: ((v, v, v), {}),
        'f(v, v, v, v)': lambda v: ((v, v, v, v), {}),
        'f(no_such=v)': lambda v: ((), {'no_such': v}),
    }
    for name in names:
        found[f'f({name}=v)'] = lambda v, name=name: ((), {name: v})
        found[f'f(True, {name}=v)'] = (
            lambda v, name=name: ((True,), {name: v}))
        found[f'f(v, {name}=v)'] = lambda v, name=name: ((v,), {name: v})
    return found


class Case:
    """A method, of an object in some state, and how to wake who waits."""

    def __init__(self, name, method, parameters=(), make=None, wake=None,
                 locked=False, largest=math.inf):
        self.largest = largest
        self.method = method
        self.shapes = {'f()': lambda v: ((), {}), **shapes(*parameters)}
        self.make = make or (lambda module: getattr(module, name)())
        self.wake = wake
        self.locked = locked

    def values(self):
        """The values, but for numbers that would take threading for ever."""
        return {label: value for label, value in VALUES.items()
                if not isinstance(value, int) or value <= self.largest}

    def call(self, thing, args, kwargs):
        if self.locked:
            thing.acquire()
        try:
            if callable(self.method):
                return self.method(thing, *args, **kwargs)
            return getattr(thing, self.method)(*args, **kwargs)
        finally:
            if self.locked:
                thing.release()


def held(name):
    def make(module):
        lock = getattr(module, name)()
        lock.acquire()
        return lock
    return make


def held_rlock(module):
    lock = module.RLock()
    owners[lock] = Owner(lock)
    return lock


owners = {}


def notify(cond):
    with cond:
        cond.notify()


def wait_for_later(cond, timeout):
    """The predicate is true when it is asked again."""
    answers = [False, True]
    return cond.wait_for(lambda: answers.pop(0), timeout)


def wait_for_now(cond, *args, **kwargs):
    return cond.wait_for(*args, **kwargs, timeout=0)


CASES = {
    'Lock.acquire, free': Case('Lock', 'acquire', ['blocking', 'timeout']),
    'Lock.acquire, held': Case('Lock', 'acquire', ['blocking', 'timeout'],
                               held('Lock'), lambda lock: lock.release()),
    'Lock.release, held': Case('Lock', 'release', [], held('Lock')),
    'Lock.release, free': Case('Lock', 'release', []),
    'Lock.locked': Case('Lock', 'locked'),
    'Lock.__enter__': Case('Lock', '__enter__'),
    'Lock.__exit__, held': Case('Lock', '__exit__', [], held('Lock')),
    'Lock.__exit__, free': Case('Lock', '__exit__'),
    'RLock.acquire, free': Case('RLock', 'acquire', ['blocking', 'timeout']),
    'RLock.acquire, held': Case('RLock', 'acquire', ['blocking', 'timeout'],
                                held_rlock,
                                lambda lock: owners.pop(lock).let_go()),
    'RLock.release, owned': Case('RLock', 'release', [], locked=True),
    'RLock.release, free': Case('RLock', 'release'),
    'RLock.__exit__, free': Case('RLock', '__exit__'),
    'RLock._is_owned': Case('RLock', '_is_owned'),
    'RLock._acquire_restore': Case('RLock', '_acquire_restore'),
    'RLock._release_save': Case('RLock', '_release_save'),
    'Condition.acquire': Case('Condition', 'acquire',
                              ['blocking', 'timeout']),
    'Condition.release': Case('Condition', 'release'),
    'Condition.wait': Case('Condition', 'wait', ['timeout'], wake=notify,
                           locked=True),
    'Condition.wait, free': Case('Condition', 'wait', ['timeout']),
    'Condition.notify': Case('Condition', 'notify', ['n'], locked=True),
    'Condition.notify, free': Case('Condition', 'notify', ['n']),
    'Condition.notify_all': Case('Condition', 'notify_all', locked=True),
    'Condition.wait_for, predicate': Case('Condition', wait_for_now,
                                          ['predicate'], locked=True),
    'Condition.wait_for, timeout': Case('Condition', wait_for_later,
                                        ['timeout'], wake=notify,
                                        locked=True),
    'Condition.__exit__, free': Case('Condition', '__exit__'),
    'Semaphore.acquire, 1': Case('Semaphore', 'acquire',
                                 ['blocking', 'timeout']),
    'Semaphore.acquire, 0': Case('Semaphore', 'acquire',
                                 ['blocking', 'timeout'], held('Semaphore'),
                                 lambda semaphore: semaphore.release()),
    'Semaphore.release': Case('Semaphore', 'release', ['n'], largest=1000),
    'Semaphore.__exit__': Case('Semaphore', '__exit__'),
    'BoundedSemaphore.acquire, 1': Case('BoundedSemaphore', 'acquire',
                                        ['blocking', 'timeout']),
    'BoundedSemaphore.release, 0': Case('BoundedSemaphore', 'release', ['n'],
                                        held('BoundedSemaphore'),
                                        largest=1000),
    'BoundedSemaphore.release, 1': Case('BoundedSemaphore', 'release', ['n'],
                                        largest=1000),
    'Event.wait, unset': Case('Event', 'wait', ['timeout'],
                              wake=lambda event: event.set()),
    'Event.set': Case('Event', 'set'),
    'Event.clear': Case('Event', 'clear'),
    'Event.is_set': Case('Event', 'is_set'),
    'Barrier.wait, alone': Case('Barrier', 'wait', ['timeout'],
                                lambda module: module.Barrier(1)),
    'Barrier.wait': Case('Barrier', 'wait', ['timeout'],
                         lambda module: module.Barrier(2),
                         lambda barrier: barrier.abort()),
    'Barrier.reset': Case('Barrier', 'reset', [],
                          lambda module: module.Barrier(2)),
    'Barrier.abort': Case('Barrier', 'abort', [],
                          lambda module: module.Barrier(2)),
}

def counts(name, shape):
    """Whether the value is a number of something."""
    return ('release' in name or 'notify' in name or 'Semaphore()' in name
            or name == 'Barrier()')


def timeouts(name, shape):
    return 'wait' in name or ('Semaphore.acquire' in name)


def is_index(value):
    return isinstance(value, (Index, BadIndex))


def is_small(value):
    return not isinstance(value, int) or -2**63 <= value < 2**63


# Where we differ, and mean to: (why, whether it is so for a case, a way to
# pass a value, and the value; what ours does).
DELIBERATE = [
    ('a wait for NaN seconds does not spin for ever',
     lambda name, shape, value: value != value and timeouts(name, shape),
     'BrokenBarrierError', 'False'),
    ('timeouts are ints and floats, but those of locks, as from 3.15 on',
     lambda name, shape, value: sys.version_info >= (3, 15)
     and timeouts(name, shape)
     and isinstance(value, (decimal.Decimal, fractions.Fraction, Float)),
     'TypeError'),
    ('a count is an integer',
     lambda name, shape, value: counts(name, shape)
     and (not isinstance(value, int) or shape == 'f(None, v)'),
     'TypeError'),
    ('what has an __index__ is an integer',
     lambda name, shape, value: is_index(value),
     'made', 'None', 'True', 'False', 'slept, True', 'ZeroDivisionError',
     'slept, BrokenBarrierError', 'ValueError'),
    ('a count fits into 64 bits, parties into 32',
     lambda name, shape, value: counts(name, shape) and (
         not is_small(value)
         or name == 'Barrier()' and isinstance(value, int)
         and value > 2**31 - 1),
     'OverflowError'),
    ('blocking is true or false, whatever it is, as from 3.12 on',
     lambda name, shape, value: 'Lock.acquire' in name.replace(
         'Condition', 'Lock') and sys.version_info < (3, 12),
     'True', 'False', 'slept, True', 'ValueError', 'OverflowError',
     'TypeError', 'ZeroDivisionError'),
    ('__enter__ has no arguments, as from 3.13 on',
     lambda name, shape, value: name == 'Lock.__enter__',
     'TypeError'),
    ('__exit__ does not look at its arguments',
     lambda name, shape, value: '__exit__' in name,
     'None', 'RuntimeError'),
    ('a timeout is looked at even where there is nothing to wait for',
     lambda name, shape, value: name in (
         'Barrier.wait, alone', 'Semaphore.acquire, 1',
         'BoundedSemaphore.acquire, 1'),
     'TypeError', 'OverflowError'),
    ('an argument that is given twice is found first',
     lambda name, shape, value: shape == 'f(v, blocking=v)',
     'TypeError'),
    ('a barrier has one party at least, as newer ones',
     lambda name, shape, value: name == 'Barrier()',
     'ValueError'),
]


def deliberate(name, shape, value, ours):
    return any(applies(name, shape, value) and ours in outcomes
               for _, applies, *outcomes in DELIBERATE)


# Calls that would never return from threading.
ENDLESS = {('Semaphore.acquire, 0', 'nan'), ('Barrier.wait', 'nan')}


def state(thing):
    return repr(thing), waiters(thing) if hasattr(thing, '_cond') else 0


def outcome(case, module, args, kwargs):
    """(what it returned or raised, whether that changed the object)"""
    thing = case.make(module)
    before = state(thing)
    worker = Worker(case.call, thing, args, kwargs)
    until(lambda: worker.ended or worker.asleep())
    slept = not worker.ended
    if slept:
        case.wake(thing)
    until(lambda: worker.ended)
    harmed = False
    if worker.error is None:
        result = f'{worker.result!r}'
    else:
        result = type(worker.error).__name__
        harmed = (state(thing) != before and not slept
                  and result != 'BrokenBarrierError')
    if thing in owners:
        owners.pop(thing).let_go()
    return ('slept, ' if slept else '') + result, harmed


class Differences(dict):
    """What went differently, grouped to be read."""

    def note(self, shape, label, ours, stock):
        self.setdefault((shape, ours, stock), []).append(label)

    def __str__(self):
        return '\n'.join(
            f'{shape}: {ours}, not {stock}, with ' + '; '.join(labels)
            for (shape, ours, stock), labels in self.items())


@pytest.mark.parametrize('name', CASES)
def test_same_outcome_as_threadings(native, name):
    case = CASES[name]
    found = Differences()
    for shape, spread in case.shapes.items():
        for label, value in case.values().items():
            if shape == 'f()' and value is not None:
                continue
            if (name, label) in ENDLESS:
                continue
            args, kwargs = spread(value)
            stock, _ = outcome(case, threading, args, kwargs)
            ours, harmed = outcome(case, native, args, kwargs)
            if harmed:
                ours += ', and did harm'
            if ours != stock and not deliberate(name, shape, value, ours):
                found.note(shape, label, ours, stock)
    assert not found, str(found)


CONSTRUCTORS = {
    'Lock': [], 'RLock': [], 'Condition': ['lock'], 'Semaphore': ['value'],
    'BoundedSemaphore': ['value'], 'Event': [],
    'Barrier': ['parties', 'action', 'timeout']}


def construct(module, name, args, kwargs):
    try:
        getattr(module, name)(*args, **kwargs)
    except Exception as error:
        return type(error).__name__
    return 'made'


@pytest.mark.parametrize('name', NAMES)
def test_same_outcome_of_the_constructor(native, name):
    found = Differences()
    for shape, spread in shapes(*CONSTRUCTORS[name]).items():
        for label, value in VALUES.items():
            args, kwargs = spread(value)
            stock = construct(threading, name, args, kwargs)
            ours = construct(native, name, args, kwargs)
            if ours != stock and not deliberate(f'{name}()', shape, value,
                                                ours):
                found.note(shape, label, ours, stock)
    assert not found, str(found)
