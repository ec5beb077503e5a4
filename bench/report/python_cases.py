# SPDX-License-Identifier: MIT
"""What is measured of the Python package, and what it must reach."""

from dataclasses import dataclass
from statistics import median

from rows import Row, faster, not_slower

BASE = 'stock'
OURS = 'native'
KINDS = (BASE, OURS)

NOT_SLOWER = not_slower(OURS, BASE)


@dataclass
class Plan:
    """How much to measure."""

    repetitions: int
    seconds: float
    uncontended_repetitions: int
    values: int
    gil_repetitions: int
    gil_seconds: float
    gil_placements: tuple
    matrix_repetitions: int
    matrix_seconds: float
    matrix_beside: tuple
    complaints_beside: tuple
    overhead_repetitions: int


FULL = Plan(5, 0.25, 4, 5, 3, 0.15, ('one CPU', 'two CPUs', 'free'),
            5, 0.3, (0, 1, 2, 3, 8, 16), (1, 16), 9)
QUICK = Plan(2, 0.2, 1, 5, 1, 0.2, ('two CPUs',), 1, 0.2, (1,), (1,), 3)


def _times(factor):
    return faster(OURS, factor, BASE)


def _uncontended_targets():
    return {
        'Lock acquire+release': NOT_SLOWER,
        'Lock acquire, held': NOT_SLOWER,
        'Lock locked': NOT_SLOWER,
        'RLock acquire+release': NOT_SLOWER,
        'Condition notify nobody': _times(3),
        'Event set+clear': _times(10),
        'Event wait, set': _times(5),
        'Semaphore acquire+release': _times(10),
        'Queue put+get': _times(5),
        'SimpleQueue put+get': NOT_SLOWER,
        'new Condition': _times(3),
        'new Event': _times(3),
    }


def _placed(*factors):
    """So many times as fast, on one CPU, two CPUs, and free."""
    return {placement: [_times(factor)] for placement, factor
            in zip(('one CPU', 'two CPUs', 'free'), factors)}


CONTENDED = (
    ('Condition pair', 'condition-pair',
     {'one CPU': [_times(1.3)], 'two CPUs': [NOT_SLOWER]}),
    ('Independent pairs: 1', 'pairs-1', {}),
    ('Independent pairs: 2', 'pairs-2', {}),
    ('Independent pairs: 4', 'pairs-4', {}),
    ('Barrier of 4', 'barrier',
     {'one CPU': [_times(3)], 'two CPUs': [_times(3)], 'free': [_times(3)]}),
    ('SimpleQueue and back', 'simple-queue', _placed(1.5, 5, 5)),
    ('Queue(1)', 'queue-1', _placed(1.5, 5, 5)),
    ('Queue(100)', 'queue-100', _placed(1.5, 5, 5)),
    ('Queue(100) 4:4', 'queue-4:4', _placed(2, 2, 2)),
    ('Executor call', 'executor', _placed(2, 4, 4)),
    ('Executor of 8, call', 'executor-8', _placed(2, 4, 4)),
    ('Executor map', 'executor-map', _placed(2, 2, 2)),
    ('ThreadPool map', 'thread-pool-map', _placed(2, 2, 2)),
    ('asyncio.to_thread', 'to-thread', _placed(3, 3, 3)),
    ('asyncio.to_thread, 100', 'to-thread-100', _placed(3, 3, 3)),
)


def _alternating(repetition):
    """Stock and native; the other one goes first the next time."""
    return KINDS if repetition % 2 == 0 else KINDS[::-1]


class Contended:
    """One benchmark of several threads in one placement."""

    def __init__(self, title, benchmark, cpus, placement, targets):
        self.title = title
        self.benchmark = benchmark
        self.cpus = cpus
        self.row = Row(title, placement, base=BASE, targets=targets)

    def rows(self):
        """The row that it fills."""
        return [self.row]

    def cost(self, _bench, plan):
        """About how many seconds all of it takes."""
        return plan.repetitions * len(KINDS) * (plan.seconds + 0.15)

    def run(self, bench, plan, repetition):
        """Measure each once."""
        for kind in _alternating(repetition):
            result = bench.threaded('contended.py', self.benchmark,
                                    kind=kind, cpus=self.cpus,
                                    seconds=plan.seconds)
            self.row.add(kind, 1e9 / result['per_s'], result)


class Uncontended:
    """All of pyperf's benchmarks, a row for each."""

    title = 'one thread'

    def __init__(self, placement):
        self._rows = {title: Row(title, placement, base=BASE,
                                 targets=[target]) for title, target
                      in _uncontended_targets().items()}

    def rows(self):
        """A row for each benchmark."""
        return list(self._rows.values())

    def cost(self, _bench, plan):
        """About how many seconds all of it takes."""
        return (plan.uncontended_repetitions * len(KINDS) * len(self._rows)
                * (0.35 + 0.015 * plan.values))

    def run(self, bench, plan, repetition):
        """Measure each once."""
        if repetition >= plan.uncontended_repetitions:
            return
        for title, kinds in bench.uncontended(plan.values).items():
            for kind, values in kinds.items():
                self._rows[title].add(kind, median(values))


def make_cases(placements, plan):
    """All cases that this machine can run, in the table's order."""
    cases = [Contended(title, benchmark, cpus, placement,
                       targets.get(placement, []))
             for title, benchmark, targets in CONTENDED
             for placement, cpus in placements.items()]
    cases.append(Uncontended(next(iter(placements))))
    return cases
