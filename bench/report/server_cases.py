"""What is measured of threaded HTTP servers, and what it must reach."""

from dataclasses import dataclass

from python_cases import BASE, KINDS, OURS
from rows import Row, better, faster


# {server: what it needs from PyPI}
PYPI = {'waitress': ('waitress',), 'cheroot': ('cheroot',),
        'gunicorn': ('gunicorn',), 'asgi': ('uvicorn', 'starlette')}
ALONE, BESIDE = BURNERS = 0, 1  # CPU-bound threads in the server's process


@dataclass
class Load:
    """What a client does to a server."""

    client: str
    parallel: tuple
    seconds: tuple  # a run takes, alone and beside a CPU-bound thread


@dataclass
class Plan:
    """How much to measure."""

    repetitions: int  # where there is a target
    other_repetitions: int
    servers: tuple
    loads: tuple


# Rather many short runs than few long ones: beside a CPU-bound thread a server
# keeps to what it fell into, and the next one may be ten times as fast.  But
# there the first answer to 100 may take over a second.
FULL = Plan(5, 3, ('pool', 'threading', *PYPI),
            (Load('ab', (1, 10), (1, 1)), Load('ab', (100,), (1, 2)),
             Load('wrk', (10,), (1, 1))))
QUICK = Plan(1, 1, ('pool',), (Load('ab', (10,), (2, 2)),))

TARGETS = {
    ('pool', 'ab', 10, ALONE): [faster(OURS, 1.3, BASE)],
    ('pool', 'ab', 10, BESIDE): [better(OURS, BASE)],
}


class Served:
    """A server under one client's loads."""

    def __init__(self, server, load, burners):
        self.title = server
        self.load = load
        self.burners = burners
        self._rows = {
            parallel: Row(f'{server}: {load.client} -c {parallel}'
                          + ' beside 1' * burners, 'free', '/s', BASE, True,
                          TARGETS.get((server, load.client, parallel,
                                       burners), []))
            for parallel in load.parallel}

    def rows(self):
        """A row for each number of parallel requests."""
        return list(self._rows.values())

    def _repetitions(self, plan):
        judged = any(row.targets for row in self.rows())
        return plan.repetitions if judged else plan.other_repetitions

    def cost(self, _bench, plan):
        """About how many seconds all of it takes."""
        run = self.load.seconds[self.burners] + 0.1
        return (self._repetitions(plan) * len(KINDS)
                * (0.5 + run * len(self.load.parallel)))

    def run(self, bench, plan, repetition):
        """Measure stock and native; the other one goes first next time."""
        if repetition >= self._repetitions(plan):
            return
        for kind in KINDS if repetition % 2 == 0 else KINDS[::-1]:
            results = bench.served(
                self.title, self.load.client, self.load.parallel, kind=kind,
                burners=self.burners, seconds=self.load.seconds[self.burners])
            for result in results:
                self._rows[result['parallel']].add(
                    kind, result['requests_per_s'], result)


def make_cases(servers, clients, plan):
    """All cases for these servers and clients, in the table's order."""
    return [Served(server, load, burners)
            for server in plan.servers if server in servers
            for burners in BURNERS
            for load in plan.loads if load.client in clients]
