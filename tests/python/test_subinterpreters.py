# SPDX-License-Identifier: MIT
"""Sub-interpreters, with a GIL of their own where Python can.

Each test is a program of its own: what happens at its end is part of it.
"""
import sys

import pytest

from support import python

CREATE = '''
import importlib, sys, threading

def module():
    for name in '_interpreters', '_xxsubinterpreters':
        try:
            return importlib.import_module(name)
        except ImportError:
            pass
    print('no sub-interpreters')
    sys.exit()

interpreters = module()

# Before 3.12 an isolated one has no threads, and none has its own GIL.
OPTIONS = {'isolated': False} if sys.version_info < (3, 12) else {}

def run(code):
    """Run it in an interpreter of its own."""
    interpreter = interpreters.create(**OPTIONS)
    try:
        error = interpreters.run_string(interpreter, code)
        assert error is None, error
    finally:
        interpreters.destroy(interpreter)

'''

USE = '''
import importlib, threading
impl = importlib.import_module({impl!r})

lock, rlock = impl.Lock(), impl.RLock()
with lock, rlock, rlock:
    assert not lock.acquire(timeout=0.001)

cond = impl.Condition(impl.Lock())
done = []

def wait():
    with cond:
        done.append(cond.wait())

threads = [threading.Thread(target=wait) for _ in range(3)]
for thread in threads:
    thread.start()
while len(cond._waiters) < 3:
    pass
with cond:
    cond.notify(2)
while len(done) < 2:
    pass
with cond:
    cond.notify_all()
for thread in threads:
    thread.join()
assert done == [True] * 3, done

event = impl.Event()
thread = threading.Thread(target=event.wait)
thread.start()
event.set()
thread.join()

semaphore = impl.BoundedSemaphore(2)
with semaphore, semaphore:
    assert not semaphore.acquire(False)
try:
    semaphore.release()
except ValueError:
    pass
else:
    raise AssertionError

barrier = impl.Barrier(2)
thread = threading.Thread(target=barrier.wait)
thread.start()
barrier.wait()
thread.join()
try:
    barrier.wait(0)
except impl.BrokenBarrierError:
    pass
'''


def program(code, impl, **names):
    names['use'] = USE.format(impl=impl.__name__)
    return CREATE + ''.join(
        f'{name} = {value!r}\n' for name, value in names.items()) + code


def run(code, impl, **names):
    done = python(program(code, impl, **names))
    if 'no sub-interpreters' in done.stdout:
        pytest.skip('this Python has no module for them')


def test_types_work_in_a_sub_interpreter(impl):
    run('run(use)', impl)


def test_types_work_in_the_main_interpreter_and_then_in_another(impl):
    run('exec(use); run(use); exec(use)', impl)


def test_types_work_in_one_interpreter_after_another(impl):
    run('for _ in range(5): run(use)', impl)


def test_types_work_in_several_interpreters_at_once(impl):
    run('''
threads = [threading.Thread(target=run, args=(use,)) for _ in range(4)]
for thread in threads: thread.start()
exec(use)
for thread in threads: thread.join()
''', impl)


def test_types_of_each_interpreter_are_its_own(native):
    run('''
import os
exec(use)
read, write = os.pipe()
run(use + f"""
import os
os.write({write}, str(id(impl.Condition)).encode())
""")
assert int(os.read(read, 99)) != id(impl.Condition)
''', native)


def test_objects_may_be_left_behind_in_an_interpreter(impl):
    run('''
run(use + "cond.cycle = cond; event.cycle = event; keep = impl.Lock()")
run("import importlib; impl = importlib.import_module('%s')" % name)
''', impl, name=impl.__name__)


def test_patch_is_that_of_one_interpreter(native):
    run('''
import threading, pyplusthread
run("import pyplusthread; pyplusthread.patch()")
assert not pyplusthread.is_patched('Lock')
pyplusthread.patch()
run("import pyplusthread; assert not pyplusthread.is_patched('Lock')")
''', native)


@pytest.mark.skipif(sys.version_info < (3, 12),
                    reason='interpreters share the GIL before 3.12')
def test_module_may_be_imported_where_the_gil_is_its_own(native):
    """An extension without support for it could not be imported."""
    run('run("import pyplusthread._core")', native)
