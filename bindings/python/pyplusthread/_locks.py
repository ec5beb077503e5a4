# SPDX-License-Identifier: MIT
"""Which locks threads wait for: lock_stats() and its like.

The compiled part counts, see src/wait/contention.c.
"""
import os
import time

from . import _core, _watch
from ._stats import _histogram
from ._text import command, duration, percent, printable, table

MOST = 10       # rows

MUCH = 0.02     # part of the time
SHORT = 100e-6  # s
OFTEN = 1000    # waits in a second


def lock_stats():
    """Which Locks and RLocks of this package threads have waited for.

    Counting begins with observe_locks(), at 0.  Returns a list of dicts, one
    for each lock that a thread found held and waited for, the one that was
    waited for longest first.  Those inside of the other types count, too.

    name       as its repr has it: type and address
    place      file, line and function where it was waited for first; None if
               these are several locks
    gone       whether it exists no more
    locks      more than 1 if these are many that are gone
    waits      how often a thread waited for it, with success or not
    waited     seconds, all added up
    wait       Histogram of these times
    queued     after how many of these waits there were others that waited
    hold       Histogram of the times that it was held after such a wait

    A lock that was never waited for is not there.  There are 256 locks at a
    time, besides the sum of those that are gone.
    """
    found = [_as_dict(*each) for each in _core._locks_copy()]
    return sorted(found, key=lambda each: each['waited'], reverse=True)


def _as_dict(address, kind, place, locks, queued, waits, holds):
    wait = _histogram(waits)
    return {'name': f'<{kind} object at {address:#x}>' if address
                    else f'<{kind} object that is gone>' if place
                    else 'other locks',
            'place': place or None, 'gone': not address, 'locks': locks,
            'waits': wait.count, 'waited': wait.sum, 'wait': wait,
            'queued': queued, 'hold': _histogram(holds)}


_is_on = False


def observe_locks(enabled=True):
    """Begin to count for lock_stats(), with 0, or stop; stopped by default.

    Only a thread that waits for a lock counts: what nobody waits for costs
    nothing.  What was counted until it was stopped remains to be seen.
    """
    global _is_on
    if bool(enabled) != _is_on:
        _is_on = not _is_on
        _begin() if _is_on else _end()


_observers = 0
_since = 0.0


def _begin():
    global _observers, _since
    _core._locks_count(True)
    if not _observers:
        _since = time.monotonic()
    _observers += 1


def _end():
    global _observers
    _core._locks_count(False)
    _observers -= 1


# For the report.

HEAD = ['lock', 'first waited for at', 'waits', 'waited', 'p50', 'p99', 'max',
        'others queued', 'held then, p50']


def _cells(each):
    wait, hold = each['wait'], each['hold']
    place = printable(each['place'] or '-')
    return [printable(each['name']), place[-40:], str(each['waits']),
            *(duration(seconds) for seconds in (
                wait.sum, wait.quantile(0.5), wait.quantile(0.99), wait.max)),
            percent(each['queued'], each['waits']),
            duration(hold.quantile(0.5)) if hold.count else '-']


class Locks:
    """The tool for Watch, which tells of a program that has waited for some."""

    events = 0
    needs_gil = False

    def begin(self):
        _begin()

    def show(self, _snapshot):
        found = lock_stats()[:MOST]
        if found:
            head = f'the locks in process {os.getpid()} ({command()})'
            _watch.say('\n'.join(['', head, '', *table(
                [HEAD, *map(_cells, found)], left=2)]))


# For the doctor.

def advice():
    """Paragraphs about the locks that threads waited for much."""
    observed = time.monotonic() - _since
    for each in lock_stats():
        if each['waited'] > MUCH * observed and each['hold'].count:
            if each['hold'].quantile(0.5) > SHORT:
                yield _about(each) + HELD_LONG
            elif _is_convoy(each, observed):
                yield _about(each) + CONVOY


def _is_convoy(each, observed):
    """So many waits: where threads that run take it in between, it is none."""
    return (each['waits'] > OFTEN * observed
            and 2 * each['queued'] > each['waits'])


def _about(each):
    where = f', first at {printable(each["place"])}' if each['place'] else ''
    return (f'Threads waited {each["waits"]} times for the lock '
            f'{printable(each["name"])}{where}: '
            f'{duration(each["waited"])} in all.  After '
            f'{percent(each["queued"], each["waits"])} of these waits others '
            f'were queued for it, and half of the holds that followed lasted '
            f'up to {duration(each["hold"].quantile(0.5))}.  ')


CONVOY = ('That is a lock convoy: each release has to wake a thread, which '
          'costs more than what is done with the lock.  Take it less often, '
          'for more at a time, or give each thread a part of its own.')
HELD_LONG = ('Do less while it is held, above all nothing that blocks, or '
             'give each thread a part of its own.')
