# SPDX-License-Identifier: MIT
"""The GILs that are scheduled: one record for each, and none too many.

From 3.12 on an interpreter may have a GIL of its own, which ends with it. Each
test is a program of its own: it counts the GILs of a whole process.
"""

import pytest

import pyplusthread
import sub_interpreters
from support import needs_gil, python
from test_interposer import ECHO

pytestmark = needs_gil

own_gils = pytest.mark.skipif('own' not in sub_interpreters.KINDS,
                              reason='all interpreters share one GIL')
slow = pytest.mark.slow
shared_gil = pytest.mark.skipif('shared' not in sub_interpreters.KINDS,
                                reason='this Python has no module for them')

HEAD = '''
import gc, importlib.util, sys, threading, weakref
import sub_interpreters

'''

PACKAGE = HEAD + '''
import pyplusthread
from pyplusthread import gil_info, set_gil_priority

'''

# The extension alone: what the package registers with os keeps both.
MODULE = HEAD + f'''
def load():
    spec = importlib.util.spec_from_file_location(
        '_core', {pyplusthread._core.__file__!r})
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

def forget():
    global module
    gone, module = weakref.ref(module), None
    gc.collect()
    assert gone() is None

module = load()
'''


def run(code, head=PACKAGE):
    return python(head + code).stdout


# The memory of a GIL that has gone may become another's: so that it does not,
# they are all there at first.

@own_gils
@pytest.mark.parametrize('rounds', [1, pytest.param(4, marks=slow)])
def test_record_ends_with_the_interpreter(rounds):
    assert run(f'''
for _ in range({rounds}):
    crowd = [sub_interpreters.create('own') for _ in range(30)]
    for interpreter in crowd:
        sub_interpreters.execute(interpreter, 'import pyplusthread')
        sub_interpreters.destroy(interpreter)
print(gil_info()['gils'])
''') == '2\n'


@own_gils
def test_there_are_as_many_records_as_gils_at_once():
    assert run('''
for turn in range(3):
    crowd = [sub_interpreters.create('own') for _ in range(5)]
    for interpreter in crowd:
        sub_interpreters.execute(interpreter, 'import pyplusthread')
    assert gil_info()['gils'] == 6
    for interpreter in crowd[::turn - 1 or 1]:
        sub_interpreters.destroy(interpreter)
''') == ''


@own_gils
def test_module_that_is_imported_again_is_one_more_user():
    """As long as one of the two is there."""
    assert run('''
interpreter = sub_interpreters.create('own')
sub_interpreters.execute(interpreter, """
import gc, sys
import pyplusthread._core as first
del sys.modules['pyplusthread._core']
import pyplusthread._core as second
assert first is not second
del first
gc.collect()
assert second.gil_info()['gils'] == 2
""")
other = sub_interpreters.create('own')
sub_interpreters.execute(other, 'import pyplusthread._core')
print(gil_info()['gils'])
for each in interpreter, other:
    sub_interpreters.destroy(each)
''') == '3\n'


@own_gils
def test_what_a_gil_has_counted_stays_when_it_has_gone():
    assert run('''
before = gil_info()['holds']
sub_interpreters.run("""
import time, pyplusthread
before = pyplusthread.gil_info()['holds']
for _ in range(1000):
    time.sleep(0)
assert pyplusthread.gil_info()['holds'] >= before + 1000
""", 'own')
print(gil_info()['holds'] >= before + 1000)
''') == 'True\n'


@own_gils
def test_gils_come_and_go_while_others_are_asked_for():
    """The list is read without a lock, and by all."""
    assert run('''
CODE = """
import threading, time, pyplusthread
def nap():
    for _ in range(10):
        time.sleep(0)
threads = [threading.Thread(target=nap) for _ in range(2)]
for thread in threads: thread.start()
pyplusthread.set_gil_priority(cpu_share=0.4)
for thread in threads: thread.join()
"""

def work():
    for _ in range(5):
        sub_interpreters.run(CODE, 'own')

threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
holds = 0
while any(thread.is_alive() for thread in threads):
    set_gil_priority(cpu_share=0.2)
    info = gil_info()
    assert info['holds'] >= holds
    holds = info['holds']
for thread in threads:
    thread.join()
print(gil_info()['gils'] <= 5)
''') == 'True\n'


