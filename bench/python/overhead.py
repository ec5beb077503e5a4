# SPDX-License-Identifier: MIT
"""What the GIL's scheduler costs a program that needs none.

The process has one thread.  compute: it never waits.  read: a read of one
byte of /dev/zero, and socket: a byte sent and received by a pair of sockets,
let go of the GIL and take it again, and nobody else wants it.
"""

import contextlib
import os
import socket
import statistics
import time

import apart
import options
import variants

SAMPLE_NS = 2_000_000  # about how long one takes
FEWEST = 5  # samples, however long they take


def _compute():
    count = 0
    for number in range(100):
        count += number & 3
    return count


@contextlib.contextmanager
def _computing():
    yield _compute


@contextlib.contextmanager
def _reading():
    file = os.open('/dev/zero', os.O_RDONLY)
    try:
        yield lambda: os.read(file, 1)
    finally:
        os.close(file)


@contextlib.contextmanager
def _sending():
    one, other = socket.socketpair()
    with one, other:
        def once():
            one.send(b'1')
            other.recv(1)

        yield once


CASES = {'compute': _computing, 'read': _reading, 'socket': _sending}


def _ns(operation, count):
    """One sample: each of so many operations takes so long."""
    rounds = range(count)
    begin = time.perf_counter_ns()
    for _ in rounds:
        operation()
    return (time.perf_counter_ns() - begin) / count


def _samples(operation, seconds):
    _ns(operation, 100)
    count = 1 + int(SAMPLE_NS / _ns(operation, 100))
    end = time.perf_counter() + seconds
    samples = []
    while len(samples) < FEWEST or time.perf_counter() < end:
        samples.append(_ns(operation, count))
    return samples


def measure_one(given):
    """In this process."""
    with (variants.active(given.variants[0]),
          CASES[given.case[0]]() as operation):
        samples = _samples(operation, given.seconds)
    return {**apart.facts(given, 'overhead'),
            'ns': statistics.median(samples), 'least_ns': min(samples)}


def show(rows):
    """A line for one variant."""
    row = rows[0]
    print(f'{row["case"]:8} {row["variant"]:16}'
          f'{apart.middle(rows, "ns"):10.1f} ns, at least '
          f'{min(found["least_ns"] for found in rows):.1f} ns', flush=True)


def main():
    """Run what the command line says, the variants in turn."""
    given = apart.parser(__doc__, CASES, 0.2, 9).parse_args()
    points = [{'case': case} for case in given.case or CASES]
    apart.compare(__file__, given, points, measure_one, show)


if __name__ == '__main__':
    options.run(main)
