"""Threads that start together, each on its CPU, and work until stopped."""

import contextlib
import os
import threading
import time
from dataclasses import dataclass

try:
    import resource
except ImportError:
    resource = None

WARM_UP = 0.02  # seconds before the clock starts
LEAST = 5  # operations of a work in a run, however long they take
PATIENCE = 30  # seconds to wait for them, and for a stopped thread to end


class Work:
    """What some threads do again and again until `stopped`.

    A subclass lists its threads' bodies and counts operations in `done`.
    """

    def __init__(self, cpus=()):
        self.cpus = cpus
        self.stopped = False
        self.done = 0

    def bodies(self):
        """What each thread runs."""
        raise NotImplementedError

    def cpu(self, index):
        """Where thread number index belongs; None: anywhere."""
        return self.cpus[index % len(self.cpus)] if self.cpus else None

    def stop(self):
        """Have the threads end."""
        self.stopped = True


@dataclass
class Rate:
    """How fast a work was, and what the whole process spent on it."""

    per_s: float
    cpu_ns_per_op: float
    voluntary_switches_per_op: float


def pin(cpu):
    """Keep the calling thread on cpu, if one is given."""
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})


class _Crew:
    """The threads of all works, behind one gate."""

    def __init__(self, works):
        self.works = works
        self.errors = []
        bodies = [(body, work.cpu(index)) for work in works
                  for index, body in enumerate(work.bodies())]
        self.gate = threading.Barrier(len(bodies) + 1)
        self.threads = [threading.Thread(target=self._run, args=args,
                                         daemon=True) for args in bodies]

    def _run(self, body, cpu):
        try:
            pin(cpu)
            self.gate.wait()
            body()
        except Exception as error:
            self.errors.append(error)
            self.stop()

    def start(self):
        for thread in self.threads:
            thread.start()
        self.gate.wait()

    def stop(self):
        for work in self.works:
            work.stop()

    def join(self):
        for thread in self.threads:
            thread.join(PATIENCE)
        if self.errors:
            raise self.errors[0]
        if any(thread.is_alive() for thread in self.threads):
            raise RuntimeError('a thread does not end')


def _switches():
    if resource is None:
        return float('nan')
    return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw


def _readings(works):
    return (time.perf_counter(), time.process_time_ns(), _switches(),
            [work.done for work in works])


def _rates(before, after):
    seconds, cpu_ns, switches = (b - a for a, b in zip(before, after[:3]))
    for was, done in zip(before[3], after[3]):
        count = done - was
        yield Rate(count / seconds, cpu_ns / count, switches / count)


def _readings_after(seconds, works, before):
    """The readings once the time is over and each work did something."""
    for _ in range(1 + int(PATIENCE / seconds)):
        time.sleep(seconds)
        after = _readings(works)
        if all(done - was >= LEAST
               for was, done in zip(before[3], after[3])):
            return after
    raise RuntimeError(f'next to nothing done in {PATIENCE} s')


def measure(works, seconds):
    """Let all works run at once for so long: a Rate for each."""
    crew = _Crew(works)
    with contextlib.ExitStack() as stack:
        stack.callback(crew.stop)
        crew.start()
        time.sleep(WARM_UP)
        before = _readings(works)
        after = _readings_after(seconds, works, before)
    crew.join()
    return list(_rates(before, after))