@own_gils
def test_what_was_observed_of_a_gil_goes_with_it():
    assert run('''
sub_interpreters.run("""
import time, pyplusthread
pyplusthread.observe_gil()
for _ in range(10):
    time.sleep(0)
assert len(pyplusthread.gil_stats()['threads']) == 1
""", 'own')
sub_interpreters.run("""
import pyplusthread
stats = pyplusthread.gil_stats()
assert not stats['observing']
assert stats['threads'] == [], stats
assert stats['observed'] == 0, stats
""", 'own')
print(gil_info()['gils'])
''') == '2\n'


@shared_gil
def test_shared_gil_is_scheduled_until_the_last_interpreter_goes():
    assert run(ECHO + '''
for _ in range(3):
    sub_interpreters.run('import pyplusthread', 'shared')
before = gil_info()
beside_a_computing_thread(100)
after = gil_info()
print(after['gils'], after['requests'] > before['requests'])
''') == '1 True\n'


# The module goes, and the GIL stays.

def test_gil_is_not_scheduled_once_the_module_has_gone():
    assert run(ECHO + '''
before = module.gil_info()
forget()
beside_a_computing_thread(20)
module = load()
after = module.gil_info()
assert after['reason'] is None
assert after['holds'] - before['holds'] < 20
assert after['requests'] == before['requests']
beside_a_computing_thread(100)
print(module.gil_info()['requests'] > after['requests'])
''', MODULE) == 'True\n'


def test_gil_is_scheduled_until_the_last_module_goes():
    assert run(ECHO + '''
second = load()
before = second.gil_info()['requests']
forget()
beside_a_computing_thread(100)
print(second.gil_info()['requests'] > before)
''', MODULE) == 'True\n'


CROWD = ECHO + '''
runs = [True]
crowd = [threading.Thread(target=compute, args=(runs,)) for _ in range(2)]
for thread in crowd:
    thread.start()

def end_crowd():
    runs.clear()
    for thread in crowd:
        thread.join()

'''


def test_module_comes_and_goes_while_threads_wait_for_the_gil():
    assert run(CROWD + '''
for _ in range(5):
    beside_a_computing_thread(3)
    forget()
    beside_a_computing_thread(3)
    module = load()
    assert module.gil_info()['reason'] is None
end_crowd()
print(module.gil_info()['gils'])
''', MODULE) == '1\n'


def test_gil_is_scheduled_until_the_last_thread_has_come():
    """Those that wait as the module goes: no time slice of theirs ends."""
    assert run(CROWD + '''
beside_a_computing_thread(3)
sys.setswitchinterval(1000)
for _ in range(10):
    time.sleep(0.002)
holds = module.gil_info()['holds']
forget()
end_crowd()
for _ in range(10000):
    time.sleep(0)
module = load()
print(module.gil_info()['holds'] - holds < 10000)
''', MODULE) == 'True\n'


# A fork.  CPython itself fails in a child that has other interpreters yet.

@own_gils
@pytest.mark.unsanitized
def test_child_counts_from_0_what_other_gils_did_too():
    assert run(ECHO + '''
import os

sub_interpreters.run("""
import time, pyplusthread
for _ in range(10000):
    time.sleep(0)
""", 'own')
assert gil_info()['holds'] > 10000
child = os.fork()
if child == 0:
    assert gil_info()['holds'] < 10000
    sub_interpreters.run('import pyplusthread', 'own')
    beside_a_computing_thread(20)
    assert gil_info()['gils'] == 2
    os._exit(0)
print(os.waitpid(child, 0)[1])
''') == '0\n'
