# SPDX-License-Identifier: MIT
"""The last events of the GIL, and what they mean.

The compiled part keeps them in a ring: see src/cpython/observe.h.
"""
import heapq
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

    __slots__ = 'thread', 'begin', 'end', 'first', 'last'

    def __init__(self, thread, begin, first):
        self.thread = thread
        self.begin = begin
        self.end = None
        self.first = first      # of the story's holds meanwhile, and
        self.last = first       # the one after the last of them


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
        self._waiting[thread] = Wait(thread, at, len(self.holds))

    def _ask(self, thread, at):
        if self._hold:
            self._hold.asked = thread, at

    def _take(self, thread, at):
        wait = self._waiting.pop(thread, None)
        if wait:
            self._end_wait(wait, at)
        self._end_hold(at)
        self._hold = Hold(thread, at)

    def _let_go(self, _thread, at):
        self._end_hold(at)

    def _forced(self, _thread, at):
        if self._hold:
            self._hold.forced = True
        self._end_hold(at)

    def _end_wait(self, wait, at):
        wait.end = at
        wait.last = len(self.holds) + (self._hold is not None)
        self.waits.append(wait)

    def _end_hold(self, at):
        if self._hold:
            self._hold.end = at
            self.holds.append(self._hold)
            self._hold = None

    def _end_all(self):
        """As if all ended with the last event."""
        self._end_hold(self.end)
        for wait in self._waiting.values():
            self._end_wait(wait, self.end)

    _STEPS = [_want, _ask, _take, _let_go, _forced]

    def parts(self, wait, most):
        """(holds, begin, end) of what it waited for, in the order of time.

        The longest holds, so many at most, have parts of their own; those
        between two of them share one.
        """
        holds = self._parts(wait)
        if len(holds) <= most:
            return [([hold], begin, end) for hold, begin, end in holds]
        return _joined(holds, most)

    def _parts(self, wait):
        """(hold, begin, end) of each hold of another thread meanwhile."""
        parts = []
        for hold in self.holds[wait.first:wait.last]:
            begin = max(wait.begin, hold.begin)
            end = min(wait.end, hold.end)
            if begin < end:
                parts.append((hold, begin, end))
        return parts


def _joined(holds, most):
    lengths = [begin - end for _, begin, end in holds]
    longest = set(heapq.nsmallest(most, range(len(holds)),
                                  key=lengths.__getitem__))
    parts, joined = [], None
    for i, (hold, begin, end) in enumerate(holds):
        if i in longest:
            parts.append(([hold], begin, end))
            joined = None
        elif joined is None:
            joined = [hold]
            parts.append((joined, begin, end))
        else:
            joined.append(hold)
            parts[-1] = joined, parts[-1][1], end
    return parts


def blame(story):
    """{(who waited, who held the GIL): ns}"""
    matrix = {}
    for wait in story.waits:
        for hold, begin, end in story._parts(wait):
            pair = wait.thread, hold.thread
            matrix[pair] = matrix.get(pair, 0) + end - begin
    return matrix
