# SPDX-License-Identifier: MIT
"""The end of the interpreter, with daemon threads still in their waits."""
import sys
import threading

import pytest

from blocking import CALLS
from support import python

pytestmark = pytest.mark.slow

PRELUDE = '''
import atexit, importlib, sys, threading, time
from blocking import CALLS
from support import Worker, until
impl = importlib.import_module(sys.argv[1])
'''

BLOCKED = PRELUDE + '''
calls = [CALLS[sys.argv[2]](impl) for _ in range(5)]
workers = [Worker(call.block, *map(float, sys.argv[3:])) for call in calls]
until(lambda: all(worker.asleep() for worker in workers))
'''

NOTIFIED = BLOCKED + '''
@atexit.register
def wake_and_leave():
    for call in calls:
        call.wake()
'''

TIMING_OUT = PRELUDE + '''
def block():
    while True:
        call.block(0.0001)
        if hasattr(call.thing, 'reset'):
            call.thing.reset()

calls = [CALLS[sys.argv[2]](impl) for _ in range(5)]
for call in calls:
    Worker(block)
time.sleep(0.05)
'''

# The objects die with the module while threads wait at them.
DYING = PRELUDE + '''
for _ in range(5):
    call = CALLS[sys.argv[2]](impl)
    worker = Worker(call.block)
    until(worker.asleep)
del call, worker
'''

HAMMERED = PRELUDE + '''
cond = impl.Condition(impl.Lock())
event, semaphore = impl.Event(), impl.Semaphore(1)
lock, rlock, barrier = impl.Lock(), impl.RLock(), impl.Barrier(2)

def notify():
    while True:
        with cond:
            cond.notify_all()
        event.set()
        with lock, rlock:
            semaphore.release()

def wait():
    while True:
        with cond:
            cond.wait()
        event.wait()
        event.clear()
        semaphore.acquire()
        barrier.wait()

for function in [notify, wait] * 4:
    Worker(function)
time.sleep(0.05)
'''


@pytest.mark.parametrize('name', CALLS)
def test_daemon_threads_that_wait_do_not_disturb(impl, name):
    python(BLOCKED, impl.__name__, name)


@pytest.mark.parametrize('name', CALLS)
def test_daemon_threads_with_a_timeout_do_not_disturb(impl, name):
    python(BLOCKED, impl.__name__, name, '60')


@pytest.mark.parametrize('name', [name for name in CALLS
                                  if name != 'Barrier.wait'])
def test_daemon_threads_may_be_woken_by_an_exit_function(impl, name):
    python(NOTIFIED, impl.__name__, name)


@pytest.mark.parametrize('name', CALLS)
def test_waits_may_time_out_while_the_interpreter_ends(impl, name):
    for _ in range(3):
        python(TIMING_OUT, impl.__name__, name)


@pytest.mark.parametrize('name', CALLS)
def test_objects_may_die_before_those_who_wait_at_them(impl, name):
    python(DYING, impl.__name__, name)


def test_threads_may_wait_and_notify_while_the_interpreter_ends(impl):
    for _ in range(5):
        python(HAMMERED, impl.__name__)


JOINED = PRELUDE + '''
call = CALLS[sys.argv[2]](impl)
thread = threading.Thread(target=call.block)
thread.start()
Worker(lambda: (until(lambda: not threading.main_thread().is_alive()),
                call.wake()))
'''


@pytest.mark.parametrize('name', CALLS)
def test_interpreter_waits_for_threads_that_are_no_daemons(impl, name):
    python(JOINED, impl.__name__, name)


AT_EXIT = PRELUDE + '''
calls = [call(impl) for call in CALLS.values()]

@atexit.register
def use():
    for call in calls:
        assert call.block(0.001) is False
    with impl.Lock(), impl.RLock(), impl.Condition(), impl.Semaphore():
        pass

class Late:
    def __del__(self, impl=impl):
        with impl.Condition() as _, impl.Lock(), impl.RLock():
            impl.Event().set()

late = Late()
late.itself = late
sys.modules['late'] = late
'''


def test_objects_may_be_used_in_exit_functions_and_finalisers(impl):
    python(AT_EXIT, impl.__name__)


# A condition that the collector frees after the module's own state.
LAST = '''
import importlib, sys
impl = importlib.import_module(sys.argv[1])

class Last:
    pass

last = Last()
last.itself = last
last.cond = impl.Condition()
impl.Condition.last = last
'''


def test_condition_may_be_freed_after_all_else(impl):
    python(LAST, impl.__name__)


# Daemon threads stand still by the time a cycle is collected.
TOO_LATE = PRELUDE + '''
call = CALLS[sys.argv[2]](impl)

class Late:
    def __init__(self):
        self.itself = self

    def __del__(self):
        for timeout in [], [60]:
            try:
                call.block(*timeout)
            except PythonFinalizationError:
                print('refused')
        assert call.block(0) is False

Late()
'''


@pytest.mark.skipif(sys.version_info < (3, 15), reason='it waits for ever')
@pytest.mark.parametrize('name', CALLS)
def test_wait_is_refused_when_nobody_could_end_it(impl, name):
    if (impl, name) == (threading, 'SimpleQueue.get'):
        pytest.skip('stock: it waits for ever')
    done = python(TOO_LATE, impl.__name__, name)
    assert done.stdout.split() == ['refused'] * 2
