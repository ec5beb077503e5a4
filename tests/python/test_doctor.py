# SPDX-License-Identifier: MIT
"""--doctor: programs that are ill by construction, and one that is not.

A diagnosis is asked for until the program has shown its illness, since how
much of the machine a test gets is not known: the programs run until the
witness has seen what they do.
"""
import re
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from pyplusthread import _core, _doctor, _stats
from support import LIMIT, in_child, needs_gil

pytestmark = [
    pytest.mark.unsanitized,
    needs_gil,
]

# until_seen(kind, line) runs on until the witness has seen that line so.
PRELUDE = '''
import ctypes, gc, os, sys, threading, time
from pyplusthread import _doctor

usleep = ctypes.PyDLL(None).usleep      # it keeps the GIL
runs = [True]

witness_itself, = [thing for thing in gc.get_objects()
                   if type(thing) is _doctor.Witness]

def witness():
    return witness_itself

def seen(kind, function):
    return sum(place.count
               for (_, stack), place in list(getattr(witness(), kind).items())
               if stack[0][2] == function)

def until(condition):
    end = time.monotonic() + 50
    while not condition() and time.monotonic() < end:
        time.sleep(0.001)
    runs.clear()

def start(function):
    threading.Thread(target=function, name=function.__name__).start()
'''


def diagnosis(program, *options):
    done = subprocess.run(
        [sys.executable, '-m', 'pyplusthread', '--doctor', *options, '-c',
         PRELUDE + program], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=LIMIT)
    assert done.returncode == 0, done.stderr
    assert 'Traceback' not in done.stderr
    return done.stderr


def test_call_of_c_that_keeps_the_gil_is_named_with_its_line():
    text = diagnosis('''
def keep_it():
    while runs:
        usleep(20000)

start(keep_it)
until(lambda: seen('late', 'keep_it') >= 3)
''')
    assert 'C code kept the GIL although others asked for it' in text
    assert 'the scheduler does not help' in text
    assert re.search(r'<string>:\d+ in keep_it\n +usleep\(20000\)', text)


def test_thread_that_computes_is_named_with_its_line():
    text = diagnosis('''
def compute():
    while runs:
        sum(range(100))

start(compute)
until(lambda: seen('prompt', 'compute') >= 5 and not witness()._tries)
''')
    assert "Thread 'compute' computes in bytecode" in text
    assert re.search(r'<string>:\d+ in compute\n', text)
    assert re.search(r'priority .* was off, for comparison: 99 % of their '
                     r'waits took up to .*; with it, up to .* It is on '
                     r'again\.', text)


def test_priority_is_as_before():
    assert 'True 0.4' in diagnosis('''
import pyplusthread
until(lambda: not witness()._tries)
info = pyplusthread.gil_info()
print(info['priority'], info['cpu_share'], file=sys.stderr)
''', '--gil-priority', '0.4')
    assert 'False' in diagnosis('''
import pyplusthread
assert not witness()._tries
print(pyplusthread.gil_info()['priority'], file=sys.stderr)
''', '--gil-priority', 'off')


def test_priority_that_the_program_turns_off_stays_off():
    assert 'False' in diagnosis('''
import pyplusthread
pyplusthread.set_gil_priority(False)
until(lambda: not witness()._tries)
print(pyplusthread.gil_info()['priority'], file=sys.stderr)
''')


def _is_not_paused():
    assert not _core._gil_pause(False)


@pytest.mark.filterwarnings('ignore::DeprecationWarning')  # pytest's threads
def test_child_of_a_fork_has_the_priority_that_the_parent_pauses():
    _core._gil_pause(True)
    try:
        in_child(_is_not_paused)
    finally:
        assert _core._gil_pause(False)
    _is_not_paused()


def made_up(*threads, witness=None, **numbers):
    """A diagnosis of threads with these numbers, observed for a second."""
    tallies = {serial: _stats._nothing() | numbers
               for serial in threads or [1]}
    snapshot = SimpleNamespace(
        numbers={'observed': 1.0}, total=_stats._sum(tallies.values()),
        tallies=tallies, threads=dict.fromkeys(tallies, (1, 1, 0, 1, None)),
        name='thread {}'.format)
    return _doctor.Diagnosis(snapshot, witness or _doctor.Witness())


def all_of(*lengths):
    histogram = _stats.Histogram()
    for length in lengths:
        histogram._add(round(length * 1e9))
    return histogram


def test_many_short_releases_are_named_where_the_thread_waits():
    holds = {'voluntary': 10000, 'hold': all_of(*[5e-6] * 10000)}
    text, _ = made_up(1, 2, waited=0.1, delayed=0.1, **holds).all()
    assert re.search(r"Thread 'thread 1' lets go of the GIL 10000 times in a "
                     r'second.* waited 100 ms', text)
    assert not list(made_up(1, 2, waited=0.001, delayed=0.1, **holds).all())


