# SPDX-License-Identifier: MIT
"""What programs ask a lock, to know whether it is one of C."""
import copy
import pickle
import re
import threading

import pytest

from support import make, type_of

STOCK = {name: type_of(threading, name) for name in ('Lock', 'RLock')}


@pytest.fixture(params=STOCK)
def name(request):
    return request.param


def text_of_error(function, *args):
    with pytest.raises((TypeError, pickle.PicklingError)) as caught:
        function(*args)
    return str(caught.value)


def test_class_of_a_lock_is_that_of_threading(impl, name):
    assert make(impl, name).__class__ is STOCK[name]
    assert make(impl, name).__class__.__module__ == '_thread'  # as trio asks


def test_lock_is_an_instance_of_both_types(native, name):
    lock = make(native, name)
    assert isinstance(lock, STOCK[name])
    assert type(lock) is getattr(native, name)
    assert isinstance(lock, getattr(native, name))


def test_subclass_has_a_class_of_its_own_that_can_be_set(impl):
    class One(type_of(impl, 'RLock')):
        pass

    class Two(type_of(impl, 'RLock')):
        pass

    lock = One()
    assert lock.__class__ is type(lock) is One
    lock.__class__ = Two
    assert lock.__class__ is type(lock) is Two


def test_class_of_a_lock_cannot_be_set(impl, name):
    with pytest.raises(TypeError):
        make(impl, name).__class__ = int
    with pytest.raises(TypeError):
        del make(impl, name).__class__


def test_texts_of_a_lock_are_those_of_threading(native, name):
    def texts(lock):
        yield re.sub('0x[0-9a-f]+', '', repr(lock))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            yield text_of_error(pickle.dumps, lock, protocol)
        yield text_of_error(copy.copy, lock)
        yield text_of_error(copy.deepcopy, [lock])

    assert [*texts(make(native, name))] == [*texts(make(threading, name))]


def test_type_of_a_lock_is_pickled_by_its_name(impl, name):
    type_or_function = getattr(impl, name)
    assert pickle.loads(pickle.dumps(type_or_function)) is type_or_function
