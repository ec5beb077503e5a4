# SPDX-License-Identifier: MIT
"""--gil-report: who held the GIL and who waited, as a table or a page."""
import os

from . import _page, _stats, _watch
from ._text import (NUMBER, command, duration, percent, printable, shortened,
                    table)

MOST = 20           # rows
EVENTS = 1 << 16    # of which a page shows who made whom wait

HEAD = ['thread', 'held', '', 'waited', '', 'waits', 'p50', 'p99', 'max',
        'delayed others', 'takes', 'forced']


class Row:
    """A thread, or several of one kind."""

    def __init__(self, name, snapshot, serials):
        self.name = name
        self.serials = serials
        self.number = sum(snapshot.threads[each][3] for each in serials)
        self.tally = tally = _stats._sum(snapshot.tallies[each]
                                         for each in serials)
        self.waits = tally['wait'] + tally['cpu_bound_wait']

    @property
    def label(self):
        several = len(self.serials) > 1
        return self.name + (f' ({self.number} threads)' if several else '')

    def cells(self, observed):
        tally = self.tally
        quantiles = [duration(self.waits.quantile(q)) if self.waits.count
                     else '-' for q in (0.5, 0.99, 1)]
        return [self.label, duration(tally['held']),
                percent(tally['held'], observed), duration(tally['waited']),
                percent(tally['waited'], observed), str(self.waits.count),
                *quantiles, duration(tally['delayed']),
                str(tally['acquisitions']), str(tally['forced'])]


def rows_of(snapshot, most=MOST):
    """The threads by time held and waited; where many, those of a kind."""
    groups = {}
    many = len(snapshot.threads) > most
    for serial in snapshot.threads:
        name = printable(snapshot.name(serial))
        if many and serial:
            name = NUMBER.sub('N', name)
        groups.setdefault(name if many else serial, (name, []))[1].append(
            serial)
    rows = [Row(name, snapshot, serials) for name, serials in groups.values()]
    rows.sort(key=lambda row: row.tally['held'] + row.tally['waited'],
              reverse=True)
    if len(rows) > most:
        rest = [serial for row in rows[most - 1:] for serial in row.serials]
        rows[most - 1:] = [Row('others', snapshot, rest)]
    return rows


def headline():
    """Which process this is."""
    return f'the GIL in process {os.getpid()} ({command()})'


def summary(snapshot):
    """Lines that say the most important."""
    observed = snapshot.numbers['observed']
    yield (f'observed {duration(observed)}: held '
           f'{percent(snapshot.total["held"], observed)} of the time, '
           f'somebody waited '
           f'{percent(snapshot.numbers["contended"], observed)} of the time')
    for name, who in (('wait', 'threads back from blocking calls'),
                      ('cpu_bound_wait', 'CPU-bound threads')):
        waits = snapshot.total[name]
        if waits.count:
            yield (f'{who} waited {waits.count} times: half of them up to '
                   f'{duration(waits.quantile(0.5))}, 99 % up to '
                   f'{duration(waits.quantile(0.99))}, at most '
                   f'{duration(waits.max)}')
    if snapshot.lost:
        yield f'there was no memory to count {snapshot.lost} events'


def text(snapshot):
    rows = rows_of(snapshot)
    observed = snapshot.numbers['observed']
    cells = [row.cells(observed) for row in rows]
    for line in cells:
        line[0] = shortened(line[0], 32)
    return '\n'.join([headline(), *summary(snapshot), '',
                      *table([HEAD, *cells])]) + '\n'


class Report:
    """The tool for Watch; with a path it makes a page, too."""

    def __init__(self, path=None):
        self._output = path and _watch.Output(path)
        self.events = EVENTS if path else 0

    def show(self, snapshot):
        _watch.say('\n' + text(snapshot))
        if self._output and self._output.write(
                _page.page(snapshot, rows_of(snapshot), headline(),
                           list(summary(snapshot)))):
            _watch.say(f'the page is {self._output.path}')
