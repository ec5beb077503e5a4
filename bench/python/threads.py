# SPDX-License-Identifier: MIT
"""Threads that start together, each on its CPU, and work until stopped.

What a work costs is the CPU time of the process less that of the other
works' threads: of the threads that a work starts itself, such as a pool's,
nobody else knows.  A thread asks for the id of its own clock, since only then
the thread is there for sure; the clock of one that has ended is refused.
"""

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
TRIES = 3  # at a reading during which no other thread has the GIL
AT_ONCE = 100_000  # ns of CPU time that one takes at most
PATIENCE = 30  # seconds to wait for them, and for a stopped thread to end


class Work:
    """What some threads do again and again until `stopped`.

    A subclass lists its threads' bodies and counts operations in `done`.
    """

    def __init__(self, cpus=()):
        self.cpus = cpus
        self.stopped = False
        self.done = 0
        self.measured = 0, 0  # from when to when, as perf_counter has it
        self.clocks = []  # of the CPU time of its threads

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
    """How fast a work was, and what the whole process spent on it.

    own_cpu_ns_per_op is less what the other works' threads spent.
    """

    per_s: float
    cpu_ns_per_op: float
    voluntary_switches_per_op: float
    own_cpu_ns_per_op: float


def pin(cpu):
    """Keep the calling thread on cpu, if one is given."""
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})


class _Crew:
    """The threads of all works, behind one gate."""

    def __init__(self, works):
        self.works = works
        self.errors = []
        bodies = [(work, body, work.cpu(index)) for work in works
                  for index, body in enumerate(work.bodies())]
        self.gate = threading.Barrier(len(bodies) + 1)
        self.threads = [threading.Thread(target=self._run, args=args,
                                         daemon=True) for args in bodies]

    def _run(self, work, body, cpu):
        try:
            pin(cpu)
            work.clocks += own_clock()
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


def own_clock():
    """That of the calling thread's CPU time; none where there is none."""
    if not hasattr(time, 'pthread_getcpuclockid'):
        return []
    return [time.pthread_getcpuclockid(threading.get_ident())]


def spent_ns(work):
    """By the threads of that work; not a number where none can tell."""
    try:
        return sum(map(time.clock_gettime_ns, work.clocks)) or float('nan')
    except OSError:
        return float('nan')  # one has ended


@dataclass
class Readings:
    """Of the clocks and counters, at one time."""

    at: float
    cpu_ns: int
    switches: float
    done: list
    spent_ns: list


def reading(works):
    """The clocks and counts of now; other threads may run in between."""
    return Readings(time.perf_counter(), time.process_time_ns(), _switches(),
                     [work.done for work in works],
                     list(map(spent_ns, works)))


def _read(works):
    """A reading that others did not interrupt, if there is one in TRIES."""
    tries = []
    for _ in range(TRIES):
        readings = reading(works)
        took_ns = time.process_time_ns() - readings.cpu_ns
        tries.append((took_ns, readings))
        if took_ns < AT_ONCE:
            break
    return min(tries, key=lambda found: found[0])[1]


def _rate(before, after, index):
    """That of the work of that number."""
    count = after.done[index] - before.done[index]
    cpu_ns = after.cpu_ns - before.cpu_ns
    others_ns = sum(b - a for k, (a, b) in enumerate(
        zip(before.spent_ns, after.spent_ns)) if k != index)
    return Rate(count / (after.at - before.at), cpu_ns / count,
                (after.switches - before.switches) / count,
                (cpu_ns - others_ns) / count)


def _read_after(seconds, works, before):
    """The readings once the time is over and each work did something."""
    for _ in range(1 + int(PATIENCE / seconds)):
        time.sleep(seconds)
        after = _read(works)
        if all(done - was >= LEAST
               for was, done in zip(before.done, after.done)):
            return after
    raise RuntimeError(f'next to nothing done in {PATIENCE} s')


def measure(works, seconds):
    """Let all works run at once for so long: a Rate for each."""
    crew = _Crew(works)
    with contextlib.ExitStack() as stack:
        stack.callback(crew.stop)
        crew.start()
        time.sleep(WARM_UP)
        before = _read(works)
        after = _read_after(seconds, works, before)
    crew.join()
    for work in works:
        work.measured = before.at, after.at
    return [_rate(before, after, index) for index in range(len(works))]
