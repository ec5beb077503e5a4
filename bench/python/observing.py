# SPDX-License-Identifier: MIT
"""What it costs to observe the GIL, as gil_stats() does.

A work runs all the time, in one process with the native classes, and the GIL
is observed in every second period.  read: a thread reads a byte of /dev/zero,
socket: it sends a byte through a pair of sockets, again and again.  condition:
two threads hand over items by a Condition.  pool: a server with a queue and
threads that answer, which ab asks for pages, ten at a time.
"""

import contextlib
import json
import math
import platform
import statistics
import sys
import threading
import time

import clients
import options
import overhead
import servers
import variants
from threads import PATIENCE, Work, pin
from works import ConditionPair

PARALLEL = 10
TEXT = ('{case:9} CPUs {cpus}: {plain_per_s:8.0f}/s, observed '
        '{observed_per_s:8.0f}/s: {cost:.1f} % less ({least:.1f} to '
        '{most:.1f})')


class _Calls(Work):
    """One thread that makes a call again and again."""

    def __init__(self, call, cpus):
        super().__init__(cpus)
        self.call = call

    def bodies(self):
        return [self.repeat]

    def repeat(self):
        while not self.stopped:
            self.call()
            self.done += 1


@contextlib.contextmanager
def _running(work):
    """A function that says how many operations a second there are."""
    def run(body, cpu):
        pin(cpu)
        body()

    def per_s(seconds):
        since, before = time.perf_counter(), work.done
        for _ in range(1 + int(PATIENCE / seconds)):
            time.sleep(seconds)
            if work.done != before:
                break
        else:
            raise RuntimeError(f'nothing done in {PATIENCE} s')
        return (work.done - before) / (time.perf_counter() - since)

    threads = [threading.Thread(target=run, args=(body, work.cpu(index)),
                                daemon=True)
               for index, body in enumerate(work.bodies())]
    for thread in threads:
        thread.start()
    try:
        yield per_s
    finally:
        work.stop()
        for thread in threads:
            thread.join(PATIENCE)


@contextlib.contextmanager
def _calling(case, _module, cpus):
    with (overhead.CASES[case]() as call,
          _running(_Calls(call, cpus)) as per_s):
        yield per_s


@contextlib.contextmanager
def _pairing(_case, module, cpus):
    with _running(ConditionPair(module, cpus)) as per_s:
        yield per_s


@contextlib.contextmanager
def _serving(_case, module, _cpus):
    def per_s(seconds):
        return clients.run('ab', f'http://{servers.ADDRESS[0]}:{port}/',
                           PARALLEL, math.ceil(seconds)).requests_per_s

    with variants.patched(module), servers.pool() as port:
        yield per_s


CASES = {'read': _calling, 'socket': _calling, 'condition': _pairing,
         'pool': _serving}


@contextlib.contextmanager
def _observed(module, observes):
    module.observe_gil(observes)
    try:
        yield
    finally:
        if observes:
            module.observe_gil(False)


def _periods(module, per_s, given):
    """For each repetition what was done without observing, and with it."""
    per_s(given.seconds)
    for _ in range(given.repetitions):
        found = []
        for observes in False, True:
            with _observed(module, observes):
                found.append(per_s(given.seconds))
        yield found


def _measure(case, given):
    with variants.active('native-priority') as module, \
            CASES[case](case, module, given.cpus) as per_s:
        plain, observed = zip(*_periods(module, per_s, given))
    costs = sorted(100 - 100 * with_it / without
                   for without, with_it in zip(plain, observed))
    quarter = len(costs) // 4
    return {'benchmark': 'observing', 'case': case,
            'cpus': ','.join(map(str, given.cpus)) or 'free',
            'python': platform.python_version(), 'seconds': given.seconds,
            'plain_per_s': statistics.median(plain),
            'observed_per_s': statistics.median(observed),
            'cost': statistics.median(costs), 'least': costs[quarter],
            'most': costs[-1 - quarter]}


def _lacks(cases):
    """What has to be there first, or None."""
    reason = variants.obstacle('native-priority')
    if reason is None and 'pool' in cases and clients.lacks('ab'):
        reason = f'no ab: apt-get install {clients.lacks("ab")}'
    return reason


def main():
    """Run what the command line says."""
    parser = options.Parser(
        description=__doc__,
        formatter_class=options.argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--case', choices=CASES, action='append',
                        help='only these; all by default')
    parser.add_argument('--repetitions', type=options.count, metavar='N',
                        default=20, help='of both periods; %(default)s by '
                        'default')
    options.add_run(parser, 1)
    given = parser.parse_args()

    cases = given.case or list(CASES)
    reason = _lacks(cases)
    if reason is not None:
        sys.exit(f'observing.py: {reason}')
    try:
        for case in cases:
            row = _measure(case, given)
            print(json.dumps(row) if given.json else TEXT.format_map(row),
                  flush=True)
    except clients.ClientError as error:
        sys.exit(f'observing.py: {error}')


if __name__ == '__main__':
    options.run(main)
