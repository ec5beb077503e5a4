# SPDX-License-Identifier: MIT
"""A row of the table: one case in one placement, and what it must reach."""

import math
from dataclasses import dataclass, field
from statistics import median
from typing import Callable

OURS = ('ppt', 'ppt-mutex')
PEERS = ('pthread', 'sem-counter', 'nsync', 'glib', 'absl')

# "Not slower" leaves this much to the noise of a run.
NOISE = 0.03


@dataclass
class Target:
    """Something to reach: what, how much was measured, and whether."""

    text: str
    measure: Callable
    least: float
    show: Callable = '{:.2f}x'.format

    def judge(self, row):
        """(measured, reached), or None where a part was not measured."""
        try:
            value = self.measure(row)
        except KeyError:
            return None
        return self.show(value), value >= self.least


@dataclass
class Row:
    """The figures of one case, by implementation and repetition."""

    case: str
    cpus: str
    unit: str = 'ns'
    base: str = 'pthread'
    higher_is_better: bool = False
    targets: list = field(default_factory=list)
    values: dict = field(default_factory=dict)
    results: dict = field(default_factory=dict)  # pptbench's own objects

    def add(self, impl, value, result=None):
        """Take in one measurement."""
        self.values.setdefault(impl, []).append(value)
        self.results.setdefault(impl, []).append(result or {})

    def median(self, impl):
        """The middle of impl's repetitions."""
        return median(self.values[impl])

    def ratios(self, impl, rival):
        """How many times better impl was than rival, each repetition."""
        pairs = zip(self.values[impl], self.values[rival])
        if self.higher_is_better:
            return [a / b if b else float('inf') for a, b in pairs]
        return [b / a if a else float('inf') for a, b in pairs]

    def ratio(self, impl, rival):
        """The middle of ratios."""
        return median(self.ratios(impl, rival))

    def middle(self, impl, key):
        """The median of what impl's results say of something else."""
        return median(result[key] for result in self.results[impl])

    def of(self, key):
        """A row of something else that the results say: less is better."""
        return Row(self.case, self.cpus, base=self.base,
                   values={impl: [result[key] for result in results]
                           for impl, results in self.results.items()})

    def best(self, impls):
        """That of impls with the best median; None where none is there."""
        there = [impl for impl in impls if impl in self.values]
        choose = max if self.higher_is_better else min
        return choose(there, key=self.median, default=None)


def faster(impl, factor, rival='pthread'):
    """impl is at least factor times faster than rival."""
    return Target(f'{impl} {factor:g}x {rival}',
                  lambda row: row.ratio(impl, rival), factor)


def better(impl, rival='pthread'):
    """impl is better than rival, by however little."""
    return Target(f'{impl} better than {rival}',
                  lambda row: row.ratio(impl, rival), math.nextafter(1, 2))


def less_late(impl, rival, key, name):
    """The same of something else that the results say."""
    return Target(f'{name}: {impl} better than {rival}',
                  lambda row: row.of(key).ratio(impl, rival),
                  math.nextafter(1, 2))


def not_slower(impl, rival='pthread', noise=NOISE):
    """impl is not slower than rival, by more than noise."""
    by = f' by over {100 * noise:g} %' if noise != NOISE else ''
    return Target(f'{impl} not slower than {rival}{by}',
                  lambda row: row.ratio(impl, rival), 1 - noise)


def not_slower_than_best_peer(impl):
    """impl is not slower than the fastest of the others."""
    return Target(f'{impl} not slower than best peer',
                  lambda row: row.ratio(impl, row.best(PEERS)), 1 - NOISE)


def never_slower(impl, rival='pthread'):
    """impl is not slower than rival in any single repetition."""
    return Target(f'{impl} never slower than {rival}',
                  lambda row: min(row.ratios(impl, rival)), 1)


def fair(impl, least):
    """Jain's index of impl, at the median, is at least so much."""
    return Target(f"{impl} Jain's index {least:g}",
                  lambda row: median(result['fairness']
                                     for result in row.results[impl]),
                  least, '{:.3f}'.format)


def leaves(impl, least):
    """Beside impl, at the median, CPU-bound threads keep so many percent."""
    return Target(f'CPU-bound threads keep {least:g} %',
                  lambda row: row.middle(impl, 'kept'), least,
                  '{:.0f} %'.format)


def spread(impl, least):
    """The least over the most of the CPU-bound threads beside impl."""
    return Target(f'their spread at least {least:g}',
                  lambda row: row.middle(impl, 'spread'), least,
                  '{:.2f}'.format)


def at_least(impl, least):
    """impl's figure is at least so much."""
    return Target(f'{impl} at least {least:g}',
                  lambda row: row.median(impl), least, '{:.3f}'.format)


def less_than(impl, most, unit):
    """impl's figure is less than so much."""
    return Target(f'{impl} less than {most:g} {unit}',
                  lambda row: -row.median(impl), -most,
                  lambda value: f'{-value:.3f} {unit}')
