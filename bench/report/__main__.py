"""report [--quick] PPTBENCH RESULTS: measure, print, write.

Called by bench/run.
"""

import argparse
import json
import os
import signal
import sys
import time

import chart
import machine
import table
from cases import FULL, QUICK, make_cases
from pptbench import Failure, Pptbench
from rows import NOISE

# Load per CPU above which others are running too.
BUSY = 0.5


def _stop(_number, _frame):
    raise KeyboardInterrupt


def _say(text, end='\n'):
    print(text, end=end, flush=True)


def _measure(bench, cases, plan):
    for repetition in range(plan.repetitions):
        _say(f'Repetition {repetition + 1} of {plan.repetitions}:', end='')
        last = ''
        for case in cases:
            if case.title != last:
                _say(f' {case.title},', end='')
                last = case.title
            case.run(bench, plan, repetition)
        _say(' done.')


def _notes(bench, cpus, facts, plan):
    """What stands above the tables."""
    yield 'Measured by `bench/run' + (' --quick`' if plan is QUICK else '`')
    yield from (f'{name}: {value}' for name, value in facts.items())
    if os.getloadavg()[0] > BUSY * (os.cpu_count() or 1):
        yield 'the machine is busy with something else: trust no figure'
    if len(cpus) > 1:
        yield (f'placements: one CPU = {cpus[0]}, two CPUs = {cpus[0]} and '
               f'{cpus[1]}, free = the scheduler chooses')
    elif cpus:
        yield 'this process may use one CPU only: no case with two CPUs'
    else:
        yield 'threads cannot be pinned here: free placement only'
    yield (f'port: {bench.impls["ppt"]["port"]}; figures are medians of '
           f'{plan.repetitions} alternating runs, ratios are to pthread '
           '(gil: to the policy "interval")')
    yield f'"not slower" allows {100 * NOISE:.0f} % for noise'
    yield from bench.absent


def _write(path, text):
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)


def _write_results(results, bench, rows, notes, facts):
    heading = ''.join(f'- {note}\n' for note in notes) + '\n'
    _write(os.path.join(results, 'table.md'),
           heading + table.short(rows) + '\n' + table.full(rows))
    _write(os.path.join(results, 'results.json'), json.dumps(
        {'machine': facts, 'runs': bench.raw,
         'rows': [{'case': row.case, 'cpus': row.cpus, 'unit': row.unit,
                   'values': row.values} for row in rows]}, indent=1) + '\n')
    chart.draw(rows, os.path.join(results, 'chart.svg'),
               f'{facts["CPU"]}, {facts["CPUs"]}, {facts["libc"]}')


def main():
    """Do all of it; the exit status."""
    parser = argparse.ArgumentParser(prog='bench/report')
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('pptbench')
    parser.add_argument('results')
    arguments = parser.parse_args()

    signal.signal(signal.SIGTERM, _stop)
    started = time.monotonic()
    os.makedirs(arguments.results, exist_ok=True)
    plan = QUICK if arguments.quick else FULL
    cpus = machine.permitted_cpus()
    facts = machine.describe()
    bench = Pptbench(arguments.pptbench)
    cases = make_cases(bench, cpus, plan, arguments.results)
    notes = list(_notes(bench, cpus, facts, plan))
    for note in notes:
        _say(note)
    _say('This takes about '
         f'{sum(case.cost(bench, plan) for case in cases):.0f} s.')

    _measure(bench, cases, plan)
    rows = [row for case in cases for row in case.rows()]
    _say('\n' + table.short(rows))
    _write_results(arguments.results, bench, rows, notes, facts)
    _say(f'Written to {arguments.results} in '
         f'{time.monotonic() - started:.0f} s: table.md (every figure), '
         'results.json, hyperfine.json, chart.svg')
    return 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit('\nbench/run: interrupted')
    except Failure as failure:
        sys.exit(f'\nbench/run: {failure}')
