"""Threads that share the interpreter's lock, as in PythonPlus's giltest.

e is the throughput of two CPU-bound threads over that of one alone.  Pairs
are items that a producer and a consumer hand over, by two Locks or by a
Condition, alone and beside a CPU-bound thread.
"""

import argparse
import json
import platform
import statistics

import classes
import options
from threads import measure
from works import Burner, ConditionPair, LockPair

COLUMNS = {
    'e': 'e',
    'lock_pairs_per_s': 'Lock pairs/s',
    'lock_pairs_per_s_beside_1': 'beside 1',
    'condition_pairs_per_s': 'Condition pairs/s',
    'condition_pairs_per_s_beside_1': 'beside 1',
}


def _throughput(burners, seconds):
    rates = measure([Burner() for _ in range(burners)], seconds)
    return sum(rate.per_s for rate in rates)


def _pairs(pair, burners, seconds):
    """Pairs per second beside so many CPU-bound threads."""
    rates = measure([pair] + [Burner() for _ in range(burners)], seconds)
    return rates[0].per_s


def giltest(kind, cpus, seconds):
    """One row of the table."""
    module = classes.load(kind)
    result = {'classes': kind, 'cpus': ','.join(map(str, cpus)) or 'free',
              'python': platform.python_version(), 'seconds': seconds,
              'e': _throughput(2, seconds) / _throughput(1, seconds)}
    for name, pair in ('lock', LockPair), ('condition', ConditionPair):
        column = f'{name}_pairs_per_s'
        result[column] = _pairs(pair(module, cpus), 0, seconds)
        result[column + '_beside_1'] = _pairs(pair(module, cpus), 1, seconds)
    return result


def _print_table(results):
    print('CPython ' + platform.python_version())
    print('  '.join(['classes', *COLUMNS.values()]))
    for kind, rows in results.items():
        cells = [kind.ljust(len('classes'))]
        for key, title in COLUMNS.items():
            value = statistics.median(row[key] for row in rows)
            text = f'{value:.2f}' if key == 'e' else f'{value:.0f}'
            cells.append(text.rjust(len(title)))
        print('  '.join(cells))


def main():
    """Run what the command line says, stock and native in turn."""
    parser = options.Parser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_common(parser, 0.4)
    parser.add_argument('--repetitions', type=options.count, default=3,
                        metavar='N',
                        help='the table has medians; %(default)s by default')
    arguments = parser.parse_args()

    kinds = arguments.classes or classes.NAMES
    results = {kind: [] for kind in kinds}
    for _ in range(arguments.repetitions):
        for kind in kinds:
            row = giltest(kind, arguments.cpus, arguments.seconds)
            results[kind].append(row)
            if arguments.json:
                print(json.dumps(row), flush=True)
    if not arguments.json:
        _print_table(results)


if __name__ == '__main__':
    options.run(main)
