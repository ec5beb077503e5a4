# SPDX-License-Identifier: MIT
"""The GIL's priority when interpreters end, fork, and run beside others."""
import pytest

import pyplusthread
from pairs import (
    PRELUDE, WAYS, Crowd, burn, by_condition, hand_over,
    pair_of, setting, sources)
from pyplusthread import set_gil_priority
from support import NO_GIL, Worker, in_child, join_all, needs_gil, python
from test_subinterpreters import run as run_with_interpreters

pytestmark = pytest.mark.usefixtures('gil_priority')


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


@pytest.mark.slow
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
