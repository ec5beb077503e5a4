# SPDX-License-Identifier: MIT
"""Threads that wake each other, threads that compute, and whether they go on.

What the tests of the GIL's priority share.
"""
import inspect
import os
import queue
import time

import pyplusthread
from pyplusthread import gil_info
from support import Worker, join_all, until

SECONDS = int(os.environ.get('PPT_TEST_MS', 500)) / 1000

# What gil_info says.

COUNTS = ['gils', 'holds', 'waits', 'cpu_bound_waits', 'wakes', 'vain_wakes',
          'requests', 'renewals', 'forced']
TIMES = ['waited', 'cpu_bound_waited', 'cpu_bound_held']


def setting():
    info = gil_info()
    return info['priority'], info['cpu_share']


def counts():
    info = gil_info()
    return {name: info[name] for name in COUNTS}


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
