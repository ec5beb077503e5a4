# SPDX-License-Identifier: MIT
"""Everything at once, checked by counting.

Each test runs for PPT_TEST_MS milliseconds, at the usual switch interval and
at one so short that threads switch whenever they can. Workers only count;
the test adds up. What it counted has to be exact whatever the timing.
"""
import os
import random
import threading
import time

import pytest

from support import (LIMIT, Worker, join_all, switch_interval, until,
                     waiters)

SECONDS = int(os.environ.get('PPT_TEST_MS', 500)) / 1000
THREADS = 8

# Around what a hand-over takes, so that they race with it.
SHORT = [0, 1e-6, 1e-5, 1e-4, 1e-3]


@pytest.fixture(params=[None, 1e-6], ids=['usual', 'switching'], autouse=True)
def interval(request):
    if request.param is None:
        yield
    else:
        with switch_interval(request.param):
            yield


class Clock:
    """Says when the time is over."""

    def __init__(self):
        self.end = time.monotonic() + SECONDS

    def __bool__(self):
        return time.monotonic() < self.end


def run(*functions):
    """Results of each function, called with a clock in THREADS threads."""
    clock = Clock()
    workers = [[Worker(function, clock) for _ in range(THREADS)]
               for function in functions]
    return [join_all(each) for each in workers]


@pytest.mark.parametrize('name', ['Lock', 'RLock'])
def test_one_holder_at_a_time_whatever_ends_the_waits(impl, name):
    lock = getattr(impl, name)()
    state = {'holders': 0, 'entries': 0}

    def take(clock):
        """(entries, moments with more than one holder)"""
        mine = shared = 0
        while clock:
            if lock.acquire(timeout=random.choice([-1, *SHORT])):
                state['holders'] += 1
                shared += state['holders'] != 1
                state['entries'] += 1
                mine += 1
                state['holders'] -= 1
                lock.release()
        return mine, shared

    counts, = run(take)
    assert sum(shared for _, shared in counts) == 0
    assert sum(mine for mine, _ in counts) == state['entries']
    assert lock.acquire(False)


def test_recursion_of_an_rlock_is_counted_exactly(impl):
    lock = impl.RLock()
    state = []

    def take(clock):
        wrong = 0
        while clock:
            depth = random.randint(1, 5)
            for _ in range(depth):
                lock.acquire()
            state.append(None)
            wrong += len(state) != 1
            state.clear()
            if depth == 3:
                lock._acquire_restore(lock._release_save())
            for _ in range(depth):
                wrong += not lock._is_owned()
                lock.release()
        return wrong

    counts, = run(take)
    assert counts == [0] * THREADS
    assert not lock._is_owned()
    assert Worker(lock.acquire, False).join()


@pytest.mark.parametrize('kind', ['Lock', 'RLock'])
def test_no_wait_ends_without_a_notification(impl, kind):
    """Not even while others time out, who make way without the lock."""
    cond = impl.Condition(getattr(impl, kind)())
    given = [0]
    woken_once = []

    def wait(clock):
        """Waits that returned True."""
        woken = 0
        while clock or not woken_once:
            with cond:
                if cond.wait(random.choice(SHORT)):
                    woken += 1
                    woken_once[:] = [True]
        return woken

    def notify(clock):
        while clock or not woken_once:
            with cond:
                n = random.randint(1, 3)
                given[0] += min(n, waiters(cond))
                cond.notify(n)

    waits, _ = run(wait, notify)
    assert 0 < sum(waits) <= given[0]
    assert waiters(cond) == 0


def test_no_notification_is_lost(impl):
    """Tokens that are passed on without any timeout all arrive."""
    cond = impl.Condition(impl.Lock())
    state = {'tokens': 0, 'taken': 0}

    def take(clock):
        taken = 0
        while True:
            with cond:
                while not state['tokens']:
                    if state['tokens'] is None:
                        return taken
                    cond.wait()
                if state['tokens'] is None:
                    return taken
                state['tokens'] -= 1
                taken += 1

    def give(clock):
        given = 0
        while clock:
            with cond:
                state['tokens'] += 1
                cond.notify()
            given += 1
        return given

    clock = Clock()
    takers = [Worker(take, clock) for _ in range(THREADS)]
    given = sum(join_all([Worker(give, clock) for _ in range(3)]))
    until(lambda: state['tokens'] == 0)
    with cond:
        state['tokens'] = None
        cond.notify_all()
    assert sum(join_all(takers)) == given


def test_waits_end_in_fifo_order(impl):
    """Each takes a number with the lock held: they come back in order."""
    cond = impl.Condition(impl.Lock())
    next_number = [0]
    called = []

    def wait(clock):
        while clock:
            with cond:
                mine = next_number[0]
                next_number[0] += 1
                if not cond.wait():
                    return False
                called.append(mine)
        return True

    def notify(clock):
        while clock or any(not waiter.ended for waiter in workers):
            with cond:
                before = len(called)
                chosen = min(1, waiters(cond))
                cond.notify()
            until(lambda: len(called) >= before + chosen)

    clock = Clock()
    workers = [Worker(wait, clock) for _ in range(THREADS)]
    Worker(notify, clock).join()
    assert all(join_all(workers))
    assert called == sorted(called)
    assert len(called) == next_number[0]


