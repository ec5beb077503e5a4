# SPDX-License-Identifier: MIT
"""What both parts do: say what they are at, measure in turn, write."""

import json
import os

import chart
import table
from rows import NOISE


def say(text, end='\n'):
    """Print at once."""
    print(text, end=end, flush=True)


def notes(machine, command, *others):
    """What stands above the tables."""
    yield f'Measured by `{command}`'
    yield from (f'{name}: {value}' for name, value in machine.facts.items())
    yield from machine.warnings()
    yield from others
    yield f'"not slower" allows {100 * NOISE:.0f} % for noise'


def measure(bench, cases, plan, repetitions=None):
    """Run every case once, again and again."""
    repetitions = repetitions or plan.repetitions
    for repetition in range(repetitions):
        say(f'Repetition {repetition + 1} of {repetitions}:', end='')
        last = ''
        for case in cases:
            if case.title != last:
                say(f' {case.title},', end='')
                last = case.title
            case.run(bench, plan, repetition)
        say(' done.')


def cost(bench, cases, plan):
    """About how many seconds measure takes."""
    return sum(case.cost(bench, plan) for case in cases)


def table_of(rows, layout, title='', full=True, targets=True):
    """Print the short table; return it, with the one of every figure."""
    short = table.short(rows, layout, targets)
    say(f'\n{title}\n\n{short}' if title else f'\n{short}')
    heading = f'## {title}\n\n' if title else ''
    return heading + short + ('\n' + table.full(rows) if full else '')


def _write(path, text):
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)


def _plain(row):
    return {'case': row.case, 'cpus': row.cpus, 'unit': row.unit,
            'values': row.values}


def write(folder, prefix, notes, tables, machine, measured, panels):
    """Write tables, figures and chart; return the names of the files.

    measured is [(program, what it printed, rows)].
    """
    names = [prefix + name for name in ('table.md', 'results.json',
                                        'chart.svg')]
    paths = [os.path.join(folder, name) for name in names]
    _write(paths[0], ''.join(f'- {note}\n' for note in notes) + '\n'
           + '\n'.join(tables))
    _write(paths[1], json.dumps(
        {'machine': machine.facts,
         'measured': [{'program': program, 'runs': raw,
                       'rows': [_plain(row) for row in rows]}
                      for program, raw, rows in measured]}, indent=1) + '\n')
    chart.draw(panels, paths[2], machine.title())
    return names
