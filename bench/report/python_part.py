# SPDX-License-Identifier: MIT
"""The Python package against threading, by the scripts in bench/python."""

import os

import chart
import gil_cases
import matrix_cases
import output
import python_cases
import pythons
import table
import timeline
from output import say
from pybench import Pybench
from python_cases import FULL, QUICK


def _installed(root, quick):
    """{Python: path in its venv}, and why others are left out."""
    chosen, notes = pythons.choose(1 if quick else pythons.COUNT)
    installed = {}
    for python in chosen:
        say(f'Installing the package for {python} ...')
        try:
            installed[python] = pythons.install(python, root)
        except pythons.Unprepared as reason:
            notes.append(f'{python} left out: {reason}')
    return installed, notes


def _variants(python, bench):
    """Those that are possible; says why others are not."""
    for variant, obstacle in bench.variants().items():
        if obstacle is None:
            yield variant
        else:
            say(f'{python}: {variant} left out: {obstacle}')


def _rows(cases):
    return [row for case in cases for row in case.rows()]


def _announce(python, bench, cases, plan):
    say(f'{python}: about {output.cost(bench, cases, plan):.0f} s.')


def _measure(python, bench, placements, plan):
    """The rows of the two tables."""
    cases = python_cases.make_cases(placements, plan)
    gil = gil_cases.make_cases(
        {name: cpus for name, cpus in placements.items()
         if name in plan.gil_placements}, list(_variants(python, bench)))
    _announce(python, bench, cases + gil, plan)
    output.measure(bench, cases + gil, plan)
    return _rows(cases), _rows(gil)


def _matrix_tables(python, name, cases):
    """How many, how late, what is kept."""
    yield output.table_of([case.rate for case in cases if case.kind.counted],
                          table.RATE, f'{python}: {name}, per second')
    yield output.table_of([case.late for case in cases], table.LATE,
                          f'{python}: {name}, median / 99 % / worst',
                          full=False)
    yield output.table_of([case.kept for case in cases if case.beside],
                          table.KEPT, f'{python}: {name}, what CPU-bound '
                          'threads keep, least over most of them, CPU time '
                          'of an operation')


def _matrix(python, bench, plan):
    """The tables of threads beside any number of others; and their rows."""
    variants = list(_variants(python, bench))
    matrix = matrix_cases.make_matrix(variants, plan)
    complaints = matrix_cases.make_complaints(variants, plan)
    overhead = matrix_cases.make_overhead(variants)
    cases = matrix + complaints + overhead
    _announce(python, bench, cases, plan)
    output.measure(bench, cases, plan, max(plan.matrix_repetitions,
                                           plan.overhead_repetitions))
    tables = [*_matrix_tables(python, 'beside CPU-bound threads', matrix),
              *_matrix_tables(python, 'complaints', complaints),
              output.table_of(_rows(overhead), table.NEEDLESS,
                              f'{python}: nobody waits for the GIL')]
    return tables, _rows(cases)


def _timeline(measured, placements, results):
    """Draw it for the newest Python that has both variants."""
    for python, bench, rows in reversed(measured):
        if any(gil_cases.OURS in row.values for row in rows):
            timeline.draw(bench, python, placements,
                          os.path.join(results, timeline.NAME))
            return [timeline.NAME]
    return []


def run(root, machine, quick, results):
    """Measure, print, write; the names of the files."""
    plan = QUICK if quick else FULL
    installed, left_out = _installed(root, quick)
    if not installed:
        say('\n'.join(left_out))
        return []
    notes = list(output.notes(
        machine, 'bench/run' + ' --quick' * quick,
        'Python: ' + ', '.join(map(str, installed)), *left_out,
        f'figures are medians of {plan.repetitions} alternating runs, those '
        f'of pairs over the GIL of {plan.gil_repetitions}, of overheads of '
        f'{plan.overhead_repetitions}, those of one thread by pyperf; ratios '
        "are to threading's own classes"))
    say('\n'.join(notes))

    tables = []
    measured = []
    for python, path in installed.items():
        bench = Pybench(path, os.path.join(root, 'bench', 'python'),
                        machine.cpus[0] if machine.cpus else None)
        rows, gil_rows = _measure(python, bench, machine.placements, plan)
        tables += [output.table_of(rows, table.PYTHON, str(python)),
                   output.table_of(gil_rows, table.GIL,
                                   f'{python}: sharing the GIL')]
        measured.append((python, bench, rows + gil_rows))
    panels = chart.python_panels({python.minor: rows
                                  for python, _, rows in measured})
    python, bench, _ = measured[-1]  # the newest
    more_tables, more_rows = _matrix(python, bench, plan)
    tables += more_tables
    written = output.write(results, 'python-', notes, tables, machine,
                           [(str(python), bench.raw, rows)
                            for python, bench, rows in measured]
                           + [(f'{python}: matrix', [], more_rows)], panels)
    return written + _timeline(measured, machine.placements, results)
