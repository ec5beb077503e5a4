# SPDX-License-Identifier: MIT
"""Names, signatures and docstrings: those of the running threading."""
import inspect
import threading

import pytest

from support import NAMES, QUEUES, make, queues, type_of

# Where ours has more than some threadings do.
MORE = {'RLock': {'locked'}, 'Condition': {'locked'}}


@pytest.fixture(params=[*NAMES, *QUEUES])
def name(request):
    return request.param


def stock_of(name):
    """The module that it is in."""
    return queues(threading) if name in QUEUES else threading


def public(thing):
    return {name for name in dir(thing) if not name.startswith('_')}


def documented(stock):
    """Its public names, and those of the `with` statement."""
    return sorted(public(stock) | {'__enter__', '__exit__'} & set(dir(stock)))


def test_public_names_are_those_of_threading(native, name):
    theirs = public(make(stock_of(name), name))
    ours = public(make(native, name))
    assert theirs <= ours
    assert ours - theirs <= MORE.get(name, set())


def test_private_names_that_others_use_are_there(native):
    private = {
        'Lock': ['_at_fork_reinit'],
        'RLock': ['_at_fork_reinit', '_is_owned', '_release_save',
                  '_acquire_restore', '_recursion_count'],
        'Condition': ['_lock', '_waiters', '_is_owned', '_at_fork_reinit',
                      '_release_save', '_acquire_restore'],
        'Semaphore': ['_cond', '_value'],
        'BoundedSemaphore': ['_cond', '_value', '_initial_value'],
        'Event': ['_cond', '_flag', '_at_fork_reinit'],
        'Barrier': ['_parties', '_action', '_timeout'],
    }
    missing = [(name, each) for name in NAMES for each in private[name]
               if not hasattr(make(native, name), each)]
    assert missing == []


def test_condition_has_the_private_names_of_its_lock_only(impl):
    cond = impl.Condition(impl.RLock())
    state = None
    cond.acquire()
    state = cond._release_save()
    assert not cond._is_owned()
    cond._acquire_restore(state)
    assert cond._is_owned()


def signature(thing):
    try:
        return str(inspect.signature(thing))
    except ValueError:
        return None


def test_signatures_are_those_of_threading(native, name):
    stock, ours = make(stock_of(name), name), make(native, name)
    wrong = []
    for each in documented(stock):
        if not callable(getattr(stock, each)):
            continue
        theirs = signature(getattr(stock, each))
        if theirs is not None and signature(getattr(ours, each)) != theirs:
            wrong.append((each, signature(getattr(ours, each)), theirs))
    assert wrong == []


def test_signatures_are_known_to_inspect(native, name):
    ours = make(native, name)
    unknown = [each for each in public(ours)
               if callable(getattr(ours, each))
               and signature(getattr(ours, each)) is None]
    assert unknown == []


def test_signature_of_the_type_is_that_of_threading(native, name):
    theirs = getattr(stock_of(name), name)
    expected = {signature(theirs) or '()'}
    if not isinstance(theirs, type):  # a function that takes what comes
        expected.add('()')
    assert signature(getattr(native, name)) in expected


def test_docstrings_are_those_of_threading(native, name):
    theirs, ours = type_of(stock_of(name), name), type_of(native, name)

    def doc(kind, each):
        return getattr(getattr(kind, each, None), '__doc__', None)

    wrong = [each for each in documented(theirs)
             if doc(theirs, each) and doc(ours, each) != doc(theirs, each)]
    assert wrong == []
    assert ours.__doc__ == theirs.__doc__


def test_names_are_those_of_threading(native, name):
    ours = getattr(native, name)
    assert ours.__name__ == ours.__qualname__ == name
    assert ours.__module__ == 'pyplusthread'


def test_properties_are_properties(impl):
    for each in 'parties', 'n_waiting', 'broken':
        assert not callable(inspect.getattr_static(impl.Barrier, each))
        assert inspect.isdatadescriptor(
            inspect.getattr_static(impl.Barrier, each))
