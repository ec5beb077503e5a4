# SPDX-License-Identifier: MIT
"""The GIL's priority: who asked for it gets it, and nobody starves.

No test says how soon: whoever is woken has to come at last, and so do those
that only compute.  PPT_TEST_MS has test_everybody_goes_on run for longer, in
minutes, since conftest.py kills a test after four.
"""
import itertools
import os
import time

import pytest

import pyplusthread
from pairs import (
    COUNTS, PRELUDE, SECONDS, TIMES, WAYS, Crowd, burn, by_condition,
    by_queue, counts, in_turns, through_a_pipe)
from pyplusthread import gil_info, set_gil_priority
from support import (
    LIMIT, Worker, join_all, needs_gil, python, switch_interval, until)

MINUTES = range(max(1, round(SECONDS / 60)))

pytestmark = pytest.mark.usefixtures('gil_priority')


# A thread that lets go of the GIL for somebody who does not want it waits
# for ever, unless another thread happens to come: here is none, and the main
# thread does not look.

ITEMS = 20000 * min(20, max(1, round(SECONDS)))

HAND_OVER = PRELUDE + '''
import faulthandler

items, bursts, cpus, interval = map(eval, sys.argv[1:])
if cpus:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cpus])
if interval:
    sys.setswitchinterval(interval)

def with_bursts(give):
    """Then the partner, who was woken, finds a CPU-bound thread."""
    for i in range(items + 1):
        if i % 1000 == 0:
            faulthandler.dump_traceback_later(50, exit=True)
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
    python(HAND_OVER, *map(repr, [ITEMS, bursts, cpus, interval]),
           timeout=3 * LIMIT)


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
def test_threads_that_compute_are_not_asked_before_the_interval_is_over():
    """Among themselves they have no priority: this interval does not end.

    This thread asks whenever it comes back from its sleep; and a thread that
    was passed over because of that may ask this one, or the next holder.
    Waits that began before may end with the old interval, a few times.
    """
    rounds, asked_in_a_round, old_interval = 5, 3, 10
    with Crowd() as crowd:
        crowd.add_bound(3)
        crowd.everybody_goes_on()
        with switch_interval(1000):
            before = counts()
            for _ in range(rounds):
                time.sleep(0.1)  # those that do not wait for it would ask
            after = counts()
    asked = after['requests'] - before['requests']
    renewed = after['renewals'] - before['renewals']
    assert asked - renewed <= rounds * asked_in_a_round + old_interval


@needs_gil
def test_counts_agree():
    with Crowd() as crowd:
        for way in WAYS:
            crowd.add_pair(way)
        crowd.add_echo()
        crowd.add_bound(2)
        begin = time.monotonic()
        time.sleep(0.001)  # the present hold is not counted from begin on
        before = gil_info()
        for _ in range(20):
            crowd.everybody_goes_on()
        after, end = gil_info(), time.monotonic()
    done = {name: after[name] - before[name] for name in COUNTS + TIMES}
    assert done['cpu_bound_waits'] <= done['waits'] <= done['holds']
    assert done['vain_wakes'] <= done['wakes'] + 1
    assert done['renewals'] <= done['requests']
    assert done['forced'] <= done['requests'] - done['renewals'] + 1
    assert done['cpu_bound_held'] <= end - begin


# Pools.

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
