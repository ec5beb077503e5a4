"""The Python package against threading, by the scripts in bench/python."""

import os

import chart
import output
import pythons
import table
from output import say
from pybench import Pybench
from python_cases import FULL, QUICK, make_cases


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
        "of one thread by pyperf; ratios are to threading's own classes"))
    say('\n'.join(notes))

    tables = []
    measured = []
    for python, path in installed.items():
        bench = Pybench(path, os.path.join(root, 'bench', 'python'),
                        machine.cpus[0] if machine.cpus else None)
        cases = make_cases(python.version, machine.placements, plan)
        say(f'{python}: about {output.cost(bench, cases, plan):.0f} s.')
        output.measure(bench, cases, plan)
        rows = [row for case in cases for row in case.rows()]
        tables.append(output.table_of(rows, table.PYTHON, str(python)))
        measured.append((python, bench.raw, rows))
    panels = chart.python_panels({python.minor: rows
                                  for python, _, rows in measured})
    return output.write(results, 'python-', notes, tables, machine,
                        [(str(python), raw, rows)
                         for python, raw, rows in measured], panels)
