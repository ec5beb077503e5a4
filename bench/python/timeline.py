# SPDX-License-Identifier: MIT
"""Who holds the GIL when: a pair over a Condition beside a CPU-bound thread.

Each thread notes the time whenever it runs; a wait ends a span, and so does a
gap between two notes in which another thread ran.  With --json, the spans in
nanoseconds, by thread.
"""

import platform
import time

import options
import variants
from threads import WARM_UP, measure
from works import Burner, ConditionPair

GAP = 5_000  # ns; less is between the notes of a thread that runs
CHUNK = 100  # so that the CPU-bound thread notes the time each 2 us or so
TEXT = ('{variant:<15}  CPUs {cpus}: {turns} turns of the consumer in '
        '{ms:.0f} ms; the CPU-bound thread had the GIL {had:.0f} %, at most '
        '{longest:.2f} ms on end')


class Spans:
    """When one thread ran: pairs of times, the last perhaps not yet there."""

    def __init__(self):
        self.ended = []
        self.first = self.last = None

    def note(self):
        """The calling thread runs now."""
        now = time.perf_counter_ns()
        if self.last is None or now - self.last > GAP:
            self._end()
            self.first = now
        self.last = now

    def leave(self):
        """It runs until now."""
        self.note()
        self._end()

    def _end(self):
        if self.last is not None:
            self.ended.append((self.first, self.last))
            self.last = None


class NotedPair(ConditionPair):
    """Each notes its turns: from the end of a wait to the next wait."""

    def __init__(self, module, cpus=()):
        super().__init__(module, cpus)
        self.producer = Spans()
        self.consumer = Spans()

    def produce(self):
        super().produce()
        self.producer.leave()

    def consume(self):
        super().consume()
        self.consumer.leave()

    def put(self):
        self.producer.note()
        with self.cond:
            self.producer.note()
            while self.full:
                self._wait(self.producer)
            self.full = True
            self.cond.notify()

    def get(self):
        self.consumer.note()
        with self.cond:
            self.consumer.note()
            while not self.full:
                self._wait(self.consumer)
            self.full = False
            self.count()
            self.cond.notify()

    def _wait(self, spans):
        spans.leave()
        self.cond.wait()
        spans.note()


class NotedBurner(Burner):
    """It notes every chunk."""

    def __init__(self):
        super().__init__()
        self.spans = Spans()

    def burn(self):
        while not self.stopped:
            for _ in range(CHUNK):
                pass
            self.done += CHUNK
            self.spans.note()
        self.spans.leave()


def _joined(spans_of):
    """[thread, begin, end] of who ran, as long as nobody else did.

    Where a thread comes back and nobody ran meanwhile, it was the system
    that took the CPU from it, and it still had the GIL.
    """
    joined = []
    for begin, end, thread in sorted(
            (*span, thread) for thread, spans in spans_of.items()
            for span in spans.ended):
        if joined and joined[-1][0] == thread:
            joined[-1][2] = end
        else:
            joined.append([thread, begin, end])
    return joined


def timeline(name, cpus, seconds):
    """One variant's spans, once all threads are under way."""
    with variants.active(name) as module:
        pair = NotedPair(module, cpus)
        burner = NotedBurner()
        measure([pair, burner], 3 * seconds)  # they start late
    spans = {'CPU-bound': burner.spans, 'producer': pair.producer,
             'consumer': pair.consumer}
    start = int(1e9 * WARM_UP) + max(s.ended[0][0] for s in spans.values())
    stop = start + int(1e9 * seconds)
    result = {thread: [] for thread in spans}
    for thread, begin, end in _joined(spans):
        if end >= start and begin < stop:
            result[thread].append([max(begin, start) - start,
                                   min(end, stop) - start])
    return {'variant': name, 'cpus': ','.join(map(str, cpus)) or 'free',
            'python': platform.python_version(), 'seconds': seconds,
            'spans': result}


def _summary(row):
    ms = 1e3 * row['seconds']
    had = [(end - begin) / 1e6 for begin, end in row['spans']['CPU-bound']]
    return TEXT.format(**row, turns=len(row['spans']['consumer']), ms=ms,
                       had=100 * sum(had) / ms, longest=max(had, default=0))


def _show(results):
    for rows in results.values():
        print('\n'.join(map(_summary, rows)))


def main():
    """Run what the command line says, the variants in turn."""
    options.compare(__doc__, 0.03, timeline, _show, repetitions=1)


if __name__ == '__main__':
    options.run(main)
