# SPDX-License-Identifier: MIT
"""lock_stats: which locks threads wait for, how often and how long."""
import inspect
import random
import subprocess
import sys
import time

import pytest

import pyplusthread
from pyplusthread import (Condition, Event, Lock, Queue, RLock, _locks,
                          lock_stats, observe_locks)
from pyplusthread._stats import Histogram
from support import (LIMIT, NO_GIL, Owner, Worker, in_child, join_all, until,
                     waiters)


@pytest.fixture(autouse=True)
def on():
    observe_locks(False)
    observe_locks()
    yield
    observe_locks(False)


def of(lock):
    """What there is of the lock."""
    address = f'{id(lock):#x}>'
    found = [each for each in lock_stats() if each['name'].endswith(address)]
    assert len(found) <= 1
    return found[0] if found else None


def take(lock, seconds=0.0):
    with lock:
        time.sleep(seconds)


def contend(lock, waiting=1, seconds=0.0):
    """So many threads wait for the lock, and then have it one by one."""
    owner = Owner(lock)
    workers = []
    for _ in range(waiting):
        workers.append(Worker(take, lock, seconds))
        until(workers[-1].asleep)
    owner.let_go()
    join_all(workers)


@pytest.mark.parametrize('type', [Lock, RLock])
def test_lock_that_was_waited_for_is_named(type):
    lock = type()
    before = time.monotonic()
    contend(lock)
    elapsed = time.monotonic() - before
    found = of(lock)
    address = repr(lock).rpartition(' at ')[2]
    kind = repr(lock).split()[1]
    assert found['name'] == f'<{kind} object at {address}'
    assert __file__ in found['place'] and found['place'].endswith(' in take')
    line = inspect.getsourcelines(take)[1] + 1
    assert f'test_locks.py:{line} ' in found['place']
    assert (found['waits'], found['queued'], found['locks'],
            found['gone']) == (1, 0, 1, False)
    assert 0.009 <= found['waited'] <= elapsed  # it was seen to be asleep
    assert found['wait'].sum == found['waited']
    assert found['hold'].count == 0


@pytest.mark.parametrize('type', [Lock, RLock])
def test_those_that_leave_others_behind(type):
    """Of three in turn, two find others queued, and hold it meanwhile."""
    lock = type()
    contend(lock, waiting=3, seconds=0.01)
    found = of(lock)
    assert found['waits'] >= 3
    assert found['hold'].count == found['queued'] >= 2
    assert found['hold'].sum >= 0.01 * found['queued']
    assert found['wait'].max >= 0.02


def test_what_nobody_waits_for_is_not_there():
    lock = Lock()
    for _ in range(3):
        take(lock)
    lock.acquire()
    assert not lock.acquire(False)
    lock.release()
    assert of(lock) is None


def test_wait_in_vain_counts():
    lock = Lock()
    lock.acquire()
    before = time.monotonic()
    assert not lock.acquire(timeout=0.01)
    assert of(lock)['waits'] == 1
    assert 0 < of(lock)['waited'] <= time.monotonic() - before
    lock.release()


def test_conditions_wait_ends_a_hold():
    lock = Lock()
    condition = Condition(lock)
    before = time.monotonic()

    def wait():
        with condition:
            condition.wait(LIMIT)

    owner = Owner(lock)
    workers = [Worker(wait)]
    until(workers[0].asleep)
    workers.append(Worker(take, lock))
    until(workers[1].asleep)
    owner.let_go()
    until(lambda: waiters(condition))
    workers[1].join()
    assert of(lock)['hold'].count == of(lock)['queued'] >= 1
    time.sleep(0.05)
    with condition:
        condition.notify()
    workers[0].join()
    assert of(lock)['hold'].sum < time.monotonic() - before - 0.05


@pytest.mark.parametrize('make, use, lock_of', [
    (Queue, lambda queue: queue.put(1), lambda queue: queue.mutex),
    (Event, lambda event: event.set(), lambda event: event._cond._lock),
    (Condition, take, lambda condition: condition._lock),
], ids=['queue', 'event', 'condition'])
def test_locks_inside_count(make, use, lock_of):
    thing = make()
    owner = Owner(lock_of(thing))
    worker = Worker(use, thing)
    until(worker.asleep)
    owner.let_go()
    worker.join()
    assert of(lock_of(thing))['waits'] == 1


def test_lock_that_is_gone():
    lock = Lock()
    contend(lock)
    address = id(lock)
    del lock
    found, = lock_stats()
    assert found['gone'] and found['place'] and found['locks'] == 1
    assert f'{address:#x}' not in found['name']
    others = [Lock() for _ in range(50)]
    assert all(of(other) is None for other in others)


def test_lock_that_is_gone_after_the_counting():
    lock = Lock()
    contend(lock)
    observe_locks(False)
    del lock
    found, = lock_stats()
    assert found['gone'] and found['place']
    assert all(of(other) is None for other in [Lock() for _ in range(50)])


def vainly(lock):
    with lock:
        assert not lock.acquire(timeout=1e-6)


def vainly_reentrant(lock):
    owner = Owner(lock)
    assert not lock.acquire(timeout=1e-6)
    owner.let_go()


def test_many_locks_that_are_gone_are_summed_up():
    for _ in range(700):
        vainly(Lock())
    stats = lock_stats()
    assert len(stats) == 257
    assert sum(each['locks'] for each in stats) == 700
    assert sum(each['waits'] for each in stats) == 700
    others, = [each for each in stats if each['locks'] > 1]
    assert (others['name'], others['place']) == ('other locks', None)


