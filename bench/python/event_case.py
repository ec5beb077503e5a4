# SPDX-License-Identifier: MIT
"""A worker waits on an Event beside a thread that never rests.

That thread sets the event and computes until the worker has answered it by
another one: a round.  Stock, the worker waits a whole switch interval for the
GIL in each (CPython's gh-104391, where 500 rounds are measured).
"""

import platform
import statistics

import options
import variants
from threads import measure
from works import Answers

ROUNDS = 500
TEXT = ('{variant:<15}  CPUs {cpus}: {per_s:.0f} rounds/s, '
        f'{ROUNDS} in {{s:.3f}} s')


def event_case(name, cpus, seconds):
    """One variant's rounds per second, and what they cost."""
    with variants.active(name) as module:
        rate, = measure([Answers(module, cpus)], seconds)
    return {'benchmark': 'event-case', 'variant': name,
            'cpus': ','.join(map(str, cpus)) or 'free',
            'python': platform.python_version(), 'seconds': seconds,
            **vars(rate)}


def _print_medians(results):
    for rows in results.values():
        per_s = statistics.median(row['per_s'] for row in rows)
        print(TEXT.format(**{**rows[0], 'per_s': per_s}, s=ROUNDS / per_s))


def main():
    """Run what the command line says, the variants in turn."""
    options.compare(__doc__, 0.4, event_case, _print_medians)


if __name__ == '__main__':
    options.run(main)
