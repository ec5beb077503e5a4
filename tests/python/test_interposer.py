# SPDX-License-Identifier: MIT
"""Taking over the waiting for CPython's GIL: whatever else the process does.

test_priority.py has what it is for; this has what it must not disturb.
"""
import ctypes
import importlib.util
import os
import shutil
import socket
import sys
import threading
from pathlib import Path

import pytest

import pyplusthread
import sub_interpreters
from pyplusthread import gil_info, set_gil_priority
from support import LIMIT, Worker, in_child, join_all, needs_gil, python, until

pytestmark = needs_gil

ECHO = '''
import socket, threading, time

def compute(runs):
    while runs:
        pass

def echo(connection):
    while (data := connection.recv(1)):
        connection.send(data)

def beside_a_computing_thread(turns):
    """Two threads of sockets, which know nothing of the package."""
    here, there = socket.socketpair()
    runs = [True]
    threads = [threading.Thread(target=compute, args=(runs,)),
               threading.Thread(target=echo, args=(there,))]
    for thread in threads:
        thread.start()
    for _ in range(turns):
        here.send(b'1')
        assert here.recv(1) == b'1'
    here.close()
    runs.clear()
    for thread in threads:
        thread.join()
'''
exec(ECHO)


def requests():
    return gil_info()['requests']


def test_sockets_are_scheduled_without_the_types_of_the_package():
    before = requests()
    beside_a_computing_thread(200)
    assert requests() > before


# The functions that are replaced.

@pytest.mark.unsanitized  # ThreadSanitizer's own thread comes with the first
def test_import_leaves_no_thread_behind():
    assert python('''
import os, time
before = len(os.listdir('/proc/self/task'))
import pyplusthread
assert pyplusthread.gil_info()['priority']
end = time.monotonic() + 50
while len(os.listdir('/proc/self/task')) > before and time.monotonic() < end:
    pass  # a thread that was joined may still be in the kernel
print(len(os.listdir('/proc/self/task')) - before)
''').stdout == '0\n'


def test_import_in_a_thread_beside_computing_ones():
    """The rehearsal has other threads take the GIL in between."""
    assert python(ECHO + '''
import importlib

runs = [True]
crowd = [threading.Thread(target=compute, args=(runs,)) for _ in range(16)]
for thread in crowd:
    thread.start()
thread = threading.Thread(target=importlib.import_module,
                          args=('pyplusthread',))
thread.start()
thread.join()
runs.clear()
for thread in crowd:
    thread.join()
import pyplusthread
print(pyplusthread.gil_info()['reason'])
beside_a_computing_thread(100)
print(pyplusthread.gil_info()['requests'] > 0)
''').stdout == 'None\nTrue\n'


def test_second_copy_of_the_module(tmp_path):
    """Each replaces what the interpreter calls; one of them schedules."""
    source = Path(pyplusthread._core.__file__)
    copy = tmp_path / source.name
    shutil.copy(source, copy)
    assert python(ECHO + '''
import importlib.util, sys
import pyplusthread

spec = importlib.util.spec_from_file_location('pyplusthread._core',
                                              sys.argv[1])
second = importlib.util.module_from_spec(spec)
spec.loader.exec_module(second)
for module in pyplusthread, second, pyplusthread:
    for enabled in True, False, True:
        module.set_gil_priority(enabled)
        beside_a_computing_thread(50)
print('ok')
''', str(copy)).stdout == 'ok\n'


@pytest.mark.parametrize('bind', ['', '1'], ids=['lazy', 'now'])
def test_however_the_interpreter_was_bound(monkeypatch, bind):
    monkeypatch.setenv('LD_BIND_NOW', bind)
    assert python(ECHO + '''
import pyplusthread
beside_a_computing_thread(50)
print(pyplusthread.gil_info()['reason'])
''').stdout == 'None\n'


# Threads that Python has not started.

def test_foreign_threads_take_the_gil():
    """PyGILState_Ensure, in a thread that ends afterwards."""
    calls = []
    callback = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(
        lambda _: calls.append(threading.get_native_id()))
    libc = ctypes.CDLL(None)
    runs = [True]
    computing = Worker(compute, runs)
    try:
        for turn in range(50):
            thread = ctypes.c_ulong()
            assert libc.pthread_create(ctypes.byref(thread), None, callback,
                                       None) == 0
            assert libc.pthread_join(thread, None) == 0
            assert len(calls) == turn + 1
    finally:
        runs.clear()
        computing.join()


