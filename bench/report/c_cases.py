# SPDX-License-Identifier: MIT
"""What is measured, and what each case must reach."""

import os
import shlex
from dataclasses import dataclass, field

from pptbench import hyperfine
from process import Failure
from rows import (OURS, PEERS, Row, at_least, fair, faster, less_than,
                  never_slower, not_slower, not_slower_than_best_peer)

ALL = OURS + PEERS
POLICIES = ('ppt', 'mutex', 'interval')

# Enough to read for seconds, there on every machine that can build us.
DIRECTORIES = ('/usr/include', '/usr/share')


@dataclass
class Plan:
    """How much to measure."""

    repetitions: int
    seconds: float
    lock_seconds: float
    gil_seconds: float
    gil_repetitions: int
    idle_seconds: float
    impls: tuple


FULL = Plan(5, 0.25, 1.0, 0.4, 3, 10, ALL)
QUICK = Plan(2, 0.2, 0.3, 0.2, 1, 1, OURS + ('pthread', 'nsync'))


@dataclass
class Case:
    """One pptbench command in one placement, over all implementations."""

    command: str
    title: str
    cpus: str
    placement: str
    targets: list
    options: tuple = ()
    seconds: float = 0
    also: tuple = ()      # for information, beside the plan's
    row: Row = field(init=False)

    def __post_init__(self):
        self.row = Row(self.title, self.placement, targets=self.targets)

    def rows(self):
        """The rows that it fills."""
        return [self.row]

    def cost(self, bench, plan):
        """About how many seconds all of it takes."""
        return plan.repetitions * self.seconds * len(self.impls(bench, plan))

    def impls(self, bench, plan):
        """Those that are there and have the primitive."""
        return [impl for impl in plan.impls + self.also
                if bench.has(impl, self.command)]

    def run(self, bench, plan, repetition):
        """Measure each implementation once; a different one goes first."""
        impls = self.impls(bench, plan)
        first = repetition % len(impls)
        for impl in impls[first:] + impls[:first]:
            result = bench.measure(self.command, impl, self.cpus,
                                   *self.options, seconds=self.seconds)
            self.row.add(impl, result['ns_per_op'], result)


class GilCase:
    """The three policies of the gil, and giltest's columns as rows."""

    COLUMNS = (
        ('e', 'gil: e', [at_least('ppt', 0.95)]),
        ('pairs_per_s', 'gil: pairs/s', []),
        ('pairs_per_s_beside_1', 'gil: pairs/s beside 1',
         [faster('ppt', 20, 'interval')]),
        ('pairs_per_s_beside_2', 'gil: pairs/s beside 2',
         [faster('ppt', 20, 'interval')]),
    )

    title = 'gil'

    def __init__(self, cpus, placement):
        self.cpus = cpus
        self.placement = placement
        self._rows = {
            key: Row(title, placement, unit='' if key == 'e' else '/s',
                     base='interval', higher_is_better=True, targets=targets)
            for key, title, targets in self.COLUMNS}

    def rows(self):
        """A row for each column."""
        return list(self._rows.values())

    def cost(self, _bench, plan):
        """About how many seconds all of it takes: five runs each."""
        return plan.gil_repetitions * 5 * plan.gil_seconds * len(POLICIES)

    def run(self, bench, plan, repetition):
        """Measure each policy once."""
        if repetition >= plan.gil_repetitions:
            return
        for policy in POLICIES:
            result = bench.measure('gil', 'ppt', self.cpus, '--policy',
                                   policy, seconds=plan.gil_seconds)
            for key, row in self._rows.items():
                row.add(policy, result[key], result)


class IdleCase:
    """What a blocked thread costs."""

    title = 'idle'

    def __init__(self, plan):
        self.row = Row(f'idle {plan.idle_seconds:g} s: CPU', 'free',
                       unit='ms', targets=[less_than('ppt', 1, 'ms'),
                                           less_than('ppt-mutex', 1, 'ms')])

    def rows(self):
        """The row that it fills."""
        return [self.row]

    def cost(self, _bench, plan):
        """How many seconds all of it takes."""
        return plan.idle_seconds * len(OURS)

    def run(self, bench, plan, repetition):
        """Measure each once, in the first repetition."""
        if repetition > 0:
            return
        for impl in OURS:
            result = bench.measure('idle', impl, 'free',
                                   seconds=plan.idle_seconds)
            self.row.add(impl, 1e-6 * result['cpu_ns_per_op'], result)


