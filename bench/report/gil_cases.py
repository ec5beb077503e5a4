# SPDX-License-Identifier: MIT
"""Threads that share the GIL: what is measured, and what it must reach."""

from rows import Row, faster, leaves, not_slower

BASE = 'stock'
SHORT_INTERVAL = 'stock-0.1ms'
OURS = 'native-priority'
SCHEDULED = 'stock-priority'
VARIANTS = (BASE, SHORT_INTERVAL, SCHEDULED, 'native', OURS)

KEPT = leaves(OURS, 30)
CONVOY = [faster(OURS, 100, BASE), faster(OURS, 5, SHORT_INTERVAL), KEPT]


class _InTurn:
    """The variants in turn, in each placement.

    A subclass has a script of so many runs, and `_take` fills its rows.
    """

    script = title = ''
    runs = 1

    def __init__(self, placements, variants):
        self.placements = placements
        self.variants = variants

    def cost(self, _bench, plan):
        """About how many seconds all of it takes."""
        return (plan.gil_repetitions * len(self.placements)
                * len(self.variants)
                * (0.15 + self.runs * (plan.gil_seconds + 0.04)))

    def run(self, bench, plan, repetition):
        """Measure each once; a different one goes first."""
        if repetition >= plan.gil_repetitions:
            return
        first = repetition % len(self.variants)
        for placement, cpus in self.placements.items():
            for variant in self.variants[first:] + self.variants[:first]:
                self._take(placement, variant, bench.threaded(
                    self.script, *self.arguments(), '--repetitions', '1',
                    kind=variant, cpus=cpus, seconds=plan.gil_seconds))

    def arguments(self):
        """What the script is told besides."""
        return ()

    def _take(self, placement, variant, result):
        raise NotImplementedError


def _row(title, placement, targets, unit='/s'):
    return Row(title, placement, unit=unit, base=BASE, higher_is_better=True,
               targets=targets)


def _pair_targets(pair, beside, placement):
    if pair == 'Lock':
        return []
    if beside:
        return CONVOY if placement == 'two CPUs' else [KEPT]
    return {'one CPU': [faster(OURS, 1.3, BASE)],
            'two CPUs': [faster(OURS, 10, BASE)]}.get(placement, [])


class Giltest(_InTurn):
    """A row for each pair; those of e, whose threads are free, over all."""

    script = 'giltest.py'
    title = 'giltest'
    runs = 9

    def __init__(self, placements, variants):
        super().__init__(placements, variants)
        self._e = {key: _row(f'giltest: {title}', 'free',
                             [not_slower(OURS, BASE)], '')
                   for key, title in (('e', 'e'), ('e_4', 'e of 4'))}
        self._pairs = {
            (placement, pair, beside): _row(
                f'giltest: {pair} pairs/s{text}', placement,
                _pair_targets(pair, beside, placement))
            for placement in placements for pair in ('Lock', 'Condition')
            for beside, text in enumerate(('', ' beside 1', ' beside 2'))}

    def rows(self):
        """Those that it fills."""
        return [*self._e.values(), *self._pairs.values()]

    def _take(self, placement, variant, result):
        for key, row in self._e.items():
            row.add(variant, result[key])
        for (where, pair, beside), row in self._pairs.items():
            if where != placement:
                continue
            pairs = f'{pair.lower()}_pairs'
            if beside:
                row.add(variant, result[f'{pairs}_per_s_beside_{beside}'],
                        {'kept': result[f'{pairs}_beside_{beside}_keep']})
            else:
                row.add(variant, result[f'{pairs}_per_s'])


class EventCase(_InTurn):
    """Rounds per second of an event beside a thread that never rests."""

    script = 'event_case.py'
    title = 'Event'

    def __init__(self, placements, variants):
        super().__init__(placements, variants)
        self._rows = {
            placement: _row('Event answers/s beside 1', placement,
                            [faster(OURS, 10, BASE)])
            for placement in placements}

    def rows(self):
        """Those that it fills."""
        return list(self._rows.values())

    def _take(self, placement, variant, result):
        self._rows[placement].add(variant, result['per_s'], result)


def make_cases(placements, variants):
    """All cases, in the table's order, of the variants that are possible."""
    variants = [name for name in VARIANTS if name in variants]
    return [Giltest(placements, variants), EventCase(placements, variants)]
