# SPDX-License-Identifier: MIT
"""Packages that look into threads and locks: dill, gevent, eventlet.

The tests that need one of them run where it is installed, as packages.py does.
"""
import copyreg
import io
import pickle
import subprocess
import sys
import threading

import pytest

import pyplusthread
from support import NAMES, make

@pytest.fixture
def patched():
    with pyplusthread.patched():
        yield


def python(source, *options):
    """What a program puts out."""
    done = subprocess.run([sys.executable, *options, '-c', source],
                          stdout=subprocess.PIPE, text=True, timeout=120,
                          check=True)
    return done.stdout.split()


# dill

def dill_it(thing):
    dill = pytest.importorskip('dill')
    return dill.loads(dill.dumps(thing))


def test_dill_pickles_all_types(patched):
    for name in NAMES:
        things = {'it': make(threading, name)}
        assert type(dill_it(things)['it']) is type(things['it'])


def test_dill_keeps_the_state(patched):
    lock, rlock = threading.Lock(), threading.RLock()
    event, semaphore = threading.Event(), threading.BoundedSemaphore(3)
    barrier = threading.Barrier(2, timeout=5)
    for lock_of_two in lock, rlock:
        assert not dill_it(lock_of_two).locked()
    lock.acquire()
    rlock.acquire()
    rlock.acquire()
    event.set()
    semaphore.acquire()
    barrier.abort()
    assert dill_it(lock).locked()
    assert dill_it(rlock)._recursion_count() == 2
    assert dill_it(event).is_set()
    assert dill_it(semaphore)._value == 2
    assert dill_it(semaphore)._initial_value == 3
    assert dill_it(barrier).broken


def test_dill_keeps_attributes_and_what_is_shared(patched):
    lock = threading.Lock()
    condition = threading.Condition(lock)
    condition.colour = 'red'
    copied, of_condition = dill_it([lock, condition])
    assert of_condition.colour == 'red'
    with copied:
        assert of_condition.locked()


def test_order_of_patch_and_dill_does_not_matter():
    pytest.importorskip('dill')
    use = 'print(type(dill.loads(dill.dumps(threading.Lock()))).__module__)'
    for order in ('import threading, pyplusthread; pyplusthread.patch();'
                  'import dill;',
                  'import threading, pyplusthread, dill;'
                  'pyplusthread.patch();'):
        assert python(order + use) == ['pyplusthread']


def test_other_picklers_still_refuse(patched):
    for name in NAMES:
        for kind in pickle.Pickler, pickle._Pickler:
            with pytest.raises(TypeError):
                kind(io.BytesIO()).dump(make(threading, name))


def test_what_a_program_has_registered_is_used(patched):
    lock = threading.Lock()
    file = io.BytesIO()
    pickler = pickle._Pickler(file)
    pickler.dispatch_table = {type(lock): lambda _: (str, ('a lock',))}
    pickler.dump(lock)
    assert pickle.loads(file.getvalue()) == 'a lock'
    copyreg.pickle(type(lock), lambda _: (str, ('a lock',)))
    try:
        file = io.BytesIO()
        pickle._Pickler(file).dump(lock)
        assert pickle.loads(file.getvalue()) == 'a lock'
    finally:
        del copyreg.dispatch_table[type(lock)]


# gevent and eventlet

REFUSED = '''
import threading, pyplusthread
try:
    pyplusthread.patch()
except RuntimeError as error:
    print(type(error).__name__)
print(pyplusthread.is_patched('Lock'))
thread = threading.Thread(target=print, args=['ran'])
thread.start()
thread.join()
'''


def test_patch_is_refused_where_threads_are_green(monkeypatch):
    monkeypatch.setattr(threading, 'get_ident', lambda: 1)
    with pytest.raises(RuntimeError, match='green'):
        pyplusthread.patch()
    assert not any(map(pyplusthread.is_patched, NAMES))


def test_patch_after_gevent_is_refused():
    pytest.importorskip('gevent')
    assert python('from gevent import monkey; monkey.patch_all()' + REFUSED
                  ) == ['RuntimeError', 'False', 'ran']


def test_patch_after_eventlet_is_refused():
    pytest.importorskip('eventlet')
    assert python('import eventlet; eventlet.monkey_patch()' + REFUSED,
                  '-Wignore') == ['RuntimeError', 'False', 'ran']


def test_gevent_finds_stock_types_although_patched_before():
    pytest.importorskip('gevent')
    assert python('''
import threading, pyplusthread
pyplusthread.patch()
native = threading.RLock(), threading.Event()
from gevent import monkey
monkey.patch_all()
print(any(map(pyplusthread.is_patched, ['Lock', 'RLock', 'Condition'])))
import queue
box = queue.Queue()
thread = threading.Thread(target=box.put, args=['ran'])
thread.start()
print(box.get())
thread.join()
with native[0]:
    print(native[1].is_set())
''') == ['False', 'ran', 'False']


def test_handlers_run_in_native_waits_under_gevent():
    pytest.importorskip('gevent')
    assert python('''
from gevent import monkey
monkey.patch_all()
import pyplusthread, signal

class Alarm(Exception):
    pass

def handler(*args):
    raise Alarm

monkey.get_original('signal', 'signal')(signal.SIGALRM, handler)
lock = pyplusthread.Lock()
lock.acquire()
signal.setitimer(signal.ITIMER_REAL, 0.1)
try:
    lock.acquire(timeout=60)
except Alarm:
    print('handled')
''') == ['handled']
