# SPDX-License-Identifier: MIT
"""The last events of the GIL, and what they mean.

The compiled part keeps them in a ring: see src/cpython/observe.h.
"""
import struct

EVENT = struct.Struct('=qII')
WANT, ASK, TAKE, LET_GO, FORCED = range(5)


class Hold:
    """A thread has the GIL.  Times in ns of the monotonic clock."""

    __slots__ = 'thread', 'begin', 'end', 'forced', 'asked'

    def __init__(self, thread, begin):
        self.thread = thread
        self.begin = begin
        self.end = None
        self.forced = False
        self.asked = None       # (by whom, when), first


class Wait:
    """A thread waits for the GIL."""

    __slots__ = 'thread', 'begin', 'end', 'holds'

    def __init__(self, thread, begin):
        self.thread = thread
        self.begin = begin
        self.end = None
        self.holds = []         # those of others meanwhile

    def parts(self):
        """(hold, begin, end) of what it waited for."""
        for hold in self.holds:
            begin = max(self.begin, hold.begin)
            end = self.end if hold.end is None else min(self.end, hold.end)
            if begin < end:
                yield hold, begin, end


class Story:
    """Holds and waits, in the order of their ends."""

    def __init__(self, packed):
        self.holds = []
        self.waits = []
        self._waiting = {}
        self._hold = None
        events = sorted(EVENT.iter_unpack(packed), key=lambda event: event[0])
        self.begin = events[0][0] if events else 0
        self.end = events[-1][0] if events else 0
        for at, thread, kind in events:
            self._STEPS[kind](self, thread, at)
        self._end_all()

    def _want(self, thread, at):
        wait = self._waiting[thread] = Wait(thread, at)
        if self._hold:
            wait.holds.append(self._hold)

    def _ask(self, thread, at):
        if self._hold:
            self._hold.asked = thread, at

    def _take(self, thread, at):
        wait = self._waiting.pop(thread, None)
        if wait:
            wait.end = at
            self.waits.append(wait)
        self._end_hold(at)
        self._hold = Hold(thread, at)
        for wait in self._waiting.values():
            wait.holds.append(self._hold)

    def _let_go(self, _thread, at):
        self._end_hold(at)

    def _forced(self, _thread, at):
        if self._hold:
            self._hold.forced = True
        self._end_hold(at)

    def _end_hold(self, at):
        if self._hold:
            self._hold.end = at
            self.holds.append(self._hold)
            self._hold = None

    def _end_all(self):
        """As if all ended with the last event."""
        self._end_hold(self.end)
        for wait in self._waiting.values():
            wait.end = self.end
            self.waits.append(wait)

    _STEPS = [_want, _ask, _take, _let_go, _forced]


def blame(story):
    """{(who waited, who held the GIL): ns}"""
    matrix = {}
    for wait in story.waits:
        for hold, begin, end in wait.parts():
            pair = wait.thread, hold.thread
            matrix[pair] = matrix.get(pair, 0) + end - begin
    return matrix
