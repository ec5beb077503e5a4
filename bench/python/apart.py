# SPDX-License-Identifier: MIT
"""Runs each variant in a process of its own, in turn.

Nothing of the package is in a process of stock then.  The script calls itself
for each run, with --one.
"""

import json
import platform
import statistics
import subprocess
import sys

import options
import variants
from threads import measure
from works import Burner

LONGEST_ALONE = 0.5  # seconds that CPU-bound threads are measured undisturbed

# What is compared: stock, with both intervals; threading's classes with the
# GIL scheduled; and our classes as well.
COMPARED = 'stock', 'stock-0.1ms', 'stock-priority', 'native-priority'


def parser(description, cases, seconds, repetitions):
    """What all of these scripts take."""
    made = options.Parser(
        description=description,
        formatter_class=options.argparse.RawDescriptionHelpFormatter)
    made.add_argument('--case', choices=cases, action='append',
                      help='only these; all by default')
    made.add_argument('--variants', '--classes', choices=variants.NAMES,
                      action='append', metavar='NAME',
                      help=f'of {", ".join(variants.NAMES)}; '
                      f'{", ".join(COMPARED)} by default')
    made.add_argument('--repetitions', type=options.count, metavar='N',
                      default=repetitions,
                      help='of all runs; %(default)s by default')
    options.add_run(made, seconds)
    made.add_argument('--one', action='store_true',
                      help=options.argparse.SUPPRESS)
    return made


def add_beside(made, numbers):
    """Add the number of CPU-bound threads."""
    made.add_argument('--beside', type=options.number, action='append',
                      metavar='N', help='so many CPU-bound threads; '
                      f'{", ".join(map(str, numbers))} by default')


def _apart(script, point, name, given):
    """One run, in a new process."""
    words = [sys.executable, '-B', script, '--one', '--variants', name,
             '--seconds', str(given.seconds)]
    for option, value in point.items():
        words += [f'--{option}', str(value)]
    if given.cpus:
        words += ['--cpus', ','.join(map(str, given.cpus))]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f'{" ".join(map(str, point.values()))}, {name}: '
                 f'{done.stderr.strip() or done.returncode}')
    return json.loads(done.stdout)


def _in_turn(script, point, names, given):
    """{variant: its results}; a different one goes first each time."""
    results = {name: [] for name in names}
    for repetition in range(given.repetitions):
        first = repetition % len(names)
        for name in names[first:] + names[:first]:
            results[name].append(_apart(script, point, name, given))
            if given.json:
                print(json.dumps(results[name][-1]), flush=True)
    return results


def compare(script, given, points, measure_one, show):
    """Run what the command line says: each of points, {option: value}.

    measure_one(given) returns an object for JSON of the process's own run;
    otherwise show(results) prints those of one variant.
    """
    if given.one:
        print(json.dumps(measure_one(given)))
        return
    names = given.variants or [name for name in variants.possible()
                               if name in COMPARED]
    for point in points:
        results = _in_turn(script, point, names, given)
        if not given.json:
            for rows in results.values():
                show(rows)


def middle(rows, key):
    """The median of what the runs say; not a number where none does."""
    values = [row[key] for row in rows if row.get(key) is not None]
    return statistics.median(values) if values else float('nan')


def facts(given, benchmark, **more):
    """What every object begins with."""
    return {'benchmark': benchmark, 'case': given.case[0],
            'variant': given.variants[0], **more,
            'cpus': ','.join(map(str, given.cpus)) or 'free',
            'python': platform.python_version(), 'seconds': given.seconds}


def within(times, since, until):
    """How long those took that began and ended between the two.

    times has (begin, duration).  Where there is none, as beside many threads
    that have the GIL for long, all of them.
    """
    found = [taken for begin, taken in times
             if begin >= since and begin + taken <= until]
    return found or [taken for _, taken in times]


def quantiles_us(times, waited):
    """Less what each had to take; a timer is never early."""
    times = sorted(max(0, 1e6 * (taken - waited)) for taken in times)
    return {'p50_us': times[len(times) // 2],
            'p99_us': times[len(times) * 99 // 100], 'max_us': times[-1]}


def _burners(beside):
    """On any CPU: see bench/README.md."""
    return [Burner() for _ in range(beside)]


def _kept(seconds, rates):
    """In percent; and the least over the most."""
    if not rates:
        return {}
    alone = sum(rate.per_s for rate in measure(
        _burners(len(rates)), min(seconds, LONGEST_ALONE)))
    left = [rate.per_s for rate in rates]
    return {'kept': 100 * sum(left) / alone,
            'spread': min(left) / max(left)}


def beside(given, benchmark, work_type, waited):
    """A Timed work beside CPU-bound threads, in this process."""
    number, name = given.beside[0], given.variants[0]
    with variants.active(name) as module, variants.patched(module):
        work = work_type(given.cpus)
        rate, *burning = measure([work] + _burners(number), given.seconds)
        times = within(work.times, *work.measured)
        return {**facts(given, benchmark, beside=number),
                'per_s': rate.per_s,
                'cpu_us_per_op': rate.own_cpu_ns_per_op / 1000,
                **quantiles_us(times, waited),
                **_kept(given.seconds, burning)}


def show_beside(rows):
    """A line for one variant."""
    row = rows[0]
    print(f'{row["case"]:10} beside {row["beside"]:2} {row["variant"]:16}'
          f'{middle(rows, "per_s"):10.0f}/s  p50 {middle(rows, "p50_us"):8.0f}'
          f'  p99 {middle(rows, "p99_us"):8.0f}'
          f'  max {middle(rows, "max_us"):8.0f} us'
          f'  keep {middle(rows, "kept"):4.0f} %'
          f'  spread {middle(rows, "spread"):4.2f}'
          f'  CPU {middle(rows, "cpu_us_per_op"):6.0f} us/op', flush=True)


def compare_beside(script, description, cases, waited, numbers, seconds):
    """The whole of a script that measures works beside CPU-bound threads.

    cases is {name: type of a work}, waited {name: seconds that an operation
    has to take}.
    """
    made = parser(description, cases, seconds, 3)
    add_beside(made, numbers)
    given = made.parse_args()
    name = script.rpartition('/')[2].removesuffix('.py')

    def measure_one(given):
        case = given.case[0]
        return beside(given, name, cases[case], waited.get(case, 0))

    points = [{'case': case, 'beside': number} for case in given.case or cases
              for number in given.beside or numbers]
    compare(script, given, points, measure_one, show_beside)
