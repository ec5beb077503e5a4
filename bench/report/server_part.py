# SPDX-License-Identifier: MIT
"""Threaded HTTP servers, by bench/python/testserver.py."""

import os
import shutil

import chart
import output
import pythons
import table
from output import say
from pybench import Pybench
from server_cases import FULL, PYPI, QUICK, make_cases


def _servers(own, plan):
    """Those that are there or can be had, and why others are left out."""
    there, notes = [], []
    for server in plan.servers:
        try:
            for package in PYPI.get(server, ()):
                pythons.require(own, package)
            there.append(server)
        except pythons.Unprepared as reason:
            notes.append(f'{server} left out: {reason}')
    return there, notes


def _clients(plan):
    """The same of the clients."""
    clients = {load.client for load in plan.loads}
    there = set(filter(shutil.which, clients))
    return there, [f'{client} left out: not installed'
                   for client in sorted(clients - there)]


def _variants(bench):
    """Those that are possible, and why others are left out."""
    found = bench.variants()
    return ([name for name, obstacle in found.items() if obstacle is None],
            [f'{name} left out: {obstacle}'
             for name, obstacle in found.items() if obstacle is not None])


def _prepare(root, plan):
    """The Python, its bench, the cases; and what is left out."""
    chosen, notes = pythons.choose(1)
    clients, absent = _clients(plan)
    notes += absent
    if not chosen or not clients:
        return None, notes
    python, = chosen
    say(f'Installing the package for {python}, and servers ...')
    try:
        own = pythons.install(python, root)
    except pythons.Unprepared as reason:
        return None, [*notes, f'{python} left out: {reason}']
    servers, absent = _servers(own, plan)
    bench = Pybench(own, os.path.join(root, 'bench', 'python'), None)
    variants, impossible = _variants(bench)
    return ((python, bench, make_cases(servers, clients, variants, plan)),
            notes + absent + impossible)


def run(root, machine, quick, results):
    """Measure, print, write; the names of the files."""
    plan = QUICK if quick else FULL
    prepared, left_out = _prepare(root, plan)
    if prepared is None:
        say('\n'.join(left_out + ['No server was measured.']))
        return []
    python, bench, cases = prepared
    notes = list(output.notes(
        machine, 'bench/run' + ' --quick' * quick + ' server',
        f'Python: {python}', *left_out,
        'figures are medians of alternating runs, '
        + ', '.join(f'{load.repetitions} of {load.client}'
                    for load in plan.loads)
        + ': requests per second, the latency, and what CPU-bound threads '
        'keep of what they do while nobody asks; the scheduler chooses the CPUs of server and client'))
    say('\n'.join(notes))

    say(f'This takes about {output.cost(bench, cases, plan):.0f} s.')
    output.measure(bench, cases, plan)
    rows = [row for case in cases for row in case.rows()]
    kept = [row for case in cases for row in case.kept_rows()]
    tables = [output.table_of(rows, table.RATE, f'{python}: HTTP servers'),
              output.table_of(rows, table.ANSWER, f'{python}: HTTP servers, '
                              'latency, median / 99 % / maximum',
                              targets=False, full=False),
              output.table_of(kept, table.KEPT, f'{python}: what CPU-bound '
                              'threads keep, their spread, CPU time per '
                              'request', full=False)]
    return output.write(results, 'server-', notes, tables, machine,
                        [(str(python), bench.raw, rows)],
                        chart.server_panels(rows))
