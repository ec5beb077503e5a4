# SPDX-License-Identifier: MIT
"""Threads back from blocking calls beside any number of CPU-bound ones.

Each case fills three rows: how many, how late, and what the CPU-bound threads
keep.  Where one of our variants is worse than one of stock, its row says so.
"""

from dataclasses import dataclass

from gil_cases import BASE, OURS, SCHEDULED, SHORT_INTERVAL
from rows import Row, faster, leaves, less_late, not_slower, spread

VARIANTS = (BASE, SHORT_INTERVAL, SCHEDULED, OURS)
STOCKS = (BASE, SHORT_INTERVAL)
OVERHEAD = 0.02  # what a program that needs no scheduler may lose
START = 0.35  # seconds a run takes besides


@dataclass
class Kind:
    """What is measured, and how many times stock-0.1ms beside so many."""

    script: str
    case: str
    title: str
    times: dict
    late: tuple = ()  # beside so many never later than stock-0.1ms
    counted: bool = True  # not only timed: the more the better


MATRIX = (
    Kind('beside.py', 'udp', 'UDP echo', {1: 6, 2: 1.5, 8: 1.5}),
    Kind('beside.py', 'tcp', 'TCP echo', {}),
    Kind('beside.py', 'pipes', 'pipes', {1: 6, 2: 1.5, 3: 1.5}),
    Kind('beside.py', 'condition', 'Condition pair', {1: 15, 2: 15, 3: 15}),
    Kind('beside.py', 'executor', 'executor call', {1: 5, 2: 2, 3: 2}),
    Kind('beside.py', 'to-thread', 'asyncio.to_thread', {}),
    Kind('beside.py', 'sleep', 'sleep(1 ms)', {}, counted=False),
    Kind('beside.py', 'tick', 'asyncio tick', {}, (1, 3, 8, 16), False),
)
COMPLAINTS = (
    Kind('complaints.py', 'heartbeat', 'heartbeat', {}, counted=False),
    Kind('complaints.py', 'event-loop', 'event loop', {}),
    Kind('complaints.py', 'tokens', 'tokens', {}, counted=False),
    Kind('complaints.py', 'timer', 'timer', {}, counted=False),
)
QUANTILES = ('p50_us', 'median'), ('p99_us', '99 %'), ('max_us', 'worst')


def long_enough(seconds, beside):
    """For each of so many CPU-bound threads to have some slices of 5 ms."""
    return max(seconds, 0.06 * beside)


class _Each:
    """All variants once in each repetition; a different one goes first."""

    script = title = ''

    def __init__(self, variants):
        self.variants = [name for name in VARIANTS if name in variants]

    def repetitions(self, plan):
        """How often."""
        return plan.matrix_repetitions

    def seconds(self, plan):
        """How long one run lasts."""
        return plan.matrix_seconds

    def cost(self, _bench, plan):
        """About how many seconds all of it takes."""
        return (self.repetitions(plan) * len(self.variants)
                * (self.seconds(plan) + START))

    def run(self, bench, plan, repetition):
        """Measure each once."""
        if repetition >= self.repetitions(plan):
            return
        first = repetition % len(self.variants)
        for variant in self.variants[first:] + self.variants[:first]:
            self._take(variant, bench.threaded(
                self.script, '--one', *self.arguments(), kind=variant,
                cpus='free', seconds=self.seconds(plan)))

    def arguments(self):
        """What the script is told besides."""
        raise NotImplementedError

    def _take(self, variant, result):
        raise NotImplementedError


class Beside(_Each):
    """One kind beside so many CPU-bound threads."""

    def __init__(self, variants, kind, beside):
        super().__init__(variants)
        self.title = kind.title
        self.script = kind.script
        self.kind = kind
        self.beside = beside
        title = kind.title + f', beside {beside}' * bool(beside)
        self.rate = Row(title, 'free', '/s', BASE, True, self._rate_targets())
        self.late = Row(title, 'free', 'us', BASE, False,
                        self._late_targets())
        self.kept = Row(title, 'free', '%', BASE, True,
                        [leaves(OURS, 30)]
                        + [spread(OURS, 0.8)] * (beside > 1))

    def _rate_targets(self):
        times = self.kind.times.get(self.beside)
        return [faster(OURS, times, SHORT_INTERVAL)] if times else []

    def _late_targets(self):
        if self.beside not in self.kind.late:
            return []
        return [less_late(OURS, SHORT_INTERVAL, *quantile)
                for quantile in QUANTILES]

    def rows(self):
        """All of them."""
        return [self.rate, self.late] + [self.kept] * bool(self.beside)

    def cost(self, bench, plan):
        alone = self.repetitions(plan) * len(self.variants) * min(
            0.5, self.seconds(plan)) * bool(self.beside)
        return super().cost(bench, plan) + alone

    def seconds(self, plan):
        return long_enough(plan.matrix_seconds, self.beside)

    def arguments(self):
        return '--case', self.kind.case, '--beside', str(self.beside)

    def _take(self, variant, result):
        self.rate.add(variant, result['per_s'], result)
        self.late.add(variant, result['p50_us'], result)
        if self.beside:
            self.kept.add(variant, result['kept'], result)


class Overhead(_Each):
    """What one operation takes at least where the process has one thread.

    Whatever else the machine does only adds to it.
    """

    script = 'overhead.py'
    title = 'overhead'

    def __init__(self, variants, case, title):
        super().__init__([name for name in variants
                          if name != SHORT_INTERVAL])
        self.case = case
        self._row = Row(title, 'free', 'ns', BASE, False,
                        [not_slower(name, BASE, OVERHEAD)
                         for name in (SCHEDULED, OURS)])

    def rows(self):
        """The one that it fills."""
        return [self._row]

    def repetitions(self, plan):
        return plan.overhead_repetitions

    def seconds(self, _plan):
        return 0.2

    def arguments(self):
        return '--case', self.case

    def _take(self, variant, result):
        self._row.add(variant, result['least_ns'], result)


def make_matrix(variants, plan):
    """The cases of the matrix, in the table's order."""
    return [Beside(variants, kind, beside) for kind in MATRIX
            for beside in plan.matrix_beside]


def make_complaints(variants, plan):
    """Those of users' complaints."""
    return [Beside(variants, kind, beside) for kind in COMPLAINTS
            for beside in plan.complaints_beside]


def make_overhead(variants):
    """Those of programs that need no scheduler."""
    return [Overhead(variants, case, title) for case, title in (
        ('compute', 'one thread computes'),
        ('read', 'os.read of /dev/zero, nobody waits'),
        ('socket', 'a byte through a socketpair, nobody waits'))]
