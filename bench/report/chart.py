"""The chart, drawn by gnuplot."""

import os
import subprocess

from rows import OURS, PEERS

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = OURS + PEERS
POLICIES = ('ppt', 'mutex', 'interval')


def _block(name, rows, impls):
    """Rows as a gnuplot data block: median, lowest, highest for each."""
    yield f'${name} << END'
    for row in rows:
        cells = [f'"{row.case}\\n{row.cpus}"']
        for impl in impls:
            values = row.values.get(impl)
            cells += ([f'{row.median(impl)}', f'{min(values)}',
                       f'{max(values)}'] if values else ['NaN'] * 3)
        yield ' '.join(cells)
    yield 'END'


def draw(rows, path, title):
    """Draw rows to path, as SVG."""
    hand_over = [r for r in rows if r.case.startswith(('pair', 'queue'))]
    quick = [r for r in rows
             if r.case.startswith(('lock', 'signal', 'barrier'))]
    gil = [r for r in rows if r.case.startswith('gil: pairs')]
    impls = [impl for impl in NAMES
             if any(impl in row.values for row in hand_over)]
    script = [f'output = "{path}"', f'heading = "{title}"',
              f'impls = "{" ".join(impls)}"',
              f'policies = "{" ".join(POLICIES)}"',
              *_block('hand_over', hand_over, impls),
              *_block('quick', quick, impls),
              *_block('gil', gil, POLICIES),
              f'load "{os.path.join(HERE, "chart.gp")}"']
    subprocess.run(['gnuplot', '-'], input='\n'.join(script) + '\n',
                   text=True, check=True)
