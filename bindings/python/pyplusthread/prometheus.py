# SPDX-License-Identifier: MIT
"""The numbers of gil_stats() for prometheus_client.

    from prometheus_client import REGISTRY
    from pyplusthread.prometheus import GilCollector

    REGISTRY.register(GilCollector())

prometheus_client has to be installed; nothing else of the package needs it.
"""
import os
import threading
import weakref

from prometheus_client.core import (CounterMetricFamily,
                                    HistogramMetricFamily)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from . import _stats
from ._text import NUMBER, printable

__all__ = ['GilCollector']

PREFIX = 'pyplusthread_gil_'

# Names of metrics, what they are in _stats, and their help.
OF_THE_GIL = [
    ('observed_seconds', 'observed', 'Time since the GIL is observed.'),
    ('contended_seconds', 'contended',
     'Time in which at least one thread waited for the GIL.'),
    ('handing_over_seconds', 'handing_over',
     'Time in which a thread waited for the GIL and nobody held it.'),
]
COUNTS = [
    ('held_seconds', 'held', 'Time that the GIL was held.'),
    ('waited_seconds', 'waited', 'Time that threads waited for the GIL.'),
    ('acquisitions', 'acquisitions', 'How often the GIL was taken.'),
    ('forced_releases', 'forced',
     'How often the GIL was let go of after a request.'),
    ('voluntary_releases', 'voluntary',
     'How often the GIL was let go of without a request.'),
    ('requests_made', 'requests_made',
     'How often a thread asked another to let go of the GIL.'),
    ('requests_suffered', 'requests_suffered',
     'How often a thread was asked to let go of the GIL.'),
    ('delayed_seconds', 'delayed',
     'Time that others waited while the GIL was held.'),
]
# The classes that have a histogram each, and what it is in _stats.
HISTOGRAMS = [
    ('hold_seconds', 'How long the GIL was held.',
     {'blocking': 'hold', 'cpu_bound': 'cpu_bound_hold'}),
    ('wait_seconds', 'How long a thread waited for the GIL.',
     {'blocking': 'wait', 'cpu_bound': 'cpu_bound_wait'}),
    ('response_seconds',
     'Time from the first request to the release of the GIL.',
     {None: 'response'}),
]

# Upper bounds: powers of four ns, which are bounds of _stats's buckets, too.
POWERS = range(10, 37, 2)

# Threads that have ended and are not on record one by one any more; threads
# beyond the most that are told apart.
ENDED, OTHERS = 'ended', 'others'


class _Sums:
    """What was counted: sums that never become less.

    A thread's numbers are added to those of its label when they are seen, so
    a label keeps them when the thread ends, is summed up with others that
    have, or gets another name, and when counting begins with 0 again.
    """

    def __init__(self, most):
        self._most = most
        self._before = None
        self.numbers = dict.fromkeys(_stats.OF_THE_GIL, 0.0)
        self.total = _stats._nothing()
        self.threads = {}   # {label: COUNTS}

    @property
    def has_begun(self):
        return self._before is not None

    def update(self):
        after, before = _stats.snapshot(), self._before
        if after is None:
            return
        if before is not None and before.since != after.since:
            before = None
        self._add_total(after, before)
        if self._most:
            self._add_threads(after, before)
        self._before = after

    def _add_total(self, after, before):
        for name, value in after.numbers.items():
            old = before.numbers[name] if before else 0
            self.numbers[name] += max(0, value - old)
        total = after.total
        if before:
            total = _stats._difference(total, before.total)
        self.total = _stats._sum([self.total, total])

    def _add_threads(self, after, before):
        old = before.counts if before else {}
        rest = _less(_sum(after.counts), _sum(old))
        for serial, counts in sorted(after.counts.items()):
            if serial:
                counts = _less(counts, old.get(serial))
                rest = _less(rest, counts)
                self._add(self._label(after.name(serial)), counts)
        if any(rest):
            self._add(ENDED, rest)

    def _label(self, name):
        label = NUMBER.sub('N', printable(name))
        is_new = label not in self.threads
        return OTHERS if is_new and self._is_full() else label

    def _is_full(self):
        return len(self.threads.keys() - {ENDED, OTHERS}) >= self._most

    def _add(self, label, counts):
        sums = self.threads.get(label) or [0] * len(counts)
        self.threads[label] = [a + b for a, b in zip(sums, counts)]


def _less(counts, others):
    if others is None:
        return counts
    return [max(0, a - b) for a, b in zip(counts, others)]


def _sum(counts):
    """Of all threads."""
    return ([sum(values) for values in zip(*counts.values())]
            or [0] * len(_stats.COUNTS))


def _buckets(histogram):
    """Pairs of an upper bound and how many were shorter, as text wants it."""
    counts = histogram._counts
    pairs = [(floatToGoString((1 << power) * 1e-9),
              sum(counts[:4 * (power - 1)])) for power in POWERS]
    return [*pairs, ('+Inf', histogram.count)]


def _in_children(method):
    """Call the method, which is a weak reference, in children of a fork."""
    os.register_at_fork(after_in_child=lambda: (method() or int)())


class GilCollector(Collector):
    """A collector for a registry of prometheus_client.

    It counts as observe_gil() does from when it is made until close(), for
    all threads together and by thread; a scrape resets nothing.  A label
    thread is the thread's name with "N" for each number, so that the threads
    of a pool are one.  Beyond max_threads of these labels the rest are
    "others", and threads that ended unseen are "ended"; 0 leaves the metrics
    by thread out.

    A child of a fork counts from 0.  Where there is no GIL, or it is not
    scheduled, there are no samples.
    """

    def __init__(self, *, max_threads=64):
        self._max_threads = max_threads
        self._is_open = True
        self._begin()
        _in_children(weakref.WeakMethod(self._begin))
        _stats._begin()

    def _begin(self):
        self._lock = threading.Lock()
        self._sums = _Sums(self._max_threads)

    def close(self):
        """Stop counting, for this collector."""
        with self._lock:
            if self._is_open:
                self._is_open = False
                _stats._end()

    def describe(self):
        """The metrics without samples, for the registry to know the names."""
        return self._families()

    def collect(self):
        """The metrics, as they are now."""
        with self._lock:
            if self._is_open:
                self._sums.update()
            families = self._families()
            if self._sums.has_begun:
                self._fill(iter(families))
        return families

    # Both in the same order.

    def _families(self):
        counters = [*OF_THE_GIL, *COUNTS]
        families = [CounterMetricFamily(PREFIX + name, text, labels=[])
                    for name, _, text in counters]
        families += [HistogramMetricFamily(
            PREFIX + name, text, labels=[] if None in classes else ['class'])
            for name, text, classes in HISTOGRAMS]
        if self._max_threads:
            families += [CounterMetricFamily(f'{PREFIX}thread_{name}', text,
                                             labels=['thread'])
                         for name, _, text in COUNTS]
        return families

    def _fill(self, families):
        sums = self._sums
        values = sums.numbers | sums.total
        for _, name, _ in [*OF_THE_GIL, *COUNTS]:
            next(families).add_metric([], values[name])
        for _, _, classes in HISTOGRAMS:
            family = next(families)
            for label, name in classes.items():
                family.add_metric([label] if label else [],
                                  _buckets(values[name]), values[name].sum)
        for (_, name, _), family in zip(COUNTS, families):
            self._fill_by_thread(family, name)

    def _fill_by_thread(self, family, name):
        which = _stats.COUNTS.index(name)
        factor = 1e-9 if name in _stats.TIMES else 1
        for label, counts in self._sums.threads.items():
            family.add_metric([label], counts[which] * factor)
