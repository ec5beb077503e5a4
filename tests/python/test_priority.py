# SPDX-License-Identifier: MIT
"""The GIL's priority: who asked for it gets it, and nobody starves.

No test says how soon: whoever is woken has to come at last, and so do those
that only compute.  PPT_TEST_MS has test_everybody_goes_on run for longer, in
minutes, since conftest.py kills a test after four.
"""
import inspect
import itertools
import os
import queue
import random
import subprocess
import sys
import sysconfig
import threading
import time

import pytest

import pyplusthread
from pyplusthread import gil_info, set_gil_priority
from support import LIMIT, Worker, in_child, join_all, python, until
from test_subinterpreters import run as run_with_interpreters

SECONDS = int(os.environ.get('PPT_TEST_MS', 500)) / 1000
MINUTES = range(max(1, round(SECONDS / 60)))

NO_GIL = bool(sysconfig.get_config_var('Py_GIL_DISABLED'))

slow = pytest.mark.slow
needs_gil = pytest.mark.skipif(NO_GIL, reason='there is no GIL')


@pytest.fixture(autouse=True)
def default(monkeypatch):
    """Each test begins with the default, and leaves it."""
    monkeypatch.delenv('PYPLUSTHREAD_GIL_PRIORITY', raising=False)
    set_gil_priority(True, cpu_share=0.3)
    yield
    set_gil_priority(True, cpu_share=0.3)


# set_gil_priority and gil_info.

COUNTS = ['gils', 'holds', 'waits', 'cpu_bound_waits', 'wakes', 'vain_wakes',
          'requests', 'renewals', 'forced']
TIMES = ['waited', 'cpu_bound_waited', 'cpu_bound_held']


def setting():
    info = gil_info()
    return info['priority'], info['cpu_share']


def test_info_has_these_keys_and_types():
    info = gil_info()
    assert list(info) == ['priority', 'reason', 'cpu_share', *COUNTS, *TIMES]
    assert type(info['priority']) is bool
    assert type(info['cpu_share']) is float
    for names, kind in (COUNTS, int), (TIMES, float):
        for name in names:
            assert type(info[name]) is kind
            assert info[name] >= 0


@needs_gil
def test_it_is_on_by_default():
    assert setting() == (True, 0.3)
    assert gil_info()['reason'] is None


@pytest.mark.skipif(not NO_GIL, reason='there is a GIL')
@pytest.mark.parametrize('enabled', [True, False])
def test_without_a_gil_there_is_a_reason(enabled):
    set_gil_priority(enabled, cpu_share=0.5)
    assert setting() == (False, 0.5)
    assert gil_info()['reason'] == 'this interpreter has no GIL'


@needs_gil
@pytest.mark.parametrize('value', [False, 0, None, '', []])
def test_off_is_a_reason(value):
    set_gil_priority(value)
    assert setting() == (False, 0.3)
    assert gil_info()['reason'] == 'it was turned off'
    set_gil_priority()
    assert setting() == (True, 0.3)
    assert gil_info()['reason'] is None


@needs_gil
@pytest.mark.parametrize('value', [True, 1, 'off', [0]])
def test_enabled_is_any_truth_value(value):
    set_gil_priority(False)
    set_gil_priority(enabled=value)
    assert gil_info()['priority'] is True


def test_it_returns_nothing():
    assert set_gil_priority() is None
    assert set_gil_priority(False, cpu_share=0.5) is None


class Half:
    def __float__(self):
        return 0.5


@pytest.mark.parametrize('share', [0, 0.0, -0.0, False, 1e-6, 0.1, 0.29,
                                   0.57, 0.999999, Half()],
                         ids=lambda share: str(share)[:8])
def test_share_is_a_number_from_0_to_less_than_1(share):
    set_gil_priority(cpu_share=share)
    assert gil_info()['cpu_share'] == pytest.approx(float(share), abs=1e-6)
    set_gil_priority(False, cpu_share=share)
    assert gil_info()['cpu_share'] == pytest.approx(float(share), abs=1e-6)


