"""Threads that share the GIL: what is measured, and what it must reach."""

from rows import Row, better, faster, leaves, not_slower

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
    """A row for each pair; one of e, whose threads are free, over all."""

    script = 'giltest.py'
    title = 'giltest'
    runs = 8

    def __init__(self, placements, variants):
        super().__init__(placements, variants)
        self._e = _row('giltest: e', 'free', [not_slower(OURS, BASE)], '')
        self._pairs = {
            (placement, pair, beside): _row(
                f'giltest: {pair} pairs/s{text}', placement,
                _pair_targets(pair, beside, placement))
            for placement in placements for pair in ('Lock', 'Condition')
            for beside, text in enumerate(('', ' beside 1', ' beside 2'))}

    def rows(self):
        """Those that it fills."""
        return [self._e, *self._pairs.values()]

    def _take(self, placement, variant, result):
        self._e.add(variant, result['e'])
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


# Case, title, and how many times stock-0.1ms beside so many.
BESIDE = (
    ('udp', 'UDP echo', {1: 6, 2: 1.5}),
    ('pipes', 'pipes', {1: 6, 2: 1.5}),
    ('condition', 'Condition question', {1: 15, 2: 15}),
    ('executor', 'executor call', {1: 5, 2: 2}),
    ('to-thread', 'asyncio.to_thread', {}),
)


class Beside(_InTurn):
    """Operations per second beside CPU-bound threads; all are free."""

    script = 'beside.py'

    def __init__(self, variants, case, title, beside, times):
        super().__init__({'free': 'free'}, variants)
        self.title = title
        self._arguments = ('--case', case, '--beside', str(beside))
        targets = [faster(OURS, times, SHORT_INTERVAL), KEPT] if times else []
        self._row = _row(f'{title}, beside {beside}', 'free', targets)

    def rows(self):
        """The one that it fills."""
        return [self._row]

    def arguments(self):
        return self._arguments

    def _take(self, _placement, variant, result):
        self._row.add(variant, result['per_s'], result)


class Lateness(Beside):
    """How late an asyncio timer is, at the median and at worst."""

    def __init__(self, variants, beside):
        super().__init__(variants, 'tick', 'asyncio tick', beside, None)
        self._rows = {key: Row(f'asyncio tick beside {beside}, {name}', 'free',
                               base=BASE,
                               targets=[better(OURS, SHORT_INTERVAL)])
                      for key, name in (('p50_us', 'median'),
                                        ('p99_us', '99 %'),
                                        ('max_us', 'worst'))}

    def rows(self):
        """Those that it fills."""
        return list(self._rows.values())

    def _take(self, _placement, variant, result):
        for key, row in self._rows.items():
            row.add(variant, 1000 * result[key], result)


def _beside_cases(variants):
    for case, title, times in BESIDE:
        for beside in (1, 2):
            yield Beside(variants, case, title, beside, times.get(beside))
    for beside in (1, 3):
        yield Lateness(variants, beside)


def make_cases(placements, variants):
    """All cases, in the table's order, of the variants that are possible."""
    variants = [name for name in VARIANTS if name in variants]
    return [Giltest(placements, variants), EventCase(placements, variants),
            *_beside_cases(variants)]