class FilesCase:
    """A whole program, timed by hyperfine; its output must not differ."""

    title = 'files'

    def __init__(self, export):
        self.export = export
        self.directory = max(DIRECTORIES, key=os.path.isdir)
        self.row = Row(f'files {self.directory}', 'free', unit='s')

    def rows(self):
        """The row that it fills."""
        return [self.row]

    def cost(self, _bench, _plan):
        """A guess."""
        return 15

    def run(self, bench, plan, repetition):
        """Compare the digests, then the times, in the first repetition."""
        if repetition > 0:
            return
        commands = {}
        digests = set()
        for impl in ('pthread', 'ppt'):
            result = bench.measure('files', impl, 'free', self.directory)
            digests.add(result['digest'])
            commands[impl] = shlex.join([bench.path, 'files', self.directory,
                                         '--impl', impl])
        if len(digests) != 1:
            raise Failure(f'files: the outputs differ: {digests}')
        runs = max(2, min(plan.repetitions, int(5 / result['seconds'])))
        for impl, times in hyperfine(commands, runs, self.export).items():
            for seconds in times:
                self.row.add(impl, seconds, {'digest': result['digest']})


def _pair_targets(placement):
    return {
        'one CPU': [faster('ppt', 1.7), not_slower('ppt', 'nsync'),
                    not_slower('ppt-mutex')],
        'two CPUs': [faster('ppt', 30), faster('ppt-mutex', 15)],
        'free': [faster('ppt', 2), never_slower('ppt')],
    }[placement]


def _queue_cases(placements, plan):
    for producers in (1, 4):
        options = ('--producers', str(producers),
                   '--consumers', str(producers), '--capacity', '64')
        for placement, cpus in placements.items():
            yield Case('queue', f'queue {producers}:{producers}', cpus,
                       placement, [not_slower_than_best_peer('ppt')],
                       options, plan.seconds)


def _lock_cases(placements, plan):
    if 'one CPU' in placements:
        yield Case('lock', 'lock uncontended', placements['one CPU'],
                   'one CPU', [not_slower('ppt')], (), plan.seconds)
    if 'two CPUs' in placements:
        for threads in (2, 8):
            yield Case('lock', f'lock {threads} threads',
                       placements['two CPUs'], 'two CPUs',
                       [not_slower('ppt', 'nsync'), fair('ppt', 0.8)],
                       ('--threads', str(threads)), plan.lock_seconds)


def _semaphore_cases(placements, plan):
    for placement, cpus in placements.items():
        yield Case('semaphore', 'semaphore 2 threads', cpus, placement,
                   [not_slower('ppt')], ('--threads', '2'), plan.seconds)


def _barrier_cases(placements, plan):
    if 'two CPUs' in placements:
        for threads, target in ((2, faster('ppt', 5)),
                                (8, not_slower('ppt'))):
            yield Case('barrier', f'barrier {threads} threads',
                       placements['two CPUs'], 'two CPUs', [target],
                       ('--threads', str(threads)), plan.seconds)


def _broadcast_cases(placements, plan):
    if 'free' in placements:
        for threads in (100, 1000) if plan is FULL else (100,):
            yield Case('broadcast', f'broadcast to {threads}',
                       placements['free'], 'free', [not_slower('ppt')],
                       ('--threads', str(threads)), plan.seconds)


def make_cases(bench, placements, plan, results):
    """All cases that this machine can run, in the table's order."""
    default = bench.impls['ppt']['port']
    informative = ()
    if plan is FULL:
        informative = ('ppt-mutex-unlock', 'pthread-unlock') + tuple(
            impl for impl in bench.impls
            if impl.startswith(('ppt@', 'ppt-mutex@'))
            and not impl.endswith('@' + default))

    cases = [Case('pair', 'pair', where, placement, _pair_targets(placement),
                  (), plan.seconds, informative)
             for placement, where in placements.items()]
    cases += _queue_cases(placements, plan)
    cases += _lock_cases(placements, plan)
    some, where = next(iter(placements.items()))
    cases.append(Case('signal', 'signal to nobody', where, some,
                      [not_slower('ppt')], (), plan.seconds))
    cases += _semaphore_cases(placements, plan)
    cases += _barrier_cases(placements, plan)
    cases += _broadcast_cases(placements, plan)
    cases += [GilCase(where, placement)
              for placement, where in placements.items()
              if placement != 'one CPU']
    cases.append(IdleCase(plan))
    cases.append(FilesCase(os.path.join(results, 'hyperfine.json')))
    return cases
