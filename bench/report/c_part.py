# SPDX-License-Identifier: MIT
"""The library against other C libraries, by pptbench."""

import os

import chart
import output
import table
from c_cases import FULL, QUICK, make_cases
from output import say
from pptbench import Pptbench


def run(path, machine, quick, results):
    """Measure, print, write; the names of the files."""
    plan = QUICK if quick else FULL
    bench = Pptbench(path)
    cases = make_cases(bench, machine.placements, plan, results)
    notes = list(output.notes(
        machine, 'bench/run' + ' --quick' * quick,
        f'port: {bench.impls["ppt"]["port"]}; figures are medians of '
        f'{plan.repetitions} alternating runs, ratios are to pthread '
        '(gil: to the policy "interval")', *bench.absent))
    say('\n'.join(notes))
    say(f'This takes about {output.cost(bench, cases, plan):.0f} s.')

    output.measure(bench, cases, plan)
    rows = [row for case in cases for row in case.rows()]
    tables = [output.table_of(rows, table.C)]
    written = output.write(results, '', notes, tables, machine,
                           [(os.path.basename(path), bench.raw, rows)],
                           chart.c_panels(rows))
    return written + ['hyperfine.json']