def test_what_is_not_given_has_its_default():
    before = setting()
    set_gil_priority(False, cpu_share=0.5)
    set_gil_priority()
    assert setting() == before


class Odd:
    """Neither true nor false, nor a number."""

    def __bool__(self):
        raise KeyError

    def __float__(self):
        raise IndexError


@pytest.mark.parametrize('error, args, named', [
    (ValueError, [], {'cpu_share': 1}),
    (ValueError, [], {'cpu_share': 1.0}),
    (ValueError, [], {'cpu_share': float('inf')}),
    (ValueError, [], {'cpu_share': float('-inf')}),
    (ValueError, [], {'cpu_share': float('nan')}),
    (ValueError, [], {'cpu_share': -1}),
    (ValueError, [], {'cpu_share': -1e-9}),
    (ValueError, [True], {'cpu_share': 30}),
    (OverflowError, [], {'cpu_share': 10 ** 400}),
    (TypeError, [], {'cpu_share': '0.5'}),
    (TypeError, [], {'cpu_share': None}),
    (TypeError, [], {'cpu_share': 0.5j}),
    (IndexError, [True], {'cpu_share': Odd()}),
    (KeyError, [Odd()], {}),
    (KeyError, [Odd()], {'cpu_share': 0.2}),
    (TypeError, [True, 0.5], {}),
    (TypeError, [True, 0.5, 0.5], {}),
    (TypeError, [True, 0.5], {'cpu_share': 0.5}),
    (TypeError, [True], {'enabled': True}),
    (TypeError, [True], {'share': 0.5}),
], ids=lambda value: getattr(value, '__name__', None))
@pytest.mark.parametrize('enabled', [True, False])
def test_mistake_changes_nothing(enabled, error, args, named):
    set_gil_priority(enabled, cpu_share=0.25)
    before = setting()
    with pytest.raises(error):
        set_gil_priority(*args, **named)
    assert setting() == before


def test_info_takes_nothing_and_is_a_copy():
    with pytest.raises(TypeError):
        gil_info(1)
    gil_info()['cpu_share'] = 'mine'
    assert gil_info()['cpu_share'] == 0.3


@pytest.mark.parametrize('function, signature, words', [
    (set_gil_priority, '(enabled=True, *, cpu_share=0.3)',
     ['GIL', 'CPU-bound', '5 ms', 'cpu_share']),
    (gil_info, '()', ['GIL', *gil_info()]),
])
def test_signature_and_docstring(function, signature, words):
    assert str(inspect.signature(function)) == signature
    assert function.__name__ in pyplusthread.__all__
    for word in words:
        assert word in function.__doc__


# The environment and the command line.

TELL = '''
import pyplusthread
info = pyplusthread.gil_info()
print(info['priority'], info['cpu_share'])
'''


def told(priority, share):
    return f'{priority and not NO_GIL} {share}\n'


@pytest.mark.parametrize('text, priority, share', [
    ('', True, 0.3), ('on', True, 0.3), ('off', False, 0.3),
    ('0.5', True, 0.5), ('0', True, 0.0), ('1e-1', True, 0.1),
])
def test_environment_is_heeded(monkeypatch, text, priority, share):
    monkeypatch.setenv('PYPLUSTHREAD_GIL_PRIORITY', text)
    assert python(TELL).stdout == told(priority, share)


@pytest.mark.parametrize('text', ['nonsense', 'ON', '1', '-0.1', 'nan',
                                  'inf', '0.5x', ' '])
def test_nonsense_in_the_environment_is_a_warning(monkeypatch, text):
    monkeypatch.setenv('PYPLUSTHREAD_GIL_PRIORITY', text)
    done = python(TELL, check=False)
    assert done.returncode == 0
    assert done.stdout == told(True, 0.3)
    assert done.stderr.startswith('<string>:2: RuntimeWarning: ')
    assert done.stderr.count('Warning') == 1
    assert f'PYPLUSTHREAD_GIL_PRIORITY is ignored: {text!r}' in done.stderr


