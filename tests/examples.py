# SPDX-License-Identifier: MIT
"""Run an example in C, and compare what it prints.

examples.py NAME PROGRAM
"""
import os
import re
import shlex
import sys

from commands import run

# Arguments, and what the program prints; more than one run where there is
# more than one thing to show.
EXAMPLES = {
    'bounded_queue': [
        (['1000', '3', '2'], r'sum of all items: 1501500\n'),
        (['1', '1', '5'], r'sum of all items: 1\n'),
    ],
    'thread_pool': [
        (['50', '600000'], r'done: 50, dropped: 0, all: 50\n'),
        (['5000', '0'], r'done: \d+, dropped: [1-9]\d*, all: 5000\n'),
    ],
    'phases': [
        (['20'], r'ended: 4, timed out: 0, barrier broken: 0\n'
                 r'heat after 20 steps: 1000\.000\n'),
        (['--stuck'], r'ended: 0, timed out: [123], barrier broken: [123]\n'),
    ],
    'interpreter': [
        (['200000', '100'], r'counted: 400000, read: 100\n'
                            r'yields to a reader: \d+, to a computing '
                            r'thread: \d+, to nobody: \d+\n'),
    ],
}

LIMIT = 600  # seconds, after which it hangs

# What runs programs for another processor; meson says it.
WRAPPER = shlex.split(os.environ.get('MESON_EXE_WRAPPER', ''))


def failure(program, arguments, expected):
    """What is wrong with a run, or None."""
    done = run(*WRAPPER, program, *arguments, limit=LIMIT)
    printed = done.stdout.decode('utf-8', 'replace')
    if done.returncode == 0 and re.fullmatch(expected, printed):
        return None
    return (f'{program} {" ".join(arguments)}: status {done.returncode}; '
            f'it printed\n{printed}instead of\n{expected}')


def main(name, program):
    wrong = [failure(program, *case) for case in EXAMPLES[name]]
    sys.exit('\n'.join(filter(None, wrong)) or None)


if __name__ == '__main__':
    main(*sys.argv[1:])