def test_many_short_releases_are_well_where_no_other_thread_delays():
    """What the thread waits is the doctor's, or has the machine to blame."""
    holds = {'voluntary': 10000, 'hold': all_of(*[5e-6] * 10000)}
    assert not list(made_up(waited=0.1, delayed=0.1, **holds).all())
    assert not list(made_up(1, 2, waited=0.1, **holds).all())


def test_thread_that_waits_for_nobody_but_the_doctor_is_well():
    text = diagnosis('''
reader, writer = os.pipe()
for _ in range(100000):
    os.write(writer, b'1')
    os.read(reader, 1)
''')
    assert 'Nothing is wrong' in text


def test_what_the_doctor_waits_is_charged_to_nobody():
    diagnosis('''
import pyplusthread
pyplusthread.reset_gil_stats()

def of(ident):
    return next((each for each in pyplusthread.gil_stats()['threads']
                 if each['ident'] == ident), {'waited': 0})

while of(witness().ident)['waited'] < 0.01:
    sum(range(10**6))
stats = pyplusthread.gil_stats()
main = of(threading.main_thread().ident)
assert main['forced'] and not main['delayed'], main
assert not main['requests_suffered'] and not main['response'].count, main
assert not stats['requests_made'], stats
''')


def test_program_that_is_well_is_told_so():
    assert 'Nothing is wrong' in diagnosis('time.sleep(0.2)\n')


def test_child_of_a_fork_has_no_doctor():
    text = diagnosis('''
if os.fork() == 0:
    sys.exit(0)
os.wait()
''')
    assert text.count('the doctor on') == 1


def test_thread_of_the_doctor_is_no_thread_of_the_program():
    text = diagnosis('''
until(lambda: witness().ident in sys._current_frames())
print(threading.active_count(), threading.enumerate(), file=sys.stderr)
''', '--gil-report')
    assert "1 [<_MainThread(MainThread, started" in text
    assert 'pyplusthread doctor' in text


MS = 1_000_000


def look(witness, serial, response, on_cpu=0, slept=False):
    """The witness sees that thread at this line."""
    witness._look(5 * MS, serial, threading.get_ident(), response, response,
                  on_cpu, slept, True)


def computing(*responses):
    """The numbers of a thread that computes, with these responses."""
    return {'delayed': 0.5, 'cpu_bound_hold': all_of(0.5),
            'response': all_of(*responses)}


def test_thread_in_long_calls_of_c_does_not_compute_in_bytecode():
    text = '\n'.join(made_up(**computing(*[0.04] * 20, *[0.001] * 10)).all())
    assert 'C code kept the GIL' in text and 'computes' not in text
    text = '\n'.join(made_up(**computing(*[0.04] * 10, *[1e-6] * 20)).all())
    assert 'C code kept the GIL' in text and 'computes in bytecode:' in text


def test_thread_in_short_calls_of_c_may_not_compute_in_bytecode():
    text, _ = made_up(**computing(*[0.001] * 10)).all()
    assert 'computes in bytecode, or in calls of C that end before' in text


def test_each_of_equal_threads_has_its_own_lines():
    witness = _doctor.Witness()
    for serial in 1, 1, 1, 2:
        look(witness, serial, 1000)
    first, second, _ = made_up(1, 2, witness=witness,
                               **computing(*[1e-6] * 10)).all()
    assert 'Seen 3 times' in first and 'Seen 1 times' in second


def test_many_threads_do_not_fill_the_memory():
    witness = _doctor.Witness()
    for serial in range(1, 2 * _doctor.MANY):
        look(witness, serial, 1000)
    assert len(witness.prompt) == _doctor.MANY + 1
    place, = _doctor._by_stack(witness.prompt).values()
    assert place.count == 2 * _doctor.MANY - 1


@pytest.mark.parametrize('on_cpu, slept, busy', [
    (0, False, True), (15 * MS, False, True), (30 * MS, False, False),
    (0, True, False), (-1, False, False)])
def test_busy_machine_is_not_called_c_code(on_cpu, slept, busy):
    witness = _doctor.Witness()
    look(witness, 1, 100 * MS, on_cpu, slept)
    text = '\n'.join(made_up(witness=witness, **computing(
        *[0.1] * 10, *[1e-6] * 5)).all())
    assert ('The machine was busy' in text) is busy
    assert ('C code kept the GIL' in text) is not busy
    assert ("'thread 1' computes" in text) is busy


def test_thread_that_only_computes_has_not_slept():
    diagnosis('''
witness()._look = lambda *args: looks.append(args)
looks = []

def compute():
    while runs:
        pass

def has_computed():
    return any(not slept for *_, slept, unchanged in looks)

start(compute)
until(has_computed)
assert has_computed(), looks
''')


def test_call_of_c_that_sleeps_with_the_gil_has_slept():
    diagnosis('''
witness()._look = lambda *args: looks.append(args)
looks = []

def keep_it():
    while runs:
        usleep(20000)

def has_slept():
    return any(slept for *_, slept, unchanged in looks)

start(keep_it)
until(has_slept)
assert has_slept(), looks
''')
