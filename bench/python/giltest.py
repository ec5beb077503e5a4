# SPDX-License-Identifier: MIT
"""Threads that share the interpreter's lock, as in PythonPlus's giltest.

e is the throughput of two CPU-bound threads over that of one alone, and e of 4
that of four.  Pairs are items that a producer and a consumer hand over, by two
Locks or by a Condition, alone and beside one or two CPU-bound threads; these
together keep so much of the throughput that as many of them have undisturbed.
"""

import platform
import statistics

import options
import variants
from threads import measure
from works import Burner, ConditionPair, LockPair

PAIRS = {'lock': LockPair, 'condition': ConditionPair}
BURNERS = (0, 1, 2)
ALONE = (1, 2, 4)  # CPU-bound threads, undisturbed

# What is printed of a row: its key, a title, and how.
LINES = (
    ('e', 'e', '{:.2f}'),
    ('e_4', 'e of 4', '{:.2f}'),
    ('lock_pairs_per_s', 'Lock pairs/s', '{:.0f}'),
    ('lock_pairs_per_s_beside_1', '  beside 1', '{:.0f}'),
    ('lock_pairs_beside_1_keep', '    which keeps', '{:.0f} %'),
    ('lock_pairs_per_s_beside_2', '  beside 2', '{:.0f}'),
    ('lock_pairs_beside_2_keep', '    which keep', '{:.0f} %'),
    ('condition_pairs_per_s', 'Condition pairs/s', '{:.0f}'),
    ('condition_pairs_per_s_beside_1', '  beside 1', '{:.0f}'),
    ('condition_pairs_beside_1_keep', '    which keeps', '{:.0f} %'),
    ('condition_pairs_per_s_beside_2', '  beside 2', '{:.0f}'),
    ('condition_pairs_beside_2_keep', '    which keep', '{:.0f} %'),
)


def _rates(pairs, burners, seconds):
    """Per second, of the pairs and of all CPU-bound threads together."""
    rates = measure(pairs + [Burner() for _ in range(burners)], seconds)
    rates = [rate.per_s for rate in rates]
    return sum(rates[:len(pairs)]), sum(rates[len(pairs):])


def _columns(module, cpus, seconds):
    undisturbed = {burners: _rates([], burners, seconds)[1]
                   for burners in ALONE}
    yield 'e', undisturbed[2] / undisturbed[1]
    yield 'e_4', undisturbed[4] / undisturbed[1]
    for kind, pair in PAIRS.items():
        for burners in BURNERS:
            per_s, left = _rates([pair(module, cpus)], burners, seconds)
            if not burners:
                yield f'{kind}_pairs_per_s', per_s
                continue
            yield f'{kind}_pairs_per_s_beside_{burners}', per_s
            yield (f'{kind}_pairs_beside_{burners}_keep',
                   100 * left / undisturbed[burners])


def giltest(name, cpus, seconds):
    """One variant's row of the table."""
    with variants.active(name) as module:
        return {'variant': name, 'cpus': ','.join(map(str, cpus)) or 'free',
                'python': platform.python_version(), 'seconds': seconds,
                **dict(_columns(module, cpus, seconds))}


def _print_table(results):
    """The rows as columns: there are fewer of them."""
    widths = [max(8, len(name)) for name in results]
    first = next(iter(results.values()))[0]
    print(f'CPython {first["python"]}, CPUs {first["cpus"]}')
    print(' ' * 17, *(name.rjust(width)
                      for name, width in zip(results, widths)), sep='  ')
    for key, title, form in LINES:
        cells = [form.format(statistics.median(row[key] for row in rows))
                 for rows in results.values()]
        print(title.ljust(17), *(cell.rjust(width)
                                 for cell, width in zip(cells, widths)),
              sep='  ')


def main():
    """Run what the command line says, the variants in turn."""
    options.compare(__doc__, 0.4, giltest, _print_table)


if __name__ == '__main__':
    options.run(main)
