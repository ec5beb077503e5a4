# SPDX-License-Identifier: MIT
"""The charts, drawn by gnuplot."""

import math
import os
import subprocess
import textwrap

from gil_cases import VARIANTS
from matrix_cases import VARIANTS as COMPARED
from rows import OURS, PEERS, Row

HERE = os.path.dirname(os.path.abspath(__file__))
POLICIES = ('ppt', 'mutex', 'interval')
KINDS = ('stock', 'native')


def _label(*lines):
    return '"' + '\\n'.join(lines) + '"'


def decades(values):
    """The ends of a logarithmic axis on which every bar can be seen: below
    half of the least, and above ten times the greatest, for the key."""
    values = [value for value in values if value > 0] or [1]
    return (10.0 ** math.floor(math.log10(min(values) / 2)),
            10.0 ** math.ceil(math.log10(max(values) * 10)))


def _block(name, rows, bars, label):
    """Rows as a gnuplot data block: median, lowest, highest for each bar; and
    the ends of its axis."""
    low, high = decades([value for row in rows for bar in bars
                         for value in row.values.get(bar, [])])
    yield f'{name}_low = {low:g}; {name}_high = {high:g}'
    yield f'${name} << END'
    for row in rows:
        cells = [label(row)]
        for bar in bars:
            values = row.values.get(bar)
            cells += ([f'{row.median(bar)}', f'{min(values)}',
                       f'{max(values)}'] if values else ['NaN'] * 3)
        yield ' '.join(cells)
    yield 'END'


def _words(name, words):
    return f'{name} = "{" ".join(words)}"'


def c_panels(rows):
    """The C library's script and data."""
    def label(row):
        return _label(row.case, row.cpus)

    hand_over = [r for r in rows if r.case.startswith(('pair', 'queue'))]
    quick = [r for r in rows
             if r.case.startswith(('lock', 'signal', 'barrier'))]
    gil = [r for r in rows if r.case.startswith('gil: pairs')]
    impls = [impl for impl in OURS + PEERS
             if any(impl in row.values for row in hand_over)]
    return 'c.gp', [_words('impls', impls), _words('policies', POLICIES),
                    *_block('hand_over', hand_over, impls, label),
                    *_block('quick', quick, impls, label),
                    *_block('gil', gil, POLICIES, label)]


def _beside_each_other(rows_of):
    """Rows with the figures of all Pythons, keyed by (kind, version)."""
    merged = {}
    for version, rows in rows_of.items():
        for row in rows:
            one = merged.setdefault((row.case, row.cpus),
                                    Row(row.case, row.cpus, row.unit))
            for kind, values in row.values.items():
                one.values[kind, version] = values
    return list(merged.values())


def _wrapped(width, *also):
    def label(row):
        case = row.case.removeprefix('giltest: ').replace('+', ' + ')
        return _label(*textwrap.wrap(case, width),
                      *(getattr(row, name) for name in also))
    return label


def _gil_rows(rows):
    """Those of threads that share the GIL, in one placement."""
    rows = [row for row in rows if row.unit == '/s']
    cpus = [row.cpus for row in rows]
    shown = 'two CPUs' if 'two CPUs' in cpus else cpus[-1]
    return [row for row in rows if row.cpus == shown]


def python_panels(rows_of):
    """The Python package's script and data, from {version: rows}."""
    rows = _beside_each_other(rows_of)
    gil = _gil_rows(rows)
    threads = [r for r in rows
               if r.case.startswith(('Condition pair', 'Barrier', 'Executor'))]
    alone = [r for r in rows
             if r not in threads and r.unit == 'ns']
    bars = [(kind, version) for version in rows_of for kind in KINDS]
    gil_bars = [(variant, version) for version in rows_of
                for variant in VARIANTS]
    return 'python.gp', [_words('kinds', [kind for kind, _ in bars]),
                         _words('versions', [version for _, version in bars]),
                         *_block('threads', threads, bars,
                                 _wrapped(14, 'cpus')),
                         *_block('alone', alone, bars, _wrapped(14)),
                         _words('variants', [name for name, _ in gil_bars]),
                         _words('gil_versions', [v for _, v in gil_bars]),
                         *_block('gil', gil, gil_bars, _wrapped(18, 'cpus'))]


def server_panels(rows):
    """The servers' script and data."""
    def label(row):
        server, _, load = row.case.removesuffix(' beside 1').partition(': ')
        return _label(server, load)

    beside = [row for row in rows if row.case.endswith(' beside 1')]
    alone = [row for row in rows if ' beside ' not in row.case]
    p99 = [row.of('p99_ms') for row in beside]
    return 'server.gp', [_words('variants', COMPARED),
                         *_block('alone', alone, COMPARED, label),
                         *_block('beside', beside, COMPARED, label),
                         *_block('p99', p99, COMPARED, label)]


def draw(panels, path, heading, styles=('style.gp',)):
    """Draw what c_panels or python_panels returned to path, as SVG."""
    script, data = panels
    lines = [f'output = "{path}"', f'heading = "{heading}"', *data,
             *(f'load "{os.path.join(HERE, name)}"'
               for name in (*styles, script))]
    subprocess.run(['gnuplot', '-'], input='\n'.join(lines) + '\n',
                   text=True, check=True)