# Fork.

def echo_in_child():
    beside_a_computing_thread(20)
    assert gil_info()['priority']


@pytest.mark.unsanitized
@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_child_schedules_while_threads_of_the_parent_wait():
    runs = [True]
    crowd = [Worker(compute, runs) for _ in range(3)]
    here, there = socket.socketpair()
    echoing = Worker(echo, there)
    try:
        for _ in range(10):
            here.send(b'1')
            in_child(echo_in_child)
            assert here.recv(1) == b'1'
    finally:
        runs.clear()
        here.close()
        join_all([*crowd, echoing])


# On and off.

def test_threads_that_wait_go_on_when_it_is_turned_off():
    runs = [True]
    crowd = [Worker(compute, runs) for _ in range(4)]
    try:
        for turn in range(50):
            set_gil_priority(turn % 2)
            beside_a_computing_thread(2)
    finally:
        set_gil_priority()
        runs.clear()
        join_all(crowd)


def test_switch_interval_is_followed_at_run_time():
    interval = sys.getswitchinterval()
    runs = [True]
    crowd = [Worker(compute, runs) for _ in range(3)]
    try:
        for value in 0.001, 1e-6, 0.02, interval:
            sys.setswitchinterval(value)
            beside_a_computing_thread(20)
    finally:
        sys.setswitchinterval(interval)
        runs.clear()
        join_all(crowd)


# The end.

@pytest.mark.parametrize('way', ['', 'sys.exit(3)', 'os._exit(3)',
                                 'os.kill(os.getpid(), 15)'],
                         ids=['end', 'exit', '_exit', 'killed'])
def test_daemon_threads_that_wait_for_the_gil_let_the_process_end(way):
    for _ in range(5):
        done = python(ECHO + f'''
import os, sys
import pyplusthread

runs = [True]
here, there = socket.socketpair()
for target, argument in [(compute, runs)] * 3 + [(echo, there)]:
    threading.Thread(target=target, args=(argument,), daemon=True).start()
for _ in range(20):
    here.send(b'1')
    here.recv(1)
print('end', flush=True)
{way}
''', check=False)
        assert done.stdout == 'end\n'
        assert done.returncode == {'': 0, 'os': -15}.get(
            way[:2] if 'kill' in way else way, 3)
        assert done.stderr == ''


# CPython's own end of it: it cannot finish other interpreters that run.
LEFT = (-6, 'remaining subinterpreters') if sys.version_info < (3, 13) else (
    0, '')


@pytest.mark.unsanitized
@pytest.mark.skipif('shared' not in sub_interpreters.KINDS,
                    reason='this Python has no sub-interpreters')
@pytest.mark.skipif(sys.version_info >= (3, 14),
                    reason='other interpreters are ended first')
def test_threads_end_as_they_come_for_the_gil_while_others_wait():
    """Those of the other interpreters, too; the main thread goes on."""
    for _ in range(5):
        done = python(ECHO + '''
import os, sys
import pyplusthread, sub_interpreters

INSIDE = """
import os, pyplusthread, time
os.write({write}, b'1')
while True:
    sum(range({length}))
    time.sleep(0.0001)
"""

def nap():
    while True:
        time.sleep(0.0001)

# Up to 3.12 a thread that always computes there is asked by no other one.
def inside(length):
    sub_interpreters.execute(sub_interpreters.create('shared'),
                             INSIDE.format(write=write, length=length))

class Late:
    """All others end or wait by the time it goes."""
    def __del__(self, sleep=time.sleep, write=os.write):
        for _ in range(20):
            sleep(0.001)
        write(1, b'late\\n')

read, write = os.pipe()
for target, *arguments in [(compute, [True]), (compute, [True]), (nap,),
                           (nap,), (inside, 0), (inside, 100000)]:
    threading.Thread(target=target, args=arguments, daemon=True).start()
begun = 0
while begun < 2:
    begun += len(os.read(read, 2))
sys.modules['late'] = Late()
print('end', flush=True)
''', check=False)
        status, message = LEFT
        assert (done.returncode, done.stdout) == (status, 'end\nlate\n')
        assert message in done.stderr and bool(message) == bool(done.stderr)
