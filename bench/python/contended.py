# SPDX-License-Identifier: MIT
"""Benchmarks of several threads: how fast they hand over, meet, answer."""

import functools
import json
import platform

import classes
import options
import works
from threads import measure

BENCHMARKS = {
    'condition-pair': works.ConditionPair,
    'pairs-1': works.IndependentPairs,
    'pairs-2': functools.partial(works.IndependentPairs, pairs=2),
    'pairs-4': functools.partial(works.IndependentPairs, pairs=4),
    'barrier': works.Rounds,
    'executor': works.Calls,
    'executor-8': works.CallsOfEight,
    'executor-map': works.Mapped,
    'thread-pool-map': works.ThreadPoolMapped,
    'to-thread': works.ToThread,
    'to-thread-100': works.HundredToThread,
    'simple-queue': works.QuestionsAndAnswers,
    'queue-1': works.Stream,
    'queue-100': functools.partial(works.Stream, bound=100),
    'queue-4:4': functools.partial(works.Stream, bound=100, pairs=4),
}
TEXT = ('{benchmark}, {classes}, CPUs {cpus}: {per_s:.0f}/s, each '
        '{cpu_ns_per_op:.0f} ns of CPU and '
        '{voluntary_switches_per_op:.2f} switches')


def _result(name, kind, cpus, seconds):
    work = BENCHMARKS[name](classes.load(kind), cpus)
    rate, = measure([work], seconds)
    return {'benchmark': name, 'classes': kind,
            'cpus': ','.join(map(str, cpus)) or 'free',
            'python': platform.python_version(), 'seconds': seconds,
            **vars(rate)}


def main():
    """Run what the command line says; print a line for each run."""
    parser = options.Parser(description=__doc__)
    parser.add_argument('benchmark', choices=BENCHMARKS)
    options.add_common(parser, 0.25)
    arguments = parser.parse_args()

    for kind in arguments.classes or classes.NAMES:
        result = _result(arguments.benchmark, kind, arguments.cpus,
                         arguments.seconds)
        if arguments.json:
            print(json.dumps(result), flush=True)
        else:
            print(TEXT.format_map(result), flush=True)


if __name__ == '__main__':
    options.run(main)