def program(*arguments):
    """Exit status, output, errors of python -m pyplusthread."""
    done = subprocess.run(
        [sys.executable, '-m', 'pyplusthread', *arguments], timeout=LIMIT,
        stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize('text, priority, share', [
    ('on', True, 0.3), ('off', False, 0.3), ('0.5', True, 0.5),
    ('0', True, 0.0)])
@pytest.mark.parametrize('form', ['{} {}', '{}={}'])
@pytest.mark.parametrize('environment', ['', '0.1', 'off'])
def test_command_line_is_heeded_first(monkeypatch, environment, form, text,
                                      priority, share):
    monkeypatch.setenv('PYPLUSTHREAD_GIL_PRIORITY', environment)
    option = form.format('--gil-priority', text).split()
    assert program(*option, '-c', TELL) == (0, told(priority, share), '')


@pytest.mark.parametrize('arguments, hint', [
    (['--gil-priority=nonsense', '-c', TELL], 'nonsense'),
    (['--gil-priority=', '-c', TELL], '--gil-priority'),
    (['--gil-priority=1', '-c', TELL], '1'),
    (['--gil-priority', '-0.5', '-c', TELL], '--gil-priority'),
    (['--gil-priority=-0.5', '-c', TELL], '-0.5'),
    (['--gil-priority', 'nan', '-c', TELL], 'nan'),
    (['--gil-priority', '-c', TELL], '--gil-priority'),
    (['--gil-priority'], '--gil-priority'),
], ids=lambda value: ' '.join(value[:2])[:24])
def test_mistake_on_the_command_line_is_one_line_and_status_2(arguments,
                                                              hint):
    status, output, errors = program(*arguments)
    assert (status, output) == (2, '')
    assert errors.count('\n') == 1
    assert errors.startswith('python -m pyplusthread: ')
    assert hint in errors


def test_help_names_the_option():
    status, output, errors = program('--help')
    assert (status, errors) == (0, '')
    assert '--gil-priority' in output
    assert 'PYPLUSTHREAD_GIL_PRIORITY' in output


def test_gil_only_leaves_threading_as_it_is():
    tell = TELL + 'print(pyplusthread.is_patched())'
    assert program('--gil-only', '-c', tell) == (
        0, told(True, 0.3) + 'False\n', '')
    assert program('--gil-only', '--gil-priority=0.5', '-c', tell) == (
        0, told(True, 0.5) + 'False\n', '')


# Threads that wake each other.  Children get the source of these functions.

def by_condition(impl):
    """(take, give): who takes waits until somebody gives."""
    cond = impl.Condition()
    items = []

    def take():
        with cond:
            while not items:
                cond.wait()
            items.pop()

    def give():
        with cond:
            items.append(None)
            cond.notify()

    return take, give


def hand_over(turns, take, give):
    """In each turn give the partner something, and get it back.

    Whoever has it sees whether there is another turn: when there is none, the
    partner gets it for the last time, and does not wait in vain.
    """
    take()
    for _ in turns:
        give()
        take()
    give()


def pair_of(way, impl, *turns):
    """Arguments of hand_over for two partners; one is given something."""
    (take, give), (take_back, give_back) = way(impl), way(impl)
    give()
    return [(turns[0], take, give_back), (turns[1], take_back, give)]


def burn(seconds):
    """Be CPU-bound."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def sources(*functions):
    imports = 'import itertools, os, random, sys, threading, time\n'
    return imports + '\n'.join(map(inspect.getsource, functions))


PRELUDE = sources(by_condition, hand_over, pair_of, burn) + '''
import pyplusthread as impl

def start(function, *args):
    thread = threading.Thread(target=function, args=args, daemon=True)
    thread.start()
    return thread
'''


# A thread that lets go of the GIL for somebody who does not want it waits
# for ever, unless another thread happens to come: here is none, and the main
# thread does not look.

ITEMS = 20000 * min(20, max(1, round(SECONDS)))

HAND_OVER = PRELUDE + '''
import faulthandler
faulthandler.dump_traceback_later(50, exit=True)

items, bursts, cpus, interval = map(eval, sys.argv[1:])
if cpus:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cpus])
if interval:
    sys.setswitchinterval(interval)

def with_bursts(give):
    """Then the partner, who was woken, finds a CPU-bound thread."""
    for i in range(items + 1):
        give()
        if bursts and i % (items // bursts) == 0:
            burn(0.006)
        yield

(turns, take, give), other = pair_of(by_condition, impl,
                                     *2 * [range(items)])
threads = [start(hand_over, turns, take, with_bursts(give).__next__),
           start(hand_over, *other)]
for thread in threads:
    thread.join()
'''


@pytest.mark.parametrize('interval', [None, 1e-6], ids=['usual', 'switching'])
@pytest.mark.parametrize('bursts', [0, 40], ids=['pair', 'bursts'])
@pytest.mark.parametrize('cpus', [1, 2, None], ids=['one', 'two', 'free'])
def test_two_threads_alone_do_not_wait_for_a_third(cpus, bursts, interval):
    if cpus and cpus > len(os.sched_getaffinity(0)):
        pytest.skip('there are not so many CPUs')
    python(HAND_OVER, *map(repr, [ITEMS, bursts, cpus, interval]))


ALONE = PRELUDE + '''
import faulthandler
faulthandler.dump_traceback_later(50, exit=True)

event = impl.Event()
for _ in range(5):
    thread = start(burn, 0.01)
    event.wait(0.005)
    thread.join()
    burn(0.05)
'''


def test_bound_thread_alone_is_not_asked():
    """It would wait for ever for somebody who takes the GIL."""
    python(ALONE)


# Nobody starves.

def by_event(impl):
    event = impl.Event()

    def take():
        event.wait()
        event.clear()

    return take, event.set


def by_semaphore(impl):
    semaphore = impl.Semaphore(0)
    return semaphore.acquire, semaphore.release


def by_lock(impl):
    lock = impl.Lock()
    lock.acquire()
    return lock.acquire, lock.release


WAYS = [by_condition, by_event, by_semaphore, by_lock]


class Crowd:
    """Threads that count their turns until they are told to stop."""

    def __init__(self):
        self.counts = []
        self.workers = []
        self.runs = True

    def turns(self):
        """Somebody's turns: an iterator that counts them."""
        self.counts.append(0)
        return self._count(len(self.counts) - 1)

    def _count(self, mine):
        while self.runs:
            self.counts[mine] += 1
            yield

    def add(self, function, *args):
        self.workers.append(Worker(function, *args))

    def add_pair(self, way):
        for args in pair_of(way, pyplusthread, self.turns(), self.turns()):
            self.add(hand_over, *args)

    def add_users(self, lock, number):
        for _ in range(number):
            self.add(use, lock, self.turns())

    def add_echo(self):
        """Threads that wait for each other inside CPython."""
        there, back = os.pipe(), os.pipe()
        self.add(echo, there, back, self.turns())
        self.add(echo, back, there, self.turns())
        os.write(there[1], b'1')

    def add_bound(self, number):
        for _ in range(number):
            self.add(compute, self.turns())

    def all_went_on_since(self, before):
        return all(now > then for now, then in zip(self.counts, before))

    def everybody_goes_on(self):
        """Wait until each has had more turns than now; assert that."""
        before = list(self.counts)
        until(lambda: (self.all_went_on_since(before)
                       or any(worker.ended for worker in self.workers)))
        assert self.all_went_on_since(before), 'a thread ended'

    def end(self):
        """An error is raised, although others may wait for who had it."""
        self.runs = False
        until(lambda: (all(worker.ended for worker in self.workers)
                       or any(worker.error for worker in self.workers)))
        join_all(sorted(self.workers, key=lambda worker: not worker.error))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def use(lock, turns):
    for _ in turns:
        with lock:
            pass


def echo(source, sink, turns):
    """The last one closes the pipe, and the other one finds its end."""
    for _ in turns:
        if not os.read(source[0], 1):
            break
        os.write(sink[1], b'1')
    os.close(sink[1])


def compute(turns):
    for _ in turns:
        sum(range(100))


@pytest.mark.parametrize('minute', MINUTES)
def test_everybody_goes_on(minute):
    """Those that are woken and those that compute, whatever the share."""
    end = time.monotonic() + min(SECONDS, 60)
    shares = itertools.cycle([0.3, 0.05, 0.9])
    with Crowd() as crowd:
        for way in WAYS * 6:
            crowd.add_pair(way)
        crowd.add_users(pyplusthread.Lock(), 8)
        crowd.add_users(pyplusthread.RLock(), 8)
        in_turns(crowd, through_a_pipe())
        crowd.add_echo()
        crowd.add_bound(4)
        while True:
            set_gil_priority(cpu_share=next(shares))
            crowd.everybody_goes_on()
            if time.monotonic() > end:
                break
    assert len(crowd.counts) == 79


def test_everybody_goes_on_while_it_is_turned_on_and_off():
    end = time.monotonic() + min(SECONDS, 60)
    with Crowd() as crowd:
        for way in WAYS:
            crowd.add_pair(way)
        crowd.add_bound(2)
        for enabled in itertools.cycle([False, True]):
            set_gil_priority(enabled)
            crowd.everybody_goes_on()
            if time.monotonic() > end:
                break


def counts():
    info = gil_info()
    return {name: info[name] for name in COUNTS}


@needs_gil
@pytest.mark.parametrize('ours', [True, False])
def test_thread_that_computes_is_asked_for_those_that_come_back(ours):
    """Whoever's objects they wait for, and known to the package or not."""
    before = counts()
    with Crowd() as crowd:
        if ours:
            crowd.add_pair(by_condition)
        else:
            crowd.add_echo()
        crowd.add_bound(1)
        until(lambda: counts()['forced'] >= before['forced'] + 20)
        crowd.everybody_goes_on()
    after = counts()
    assert after['requests'] >= before['requests'] + 20
    assert after['waits'] > before['waits']


@needs_gil
def test_nothing_happens_while_it_is_off():
    with Crowd() as crowd:
        crowd.add_pair(by_condition)
        crowd.add_echo()
        crowd.add_bound(1)
        until(lambda: counts()['requests'] > 0)
        set_gil_priority(False)
        for _ in range(20):
            crowd.everybody_goes_on()  # those that waited have gone, too
        before = counts()
        for _ in range(20):
            crowd.everybody_goes_on()
        after = counts()
    assert after.pop('holds') > before.pop('holds')
    assert after == before


@needs_gil
def test_threads_that_compute_are_asked_once_in_a_switch_interval():
    """Among themselves they have no priority."""
    interval = sys.getswitchinterval()
    with Crowd() as crowd:
        crowd.add_bound(3)
        crowd.everybody_goes_on()
        sys.setswitchinterval(0.05)
        try:
            crowd.everybody_goes_on()
            before, begin = counts(), time.monotonic()
            burn(0.5)  # one of them
            after, end = counts(), time.monotonic()
        finally:
            sys.setswitchinterval(interval)
    asked = after['requests'] - before['requests']
    renewed = after['renewals'] - before['renewals']
    assert asked - renewed <= (end - begin) / 0.05 + 2


@needs_gil
def test_counts_agree():
    with Crowd() as crowd:
        for way in WAYS:
            crowd.add_pair(way)
        crowd.add_echo()
        crowd.add_bound(2)
        begin, before = time.monotonic(), gil_info()
        for _ in range(20):
            crowd.everybody_goes_on()
        after, end = gil_info(), time.monotonic()
    done = {name: after[name] - before[name] for name in COUNTS + TIMES}
    assert done['cpu_bound_waits'] <= done['waits'] <= done['holds']
    assert done['vain_wakes'] <= done['wakes'] + 1
    assert done['renewals'] <= done['requests']
    assert done['forced'] <= done['requests'] - done['renewals'] + 1
    assert done['cpu_bound_held'] <= end - begin + 0.1


# Pools.

def by_queue(works):
    """(take, give): several may take; each works, and then waits again."""
    with pyplusthread.patched():
        items = queue.Queue()

    def take():
        work = items.get()
        works(work)
        return work

    return take, items.put


def in_turns(crowd, works, takers=8):
    """Threads that take from a queue, and one that keeps it full."""
    take, give = by_queue(works)

    def serve(turns):
        for _ in turns:
            if take() is None:
                break

    def feed(turns):
        for turn, _ in enumerate(turns):
            give(turn)
            if turn % 50 == 0:
                time.sleep(0.001)
        for _ in range(takers):
            give(None)

    for _ in range(takers):
        crowd.add(serve, crowd.turns())
    crowd.add(feed, crowd.turns())


def through_a_pipe():
    """Let go of the GIL twice."""
    reader, writer = os.pipe()

    def work(_):
        os.write(writer, b'1')
        os.read(reader, 1)

    return work


@pytest.mark.parametrize('bound', [0, 1])
def test_thread_of_a_pool_that_gets_stuck_holds_nobody_up(bound):
    reader, writer = os.pipe()
    stuck = []

    def get_stuck(turn):
        stuck.append(turn)
        os.read(reader, 1)

    take, give = by_queue(get_stuck)
    with Crowd() as crowd:
        crowd.add_bound(bound)
        takers = [Worker(take) for _ in range(8)]
        for turn in range(8):
            give(turn)
            until(lambda: turn in stuck)
        os.write(writer, bytes(8))
        assert sorted(join_all(takers)) == list(range(8))


def test_pool_goes_on_with_locks_held():
    lock = pyplusthread.Lock()

    def work(_):
        with lock, pyplusthread.Lock():
            os.write(writer, b'1')
            os.read(reader, 1)

    reader, writer = os.pipe()
    with Crowd() as crowd:
        in_turns(crowd, work)
        crowd.add_users(lock, 4)
        for _ in range(20):
            crowd.everybody_goes_on()


# The end of the interpreter.

ENDING = PRELUDE + '''
pairs, bound, take_part = map(int, sys.argv[1:])

def compute():
    while True:
        pass

for _ in range(pairs):
    for args in pair_of(by_condition, impl, *2 * [itertools.count()]):
        start(hand_over, *args)
for _ in range(bound):
    start(compute)
if take_part:
    mine, partners = pair_of(by_condition, impl, range(random.randrange(500)),
                             itertools.count())
    start(hand_over, *partners)
    hand_over(*mine)
else:
    time.sleep(random.random() / 20)
'''


@slow
@pytest.mark.parametrize('take_part', [0, 1], ids=['sleep', 'take-part'])
@pytest.mark.parametrize('pairs, bound', [(1, 0), (3, 0), (1, 1), (3, 2)])
def test_daemon_threads_do_not_disturb_the_end(pairs, bound, take_part):
    for _ in range(5):
        done = python(ENDING, str(pairs), str(bound), str(take_part))
        assert done.stdout == ''


# Fork.

def use_in_child():
    """A pair of its own, and a CPU-bound thread, in the child."""
    if not NO_GIL:
        assert setting() == (True, 0.3)
    with Crowd() as crowd:
        crowd.add_pair(by_condition)
        crowd.add_bound(1)
        for _ in range(3):
            crowd.everybody_goes_on()
    with Crowd() as crowd:
        for way in WAYS:
            crowd.add_pair(way)
        crowd.everybody_goes_on()


def forks(test):
    test = pytest.mark.filterwarnings('ignore::DeprecationWarning')(test)
    return pytest.mark.unsanitized(test)  # their malloc does not survive it


@pytest.fixture
def crowd():
    """Pairs and CPU-bound threads."""
    with Crowd() as crowd:
        for way in WAYS:
            crowd.add_pair(way)
        crowd.add_bound(2)
        crowd.everybody_goes_on()
        yield crowd


@forks
def test_child_has_priority_of_its_own(crowd):
    for _ in range(5):
        in_child(use_in_child)
        crowd.everybody_goes_on()


@forks
def test_thread_that_is_woken_may_fork(crowd):
    (_, take, give), partners = pair_of(
        by_condition, pyplusthread, [], crowd.turns())
    crowd.add(hand_over, *partners)
    for turn in range(10):
        take()
        if turn % 2:
            in_child(use_in_child)
        give()
    take()
    crowd.runs = False
    give()


@forks
def test_several_threads_may_fork_at_once(crowd):
    join_all([Worker(in_child, use_in_child) for _ in range(3)])
    crowd.everybody_goes_on()


@forks
def test_setting_is_inherited(crowd):
    set_gil_priority(False, cpu_share=0.25)

    def child():
        assert setting() == (False, 0.25)
        set_gil_priority()

    in_child(child)
    assert setting() == (False, 0.25)


# Sub-interpreters.

BESIDE = sources(by_condition, hand_over, pair_of) + '''
import pyplusthread as impl

runs = [True]

def compute():
    while runs:
        pass

bound = threading.Thread(target=compute)
threads = [threading.Thread(target=hand_over, args=args)
           for args in pair_of(by_condition, impl, *2 * [range(500)])]
for thread in bound, *threads:
    thread.start()
for thread in threads:
    thread.join()
runs.clear()
bound.join()
'''

AT_ONCE = '''
threads = [threading.Thread(target=run, args=(beside,)) for _ in range(3)]
for thread in threads: thread.start()
exec(beside, {})
for thread in threads: thread.join()
'''


def test_interpreters_at_once_have_pairs_and_cpu_bound_threads(native):
    run_with_interpreters(AT_ONCE, native, beside=BESIDE)


def test_interpreter_may_be_destroyed_beside_others(native):
    """Its account is used again, or is not: the next one may be elsewhere."""
    run_with_interpreters('''
for _ in range(3):
    threads = [threading.Thread(target=run, args=(beside,)) for _ in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
exec(beside, {})
''', native, beside=BESIDE)


@needs_gil
def test_requests_are_made_in_a_sub_interpreter(native):
    run_with_interpreters('''
import pyplusthread
before = pyplusthread.gil_info()['requests']
while pyplusthread.gil_info()['requests'] == before:
    run(beside)
''', native, beside=BESIDE)


# Threads of several interpreters want a GIL that they may share (before
# 3.12); a thread goes from one interpreter to the other with the GIL in hand.
# The first is known to be CPU-bound then.
HERE = sources(burn) + '''
import pyplusthread

cond = pyplusthread.Condition()

def wait():
    while runs:
        with cond:
            cond.wait(0.002)

other = interpreters.create(**OPTIONS)
for _ in range(5):
    runs = [True]
    waiter = threading.Thread(target=wait)
    waiter.start()
    burn(0.05)
    runs.clear()
    waiter.join()
    interpreters.run_string(other, there)
    burn(0.02)
interpreters.destroy(other)
'''

THERE = sources(burn) + '''
def wait(end):
    while time.monotonic() < end:
        time.sleep(0.0005)

end = time.monotonic() + 0.1
threads = [threading.Thread(target=wait, args=(end,)) for _ in range(3)]
for thread in threads:
    thread.start()
burn(0.15)
for thread in threads:
    thread.join()
'''


def test_thread_that_comes_back_from_another_interpreter_goes_on(native):
    """It was not asked for threads of the other one, which are gone."""
    run_with_interpreters(HERE, native, there=THERE)
