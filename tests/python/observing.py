# SPDX-License-Identifier: MIT
"""Threads that are observed, and whether what is counted of them adds up.

What the tests of gil_stats share.
"""
import os
import threading
import time

from pyplusthread import _core
from pyplusthread._stats import BINS, COUNTS, HEAD, TIMELINE
from support import Worker, join_all


def is_alone():
    """A thread that was joined takes the GIL once more, to end."""
    tasks = '/proc/self/task'
    watchdog = 1  # faulthandler's, that conftest starts for each test
    return (not os.path.isdir(tasks) or
            len(os.listdir(tasks)) <= threading.active_count() + watchdog)


def let_others_end():
    limit = time.monotonic() + 2  # some may stay for good
    while not is_alone() and time.monotonic() < limit:
        time.sleep(0.001)


def burn(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def named(name, function, *args):
    thread = threading.Thread(target=function, args=args, name=name)
    thread.start()
    return thread


def of(stats, name):
    """What there is of the one thread with that name."""
    found, = [each for each in stats['threads'] if each['name'] == name]
    return found


# What was said exactly, in ns.

def exactly():
    """What the compiled part has: the GIL's numbers, those of the threads."""
    numbers, total, threads = _core._gil_copy(True)
    tallies = [dict(zip(COUNTS, HEAD.unpack_from(each[6]))) for each in threads]
    assert list(HEAD.unpack_from(total)) == [
        sum(tally[name] for tally in tallies) for name in COUNTS]
    return numbers, threads, tallies


def assert_nobody_held_it_twice(threads):
    """In no part of the timeline is there more than that part."""
    timelines = [TIMELINE.unpack(thread[7]) for thread in threads]
    widest = max(timeline[0] for timeline in timelines)
    total = [0] * BINS
    for widening, *bins in timelines:
        for i, held in enumerate(bins):
            total[i >> widest - widening] += held
    assert max(total) <= 2 ** 20 << widest


def assert_it_adds_up():
    """Only while no other thread comes or goes between the two lines."""
    numbers, threads, tallies = exactly()
    assert sum(tally['held'] for tally in tallies) <= numbers['observed']
    assert numbers['handing_over'] <= numbers['contended']
    assert numbers['contended'] <= numbers['observed']
    for position, name in (7, 'held'), (8, 'waited'):
        for thread, tally in zip(threads, tallies):
            assert sum(TIMELINE.unpack(thread[position])[1:]) == tally[name]
    assert_nobody_held_it_twice(threads)
    assert (sum(tally['requests_made'] for tally in tallies)
            == sum(tally['requests_suffered'] for tally in tallies))
    waited = sum(tally['waited'] for tally in tallies)
    delayed = sum(tally['delayed'] for tally in tallies)
    assert delayed <= waited
    return numbers, tallies


class Crowd:
    """Threads that compute, and others that let go of the GIL all the time."""

    def __init__(self, computing, blocking):
        self.runs = True
        self.workers = [Worker(self._compute) for _ in range(computing)]
        self.workers += [Worker(self._block) for _ in range(blocking)]

    def _compute(self):
        while self.runs:
            sum(range(100))

    def _block(self):
        reader, writer = os.pipe()
        while self.runs:
            os.write(writer, b'1')
            os.read(reader, 1)
        os.close(reader)
        os.close(writer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.runs = False
        join_all(self.workers)