def test_more_locks_than_there_is_room_for():
    locks = [Lock() for _ in range(300)]
    for _ in range(2):
        for lock in locks:
            vainly(lock)
    stats = lock_stats()
    assert sum(each['waits'] for each in stats) == 600
    assert len(stats) == 257
    assert sum(each['locks'] for each in stats) == 256
    locks.clear()
    lock = Lock()
    vainly(lock)
    assert of(lock)['waits'] == 1


def test_on_off_and_from_0():
    lock = Lock()
    vainly(lock)
    observe_locks()
    assert of(lock)['waits'] == 1
    observe_locks(False)
    vainly(lock)
    assert of(lock)['waits'] == 1
    observe_locks()
    assert lock_stats() == []


def test_another_user_neither_ends_nor_begins_it_anew():
    lock = Lock()
    vainly(lock)
    since = _locks._since
    _locks._begin()
    observe_locks(False)
    observe_locks()
    assert _locks._since == since
    observe_locks(False)
    vainly(lock)
    assert of(lock)['waits'] == 2
    _locks._end()
    vainly(lock)
    assert of(lock)['waits'] == 2


@pytest.mark.parametrize('name', ['\u0416' * 20, 'a' + '\u0416' * 20,
                                  '\U0001f512' * 9, 'x' * 40])
def test_long_name_of_a_type_is_cut_between_two_characters(name):
    lock = type(name, (RLock,), {})()
    vainly_reentrant(lock)
    found = of(lock)['name'].removeprefix('<').partition(' object')[0]
    assert name.startswith(found) and 28 <= len(found.encode()) <= 31


def test_exception_that_is_set_stays():
    """A lock is waited for while an exception is being handled."""
    class Waits:
        def __del__(self):
            vainly(Lock())

    with pytest.raises(KeyError):
        waits = [Waits()]
        raise KeyError(waits.pop() and 1)
    assert len(lock_stats()) == 1


@pytest.mark.unsanitized
@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_child_of_a_fork_counts_from_0():
    lock = Lock()
    vainly(lock)

    def check():
        assert lock_stats() == []
        vainly(lock)
        assert of(lock)['waits'] == 1

    in_child(check)
    assert of(lock)['waits'] == 1


def test_holds_add_up_to_no_more_than_what_has_passed():
    """Whatever threads do with it."""
    lock, plain = RLock(), Lock()
    condition = Condition(plain)
    end = time.monotonic() + 0.5
    begin = time.monotonic()

    def work(seed):
        choose = random.Random(seed)
        while time.monotonic() < end:
            for each in lock, plain:
                if each.acquire(timeout=choose.choice([-1, 0.001])):
                    time.sleep(choose.choice([0, 0, 0.0005]))
                    if each is plain and choose.random() < 0.3:
                        condition.wait(choose.choice([0, 0.0005]))
                    each.release()
            with condition:
                condition.notify_all()

    join_all([Worker(work, seed) for seed in range(8)])
    elapsed = time.monotonic() - begin
    for each in lock, plain:
        found = of(each)
        assert found['hold'].sum <= elapsed
        assert found['hold'].count <= found['queued'] <= found['waits']
        assert found['wait'].max <= elapsed


@pytest.mark.parametrize('function, signature, words', [
    (lock_stats, '()', ['observe_locks', 'name', 'place', 'gone', 'locks',
                        'waits', 'waited', 'wait', 'queued', 'hold']),
    (observe_locks, '(enabled=True)', ['lock_stats'])])
def test_signature_and_docstring(function, signature, words):
    assert str(inspect.signature(function)) == signature
    assert function.__name__ in pyplusthread.__all__
    for word in words:
        assert word in function.__doc__


# What the doctor says.

def record(waits, wait, queued, hold):
    def histogram(count, length):
        made = Histogram()
        for _ in range(count):
            made._add(round(length * 1e9))
        return made
    return {'name': '<lock>', 'place': 'file.py:1 in f', 'waits': waits,
            'waited': waits * wait, 'wait': histogram(waits, wait),
            'queued': queued, 'hold': histogram(queued, hold)}


@pytest.mark.parametrize('found, words', [
    (record(5000, 1e-4, 4000, 1e-5), 'lock convoy'),
    (record(5000, 1e-4, 1000, 1e-5), None),     # hardly anybody queues
    (record(100, 1e-2, 100, 1e-5), None),       # threads take it in between
    (record(100, 1e-2, 100, 5e-3), 'Do less while it is held'),
    (record(100, 1e-5, 100, 5e-3), None),       # it does not matter
])
def test_advice(monkeypatch, found, words):
    monkeypatch.setattr(_locks, 'lock_stats', lambda: [found])
    monkeypatch.setattr(_locks, '_since', time.monotonic() - 1)
    said = list(_locks.advice())
    assert bool(said) == bool(words)
    if words:
        assert words in said[0] and '<lock>, first at file.py:1' in said[0]


PROGRAM = '''
import threading, time

lock = threading.Lock()

def hold():
    for _ in range(20):
        with lock:
            time.sleep(0.005)

threads = [threading.Thread(target=hold) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
'''


@pytest.mark.unsanitized
def test_report_and_doctor_name_the_lock():
    done = subprocess.run(
        [sys.executable, '-m', 'pyplusthread', '--gil-report', '--doctor',
         '-c', PROGRAM], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=LIMIT)
    assert (done.returncode, done.stdout) == (0, ''), done.stderr
    assert 'the locks in process' in done.stderr
    assert '<string>:8 in hold  ' in done.stderr
    assert 'Do less while it is held' in done.stderr
    assert ('the GIL cannot be observed' in done.stderr) == NO_GIL


@pytest.mark.unsanitized
def test_of_threadings_locks_nothing_is_said():
    done = subprocess.run(
        [sys.executable, '-m', 'pyplusthread', '--gil-only', '--gil-report',
         '-c', PROGRAM], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=LIMIT)
    assert 'the locks' not in done.stderr
