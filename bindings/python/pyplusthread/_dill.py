# SPDX-License-Identifier: MIT
"""dill pickles locks, and what holds them; so it does the native types.

It has a function for each type, in a table which it copies from that of
pickle's own pickler, the one in Python, when it is imported.  What other
picklers do, which cannot pickle locks, stays as it is.
"""
import copyreg
import pickle
import re
import sys

from . import _core


def register():
    """Have dill, imported before or later, pickle the native types."""
    tables = [pickle._Pickler.dispatch]
    if 'dill' in sys.modules:
        tables.append(sys.modules['dill'].Pickler.dispatch)
    for table in tables:
        for name in _REDUCE:
            table.setdefault(getattr(_core, name), _save)


def _save(pickler, thing):
    dill = sys.modules.get('dill')
    if dill is not None and isinstance(pickler, dill.Pickler):
        reduced = _REDUCE[type(thing).__name__](thing)
        pickler.save_reduce(*reduced, obj=thing)
        return
    table = getattr(pickler, 'dispatch_table', copyreg.dispatch_table)
    reduce = table.get(type(thing))
    reduced = (thing.__reduce_ex__(pickler.proto) if reduce is None
               else reduce(thing))
    pickler.save_reduce(*reduced, obj=thing)


def _make(name, arguments, calls):
    """A new object, after some calls of its methods."""
    thing = getattr(_core, name)(*arguments)
    for method, *rest in calls:
        getattr(thing, method)(*rest)
    return thing


def _reduce_lock(lock):
    calls = [('acquire', False)] if lock.locked() else []
    return _make, ('Lock', (), calls)


def _reduce_rlock(lock):
    owner, count = map(int, re.search(r'owner=(\d+) count=(\d+)',
                                      repr(lock)).groups())
    calls = [('_acquire_restore', (count, owner))] if count else []
    return _make, ('RLock', (), calls)


def _reduce_condition(condition):
    return _make, ('Condition', (condition._lock,), []), vars(condition)


def _reduce_semaphore(semaphore):
    name = type(semaphore).__name__
    initial = getattr(semaphore, '_initial_value', semaphore._value)
    calls = [('acquire', False)] * (initial - semaphore._value)
    return _make, (name, (initial,), calls), vars(semaphore)


def _reduce_event(event):
    calls = [('set',)] if event.is_set() else []
    return _make, ('Event', (), calls), vars(event)


def _reduce_barrier(barrier):
    arguments = barrier.parties, barrier._action, barrier._timeout
    calls = [('abort',)] if barrier.broken else []
    return _make, ('Barrier', arguments, calls), vars(barrier)


_REDUCE = {
    'Lock': _reduce_lock,
    'RLock': _reduce_rlock,
    'Condition': _reduce_condition,
    'Semaphore': _reduce_semaphore,
    'BoundedSemaphore': _reduce_semaphore,
    'Event': _reduce_event,
    'Barrier': _reduce_barrier,
}
