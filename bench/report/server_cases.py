# SPDX-License-Identifier: MIT
"""What is measured of threaded HTTP servers, and what it must reach."""

from dataclasses import dataclass

from gil_cases import BASE, OURS, SHORT_INTERVAL
from matrix_cases import VARIANTS
from rows import Row, faster, leaves, less_late, spread

# {server: what it needs from PyPI}
PYPI = {'waitress': ('waitress',), 'cheroot': ('cheroot',),
        'gunicorn': ('gunicorn',), 'asgi': ('uvicorn', 'starlette')}
BURNERS = 0, 1, 2  # CPU-bound threads in the server's process


@dataclass
class Load:
    """What a client does to a server."""

    client: str
    parallel: tuple
    seconds: int  # a run takes
    burners: tuple = BURNERS
    repetitions: int = 3


@dataclass
class Plan:
    """How much to measure."""

    repetitions: int
    servers: tuple
    loads: tuple


# Rather many short runs than few long ones: beside a CPU-bound thread a server
# keeps to what it fell into, and the next one may be ten times as fast.
FULL = Plan(5, ('pool', 'threading', *PYPI),
            (Load('ab', (10,), 1, repetitions=5),
             Load('ab', (1, 100), 1, burners=(0,)), Load('wrk', (10,), 1)))
QUICK = Plan(1, ('pool',), (Load('ab', (10,), 1, repetitions=1),))

# Under ab -c 10, alone: how many times stock.
ALONE = {'pool': 1.4, 'cheroot': 1.4, 'waitress': 1.3, 'threading': 1.1,
         'gunicorn': 1.1, 'asgi': 1.1}
BESIDE = 1.3  # and stock-0.1ms beside CPU-bound threads


def _targets(server, load, parallel, burners):
    if (load.client, parallel) != ('ab', 10):
        return []
    if not burners:
        return [faster(OURS, ALONE[server], BASE)]
    return [faster(OURS, BESIDE, SHORT_INTERVAL),
            less_late(OURS, SHORT_INTERVAL, 'p99_ms', '99 %')]


def _kept_targets(load, parallel, burners):
    if (load.client, parallel) != ('ab', 10):
        return []
    return [leaves(OURS, 30)] + [spread(OURS, 0.8)] * (burners > 1)


class Served:
    """A server under one client's loads, beside so many CPU-bound threads."""

    def __init__(self, server, load, burners, variants):
        self.title = server
        self.load = load
        self.burners = burners
        self.variants = variants
        beside = f' beside {burners}' if burners else ''
        self._rows = {
            parallel: Row(f'{server}: {load.client} -c {parallel}{beside}',
                          'free', '/s', BASE, True,
                          _targets(server, load, parallel, burners))
            for parallel in load.parallel}

        self._kept = {
            parallel: Row(row.case, 'free', '%', BASE, True,
                          _kept_targets(load, parallel, burners))
            for parallel, row in self._rows.items() if burners}

    def rows(self):
        """A row for each number of parallel requests."""
        return list(self._rows.values())

    def kept_rows(self):
        """The same of what CPU-bound threads keep; none without them."""
        return list(self._kept.values())

    def cost(self, _bench, _plan):
        """About how many seconds all of it takes."""
        return (self.load.repetitions * len(self.variants)
                * (0.6 + 0.3 * bool(self.burners) + (self.load.seconds + 0.1) * len(self.load.parallel)))

    def run(self, bench, _plan, repetition):
        """Measure the variants in turn; a different one goes first."""
        if repetition >= self.load.repetitions:
            return
        first = repetition % len(self.variants)
        for variant in self.variants[first:] + self.variants[:first]:
            results = bench.served(
                self.title, self.load.client, self.load.parallel,
                variant=variant, burners=self.burners,
                seconds=self.load.seconds)
            for result in results:
                parallel = result['parallel']
                self._rows[parallel].add(variant, result['requests_per_s'],
                                         result)
                if self._kept:
                    self._kept[parallel].add(variant, result['kept'], result)


def make_cases(servers, clients, variants, plan):
    """All cases for these servers and clients, in the table's order."""
    variants = [name for name in VARIANTS if name in variants]
    return [Served(server, load, burners, variants)
            for server in plan.servers if server in servers
            for burners in BURNERS
            for load in plan.loads
            if load.client in clients and burners in load.burners]
