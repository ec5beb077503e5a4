# SPDX-License-Identifier: MIT
"""How long items wait in two queues: of a busy pool, and of a pair of threads.

One thread puts up to three items into the pool's queue at a time, and after
every third time one into the pair's.  Its eight threads compute for 0.1 ms
with each item, and the pair's for 0.01 ms.  A pool that has the GIL nearly all
the time must not keep others from their items.
"""

import platform
import queue
import random
import statistics
import time

import classes
import options
import variants
from threads import Work, measure

POOL, PAIR = 8, 2  # threads
POOL_S, PAIR_S = 100e-6, 10e-6  # what they compute
PAUSE_S = 500e-6  # of who puts, on average


def _compute(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


class Queues(Work):
    """An item is the time when it was put; `waits` has those of each queue."""

    def __init__(self, module, cpus=()):
        super().__init__(cpus)
        with classes.patched(module):
            self.pool, self.pair = queue.Queue(), queue.Queue()
        self.waits = {'pool': [], 'pair': []}

    def bodies(self):
        return [self.put, *[self.serve_pool] * POOL, *[self.serve_pair] * PAIR]

    def put(self):
        """Until stopped; then have all others end."""
        chance = random.Random(0)
        while not self.stopped:
            for _ in range(chance.randrange(4)):
                self.pool.put(time.perf_counter())
            if self.done % 3 == 0:
                self.pair.put(time.perf_counter())
            self.done += 1
            time.sleep(chance.uniform(0, 2 * PAUSE_S))
        for _ in range(POOL + PAIR):
            self.pool.put(None)
            self.pair.put(None)

    def serve_pool(self):
        self._serve(self.pool, self.waits['pool'], POOL_S)

    def serve_pair(self):
        self._serve(self.pair, self.waits['pair'], PAIR_S)

    @staticmethod
    def _serve(items, waits, seconds):
        while (put_at := items.get()) is not None:
            waits.append(time.perf_counter() - put_at)
            _compute(seconds)


def _percentiles(name, waits):
    cuts = statistics.quantiles(waits, n=100)
    return {f'{name}_p{n}_us': cuts[n - 1] * 1e6 for n in (50, 90, 99)}


def two_queues(name, cpus, seconds):
    """One variant's percentiles of both queues' waits, in microseconds."""
    with variants.active(name) as module:
        work = Queues(module, cpus)
        measure([work], seconds)
    row = {'benchmark': 'two-queues', 'variant': name,
           'cpus': ','.join(map(str, cpus)) or 'free',
           'python': platform.python_version(), 'seconds': seconds}
    for queue_name, waits in work.waits.items():
        row.update(_percentiles(queue_name, waits))
    return row


def _print_table(results):
    first = next(iter(results.values()))[0]
    columns = [key for key in first if key.endswith('_us')]
    print(f'CPython {first["python"]}, CPUs {first["cpus"]}')
    print(' ' * 15, *(column.rjust(11) for column in columns), sep='  ')
    for name, rows in results.items():
        medians = (statistics.median(row[column] for row in rows)
                   for column in columns)
        print(name.ljust(15), *(f'{median:11.0f}' for median in medians),
              sep='  ')


def main():
    """Run what the command line says, the variants in turn."""
    options.compare(__doc__, 1, two_queues, _print_table)


if __name__ == '__main__':
    options.run(main)
