# SPDX-License-Identifier: MIT
"""What the scripts' command lines have in common."""

import argparse
import json
import os
import sys

import classes
import variants


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong."""

    def error(self, message):
        self.exit(2, f'{self.prog}: {message}\n')


def cpu_list(text):
    """A list of CPUs; an empty one for 'free'."""
    if text == 'free':
        return []
    if not hasattr(os, 'sched_setaffinity'):
        raise argparse.ArgumentTypeError('threads cannot be pinned here')
    permitted = os.sched_getaffinity(0)
    cpus = [int(cpu) for cpu in text.split(',')]
    if not permitted.issuperset(cpus):
        raise argparse.ArgumentTypeError(
            f'{text}: this process may use {sorted(permitted)}')
    return cpus


def duration(text):
    seconds = float(text)
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f'{text}: not within 0 and 3600')
    return seconds


def count(text):
    """A positive number."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'{text}: less than 1')
    return number


def number(text):
    """Not less than 0."""
    found = int(text)
    if found < 0:
        raise argparse.ArgumentTypeError(f'{text}: less than 0')
    return found


def add_common(parser, seconds):
    """Add what every threaded benchmark takes."""
    parser.add_argument('--classes', choices=classes.NAMES, action='append',
                        help='only these; both by default')
    add_run(parser, seconds)


def add_run(parser, seconds):
    """Add where and how long, and how it is said."""
    parser.add_argument('--cpus', type=cpu_list, default=[], metavar='LIST',
                        help='pin the threads to these CPUs in turn, as in '
                        '0,1; free by default')
    parser.add_argument('--seconds', type=duration, default=seconds,
                        help='how long a run lasts; %(default)s by default')
    parser.add_argument('--json', action='store_true',
                        help='print a JSON object for each run')


def compare(description, seconds, measure, show, repetitions=3):
    """Parse the command line, then run the variants in turn.

    measure(variant, cpus, seconds) returns an object for JSON; otherwise
    show({variant: [object...]}) prints them.
    """
    parser = Parser(description=description,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--variants', '--classes', choices=variants.NAMES,
                        action='append', metavar='NAME',
                        help='only these; all that are possible by default: '
                        + ', '.join(variants.NAMES))
    add_run(parser, seconds)
    parser.add_argument('--repetitions', type=count, metavar='N',
                        default=repetitions,
                        help='of all runs; %(default)s by default')
    arguments = parser.parse_args()

    names = arguments.variants or variants.possible()
    results = {name: [] for name in names}
    for _ in range(arguments.repetitions):
        for name in results:
            result = measure(name, arguments.cpus, arguments.seconds)
            results[name].append(result)
            if arguments.json:
                print(json.dumps(result), flush=True)
    if not arguments.json:
        show(results)


def run(main):
    """End the process with main's status; quietly when interrupted."""
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.stderr.write('interrupted\n')
        sys.stderr.flush()
        os._exit(130)  # the benchmark's threads may be anywhere
