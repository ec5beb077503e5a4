# SPDX-License-Identifier: MIT
"""--gil-trace: a timeline that Perfetto and Chrome open.

The format is the trace-event format, in JSON: a slice for each hold and each
wait, within a wait slices for the longest holds meanwhile and for what lies
between them, and an arrow from a request to the hold that it was for.
"""
import json
import os

from . import _watch
from ._text import command, printable

EVENTS = 1 << 18    # of 16 bytes
LONGEST = 8         # holds that a wait tells apart


def _us(ns):
    return ns / 1000


def _slice(pid, tid, name, begin, end, **args):
    return {'ph': 'X', 'cat': 'gil', 'name': name, 'pid': pid, 'tid': tid,
            'ts': _us(begin), 'dur': _us(end - begin), 'args': args}


class Writer:
    """Makes trace events of a story."""

    def __init__(self, snapshot, story):
        self._story = story
        self._pid = os.getpid()
        self._tids = {serial: thread[0] for serial, thread
                      in snapshot.threads.items() if serial}
        self._names = {serial: printable(snapshot.name(serial))
                       for serial in self._tids}

    def events(self):
        yield self._meta('process_name', self._pid, name=command())
        yield from self._threads()
        for number, hold in enumerate(self._story.holds):
            yield self._held(hold)
            if hold.asked:
                yield from self._arrow(number, hold)
        for wait in self._story.waits:
            yield from self._waited(wait)

    def _tid(self, thread):
        """Threads that are not on record any more have only their number."""
        return self._tids.get(thread, thread)

    def _name(self, thread):
        return self._names.get(thread, f'thread number {thread}')

    def _meta(self, what, tid, **args):
        return {'ph': 'M', 'name': what, 'pid': self._pid, 'tid': tid,
                'args': args}

    def _threads(self):
        seen = {each.thread for each in [*self._story.holds,
                                         *self._story.waits]}
        for thread in sorted(seen):
            yield self._meta('thread_name', self._tid(thread),
                             name=self._name(thread))
            yield self._meta('thread_sort_index', self._tid(thread),
                             sort_index=thread)

    def _held(self, hold):
        ended = 'after a request' if hold.forced else 'by itself'
        return _slice(self._pid, self._tid(hold.thread), 'holds the GIL',
                      hold.begin, hold.end, let_go=ended)

    def _arrow(self, number, hold):
        asking, at = hold.asked
        common = {'cat': 'gil', 'name': 'request', 'id': number,
                  'pid': self._pid, 'ts': _us(at)}
        yield {'ph': 's', 'tid': self._tid(asking), **common}
        yield {'ph': 'f', 'bp': 'e', 'tid': self._tid(hold.thread), **common}

    def _waited(self, wait):
        tid = self._tid(wait.thread)
        parts = [(self._names_of(holds), begin, end)
                 for holds, begin, end in self._story.parts(wait, LONGEST)]
        names = dict.fromkeys(name for name, _, _ in parts)
        yield _slice(self._pid, tid, 'waits for the GIL', wait.begin,
                     wait.end, held_by=', '.join(names))
        for name, begin, end in parts:
            yield _slice(self._pid, tid, f'held by {name}', begin, end)

    def _names_of(self, holds):
        """That of a thread, or 'others'."""
        threads = {hold.thread for hold in holds}
        return self._name(threads.pop()) if len(threads) == 1 else 'others'


def document(events, missing):
    """The parts of its text."""
    yield '{"displayTimeUnit": "ns",\n'
    yield ('"otherData": {"clock": "CLOCK_MONOTONIC", "events_lost": '
           f'{missing}}},\n"traceEvents": [')
    separator = '\n'
    for event in events:
        yield separator + json.dumps(event)
        separator = ',\n'
    yield '\n]}\n'


class Trace:
    """The tool for Watch."""

    events = EVENTS

    def __init__(self, path):
        self._output = _watch.Output(path)

    def show(self, snapshot):
        events = Writer(snapshot, snapshot.story).events()
        if self._output.write(document(events, snapshot.missing)):
            _watch.say(f'the trace is {self._output.path}')