@pytest.mark.parametrize('name', ['Semaphore', 'BoundedSemaphore'])
def test_count_of_a_semaphore_is_conserved(impl, name):
    semaphore = getattr(impl, name)(3)
    inside = []

    def use(clock):
        """(entries, moments with too many inside)"""
        crowded = entries = 0
        while clock or not entries:
            if semaphore.acquire(timeout=random.choice([None, *SHORT])):
                inside.append(None)
                crowded += len(inside) > 3
                entries += 1
                inside.pop()
                semaphore.release()
        return crowded, entries

    counts, = run(use)
    assert sum(crowded for crowded, _ in counts) == 0
    assert semaphore._value == 3
    assert waiters(semaphore) == 0


def test_each_release_of_a_semaphore_lets_one_in(impl):
    semaphore = impl.Semaphore(0)
    released = [0]
    lock = threading.Lock()

    def acquire(clock):
        return sum(semaphore.acquire(timeout=random.choice(SHORT))
                   for _ in iter(lambda: bool(clock), False))

    def release(clock):
        while clock:
            n = random.randint(1, 3)
            semaphore.release(n)
            with lock:
                released[0] += n

    acquired, _ = run(acquire, release)
    assert sum(acquired) + semaphore._value == released[0]
    assert waiters(semaphore) == 0


def test_event_wakes_all_who_wait_each_time(impl):
    """Rounds: nobody misses a set, although a clear follows at once."""
    event = impl.Event()
    cleared = [0]
    done = []

    def wait():
        woken = 0
        while not done:
            woken += event.wait()
            until(lambda: done or cleared[0] >= woken)
        return woken

    def set_and_clear():
        until(lambda: waiters(event) == THREADS)
        event.set()
        event.clear()
        cleared[0] += 1

    workers = [Worker(wait) for _ in range(THREADS)]
    clock = Clock()
    while clock:
        set_and_clear()
    until(lambda: waiters(event) == THREADS)
    done.append(True)
    event.set()
    assert join_all(workers) == [cleared[0] + 1] * THREADS


def test_event_wait_tells_the_truth_whatever_ends_it(impl):
    event = impl.Event()

    def wait(clock):
        """Waits that returned something else than a bool."""
        return [result for result in (event.wait(random.choice(SHORT))
                                      for _ in iter(lambda: bool(clock),
                                                    False))
                if result not in (True, False)]

    def change(clock):
        while clock:
            random.choice([event.set, event.clear])()

    odd, _ = run(wait, change)
    assert odd == [[]] * THREADS
    event.set()
    assert event.wait(LIMIT) is True
    assert waiters(event) == 0


def test_rounds_of_a_barrier_are_full(impl):
    parties = 4
    actions = []
    barrier = impl.Barrier(parties, lambda: actions.append(None))
    clock = Clock()

    done = []  # [the number of rounds], by who has index 0

    def meet():
        """Indices, one a round."""
        indices = []
        while not (done and len(indices) >= done[0]):
            indices.append(barrier.wait(LIMIT))
            if indices[-1] == 0 and not clock and not done:
                done.append(len(indices) + 1)
        return indices

    indices = join_all([Worker(meet) for _ in range(parties)])
    assert len({len(each) for each in indices}) == 1
    assert all(sorted(round) == list(range(parties))
               for round in zip(*indices))
    assert len(actions) == len(indices[0])
    assert not barrier.broken


def test_barrier_survives_timeouts_aborts_and_resets(impl):
    barrier = impl.Barrier(3)

    def meet(clock):
        """(indices, how often it was broken)"""
        indices, broken = [], 0
        while clock:
            try:
                indices.append(barrier.wait(random.choice(SHORT[3:])))
            except threading.BrokenBarrierError:
                broken += 1
                if random.random() < 0.3:
                    barrier.reset()
                elif random.random() < 0.1:
                    barrier.abort()
        return indices, broken

    results, = run(meet)
    indices = [index for mine, _ in results for index in mine]
    if impl is not threading:  # its index may be that of a broken round
        assert [indices.count(n) for n in range(3)] == (
            [len(indices) // 3] * 3)
    until(lambda: barrier.n_waiting == 0)
    barrier.reset()
    workers = [Worker(barrier.wait) for _ in range(3)]
    assert sorted(join_all(workers)) == [0, 1, 2]


def test_all_types_at_once_in_a_pipeline(impl):
    """Items go through a bounded buffer; none is lost and none is doubled."""
    mutex = impl.Lock()
    not_empty, not_full = impl.Condition(mutex), impl.Condition(mutex)
    buffer = []
    stop = impl.Event()
    start = impl.Barrier(2 * THREADS)
    slots = impl.Semaphore(THREADS)

    def put(clock):
        start.wait(LIMIT)
        given = 0
        while clock or not given:
            with slots, not_full:
                if not_full.wait_for(lambda: len(buffer) < 3, 0.001):
                    buffer.append(given)
                    given += 1
                    not_empty.notify()
        return given

    def get(clock):
        start.wait(LIMIT)
        taken = 0
        while not stop.is_set():
            with not_empty:
                if not_empty.wait_for(lambda: buffer, 0.001):
                    buffer.pop()
                    taken += 1
                    not_full.notify()
        return taken

    clock = Clock()
    getters = [Worker(get, clock) for _ in range(THREADS)]
    putters = [Worker(put, clock) for _ in range(THREADS)]
    given = sum(join_all(putters))
    until(lambda: not buffer)
    stop.set()
    assert sum(join_all(getters)) == given > 0
