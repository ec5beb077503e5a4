# SPDX-License-Identifier: MIT
"""How late an event loop runs: because of the GIL, or of its own callbacks.

A timer of the loop is due every 10 ms.  How late it runs is taken apart:

gil        the loop's thread waited for the GIL
system     the loop slept for longer than it asked for
callbacks  the rest: callbacks ran, of the program or of the loop itself

The compiled part adds up what a thread has waited for the GIL since a moment
that was marked before, here the one at which the timer is due: observe.c, O7.
"""
import contextlib
import functools
import os
import time
import weakref

from . import _core, _stats, _watch
from ._text import command, duration, table

INTERVAL = 0.01     # s
CAUSES = ['gil', 'callbacks', 'system']


class LoopLateness(dict):
    """What loop_lateness() returns: Histograms, for a with statement."""

    __slots__ = ('_ticker',)

    def __init__(self):
        super().__init__((name, _stats.Histogram())
                         for name in ['late', *CAUSES])

    def __enter__(self):
        from asyncio import get_running_loop
        self._begin(get_running_loop())
        return self

    def __exit__(self, *_):
        self._end()

    def _begin(self, loop):
        self._ticker = _tickers.get(loop)
        if self._ticker is None:
            self._ticker = _tickers[loop] = _Ticker(loop)
        self._ticker.users.append(self)

    def _end(self):
        users = self._ticker.users
        users[:] = [each for each in users if each is not self]
        if not users:
            self._ticker.end()

    def _add_up(self, other):
        for name, histogram in other.items():
            self[name] = self[name] + histogram

    def _add(self, *lengths):
        for histogram, ns in zip(self.values(), lengths):
            histogram._add(ns)


def loop_lateness():
    """How late timers of the running asyncio event loop run, and why.

    For a block of a coroutine::

        with loop_lateness() as lateness:
            ...
        print(lateness['gil'].max, lateness['callbacks'].max)

    Meanwhile a timer is due every 10 ms.  The dict has Histograms of seconds,
    see gil_stats(), which grow meanwhile:

    late       how late the timer ran: the sum of the other three
    gil        of this, the loop's thread waited for the GIL
    callbacks  callbacks ran, of the program or of the loop itself
    system     the loop slept for longer than it asked for

    Raises RuntimeError where no loop is running.  With a loop that is not one
    of asyncio's own, as uvloop's, system is a part of callbacks; without the
    GIL, or where it is not scheduled, gil is 0.
    """
    return LoopLateness()


_tickers: weakref.WeakKeyDictionary = (    # {loop: _Ticker}
    weakref.WeakKeyDictionary())


class _Ticker:
    """A timer of a loop.  All is done by the loop's thread."""

    def __init__(self, loop):
        self.users = []
        self._loop = weakref.ref(loop)
        _stats._begin()
        self._watch_sleep(getattr(loop, '_selector', None))
        self._wait()

    def _wait(self):
        """All times in ns."""
        self._overslept = 0
        self._due = time.monotonic_ns() + round(INTERVAL * 1e9)
        _core._gil_mark(self._due)
        self._handle = self._loop().call_later(INTERVAL, self._tick)

    def _tick(self):
        waited, now = _core._gil_waited()
        late = max(0, now - self._due)
        gil = min(late, waited)
        system = min(late - gil, self._overslept)
        for user in self.users:
            user._add(late, gil, late - gil - system, system)
        self._wait()

    def end(self):
        self._handle.cancel()
        del _tickers[self._loop()]
        if self._selector is not None:
            vars(self._selector).pop('select', None)
        _stats._end()

    # How long the loop sleeps is what its selector does.

    def _watch_sleep(self, selector):
        self._selector = None
        if not hasattr(selector, '__dict__') or 'select' in vars(selector):
            return
        self._selector = selector
        self._select = selector.select
        selector.select = self._sleep

    def _sleep(self, timeout=None):
        waited, begin = 0, time.monotonic_ns()
        if begin > self._due:
            waited, begin = _core._gil_waited()
        events = self._select(timeout)
        if time.monotonic_ns() > self._due:
            self._count_sleep(waited, max(begin, self._due))
        return events

    def _count_sleep(self, waited_before, begin):
        waited, now = _core._gil_waited()
        self._overslept += max(0, now - begin - (waited - waited_before))


# --loop-lateness

HEAD = ['late', 'in all', 'half up to', '99 % up to', 'at most']
ROWS = {'late': 'for any reason', 'gil': 'waited for the GIL',
        'callbacks': 'callbacks ran', 'system': 'slept too long'}


def text(lateness):
    """Lines of it."""
    count = lateness['late'].count
    yield f'event loops of asyncio in process {os.getpid()} ({command()})'
    if not count:
        yield 'none ran'
        return
    yield f'a timer that is due every {duration(INTERVAL)} ran {count} times'
    yield ''
    yield from table([HEAD, *(_cells(words, lateness[name])
                              for name, words in ROWS.items())])


def _cells(words, histogram):
    return [words, duration(histogram.sum),
            *(duration(histogram.quantile(q)) for q in (0.5, 0.99, 1))]


class Loops:
    """The tool for Watch: all loops of asyncio in the program.

    A signal handler may show them, or fork, at any line of this: so there is
    no lock.  A LoopLateness has one thread at a time that writes to it, and
    the next loop adds to that of one that has ended.  So there are as many as
    loops have run at a time, and their sum is that of all loops.
    """

    events = 0
    needs_gil = False

    def __init__(self):
        self._forget()

    def _forget(self):
        """What was before a fork, by one assignment."""
        self._pool = _Pool()

    def begin(self):
        from asyncio import BaseEventLoop
        run_forever = BaseEventLoop.run_forever

        @functools.wraps(run_forever)
        def run(loop):
            with self._during(loop):
                run_forever(loop)

        BaseEventLoop.run_forever = run
        os.register_at_fork(after_in_child=self._forget)

    @contextlib.contextmanager
    def _during(self, loop):
        pool = self._pool   # a child that is forked meanwhile has another one
        lateness = pool.take()
        lateness._begin(loop)
        try:
            yield
        finally:
            lateness._end()
            pool.idle.append(lateness)

    def show(self, _snapshot):
        total = LoopLateness()
        for each in self._pool.all:
            total._add_up(each)
        _watch.say('\n' + '\n'.join(text(total)))


class _Pool:
    """All there are, and those that no loop adds to."""

    def __init__(self):
        self.all = []
        self.idle = []

    def take(self):
        try:
            return self.idle.pop()
        except IndexError:
            made = LoopLateness()
            self.all.append(made)
            return made
