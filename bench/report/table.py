# SPDX-License-Identifier: MIT
"""The tables: a short one with the targets, and one with every figure."""

import slower
from gil_cases import VARIANTS
from matrix_cases import QUANTILES, STOCKS
from matrix_cases import VARIANTS as COMPARED
from rows import OURS, PEERS

SCALES = {
    'ns': ((1e9, 's'), (1e6, 'ms'), (1e3, 'us'), (0, 'ns')),
    's': ((0, 's'),),
    'ms': ((0, 'ms'),),
    'us': ((1e6, 's'), (1e3, 'ms'), (0, 'us')),
    '%': ((0, '%'),),
    '/s': ((1e6, 'M/s'), (1e3, 'k/s'), (0, '/s')),
    '': ((0, ''),),
}


def quantity(value, unit):
    """value with three digits and a fitting unit."""
    least, name = next(scale for scale in SCALES[unit] if value >= scale[0])
    value /= least or 1
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f'{value:.{digits}f} {name}'.strip()


def _times(ratio):
    return f'{ratio:.2f}x' if ratio < 10 else f'{ratio:.0f}x'


def _cell(row, impl):
    """A figure, and how many times better than the base it is."""
    if impl not in row.values:
        return ''
    cell = quantity(row.median(impl), row.unit)
    if impl != row.base and row.base in row.values:
        cell += ' ' + _times(row.ratio(impl, row.base))
    return cell


def _named_cell(row, impl):
    return f'{impl} {_cell(row, impl)}' if impl is not None else ''


def _base_cell(row):
    if row.base == 'pthread':
        return _cell(row, row.base)
    return _named_cell(row, row.base)


def _c_cells(row):
    others = [impl for impl in PEERS + ('mutex',) if impl != 'pthread']
    return [_base_cell(row), *(_cell(row, impl) for impl in OURS),
            _named_cell(row, row.best(others))]


def _python_cells(row):
    return [_cell(row, 'stock'), _cell(row, 'native')]


def _gil_cell(row, variant):
    """Also what it leaves to the CPU-bound threads."""
    cell = _cell(row, variant)
    if cell and 'kept' in row.results[variant][0]:
        cell += f', {row.middle(variant, "kept"):.0f} % kept'
    return cell


def _gil_cells(row):
    return [_gil_cell(row, variant) for variant in VARIANTS]


SCHEDULED = tuple(name for name in COMPARED if name not in STOCKS)


def _slower(row, variant):
    """Of ours: where one of stock is better."""
    return slower.mark(row, variant, STOCKS) if variant in SCHEDULED else ''


def _compared_cells(row):
    return [_cell(row, variant) + _slower(row, variant)
            for variant in COMPARED]


def _needless_cells(row):
    return [_cell(row, variant) for variant in ('stock', *SCHEDULED)]


def _quantiles_cell(row, variant, quantiles, unit):
    """As in 12.1 us / 1.30 ms slower / 5.20 ms."""
    if variant not in row.values:
        return ''
    return ' / '.join(
        quantity(row.middle(variant, key), unit)
        + ' slower' * bool(_slower(row.of(key), variant))
        for key, _ in quantiles)


def _late_cells(row):
    return [_quantiles_cell(row, variant, QUANTILES, 'us')
            for variant in COMPARED]


def _kept_cell(row, variant):
    """As in 47 %, 0.93, 12.1 us."""
    if variant not in row.values:
        return ''
    return ', '.join([f'{row.median(variant):.0f} %',
                      f'{row.middle(variant, "spread"):.2f}',
                      quantity(row.middle(variant, 'cpu_us_per_op'), 'us')])


def _kept_cells(row):
    return [_kept_cell(row, variant) for variant in COMPARED]


SERVER_QUANTILES = (('p50_ms', 'median'), ('p99_ms', '99 %'),
                    ('max_ms', 'maximum'))


def _answer_cells(row):
    return [_quantiles_cell(row, variant, SERVER_QUANTILES, 'ms')
            for variant in COMPARED]


# The columns between the case and its targets.
C = ('pthread', *OURS, 'best other'), _c_cells
PYTHON = ('stock', 'native'), _python_cells
GIL = VARIANTS, _gil_cells
RATE = COMPARED, _compared_cells
LATE = COMPARED, _late_cells
KEPT = COMPARED, _kept_cells
NEEDLESS = ('stock', *SCHEDULED), _needless_cells
ANSWER = COMPARED, _answer_cells


def _lines(row, cells, targets):
    """The row's lines: the figures beside the first target."""
    figures = [row.case, row.cpus, *cells(row)]
    verdicts = []
    for target in row.targets if targets else []:
        verdict = target.judge(row)
        if verdict is not None:
            measured, reached = verdict
            verdicts.append([target.text, measured,
                             'reached' if reached else 'NOT reached'])
    for verdict in verdicts or [['', '', '']]:
        yield figures + verdict
        figures = [''] * len(figures)


def _without_empty(lines):
    """The lines, less the columns that have a heading only."""
    filled = [any(cells) for cells in zip(*lines[1:])]
    return [[cell for cell, keep in zip(line, filled) if keep]
            for line in lines]


def _markdown(lines):
    widths = [max(len(line[k]) for line in lines)
              for k in range(len(lines[0]))]
    lines.insert(1, ['-' * width for width in widths])
    return '\n'.join(
        '| ' + ' | '.join(cell.ljust(width)
                          for cell, width in zip(line, widths)) + ' |'
        for line in lines) + '\n'


def short(rows, layout, targets=True):
    """The table with the targets, in Markdown."""
    columns, cells = layout
    lines = [['case', 'CPUs', *columns, 'target', 'measured', 'verdict']]
    for row in rows:
        lines += _lines(row, cells, targets)
    return _markdown(_without_empty(lines))


def _mean(results, key):
    values = [result[key] for result in results if key in result]
    return f'{sum(values) / len(values):.2f}' if values else ''


# The full table's last columns: what the results call them.
DETAILS = {'CPU ns/op': 'cpu_ns_per_op',
           'switches/op': 'voluntary_switches_per_op',
           "Jain's index": 'fairness', '% kept': 'kept', 'spread': 'spread',
           'own CPU us/op': 'cpu_us_per_op',
           'p50 ms': 'p50_ms', 'p99 ms': 'p99_ms'}


def full(rows):
    """Every figure: median and spread, CPU time and context switches."""
    lines = [['case', 'CPUs', 'implementation', 'median', 'lowest',
              'highest', 'times better', *DETAILS]]
    for row in rows:
        for impl, values in row.values.items():
            results = row.results[impl]
            ratio = ''
            if impl != row.base and row.base in row.values:
                ratio = _times(row.ratio(impl, row.base))
            lines.append([
                row.case, row.cpus, impl, quantity(row.median(impl), row.unit),
                quantity(min(values), row.unit),
                quantity(max(values), row.unit), ratio,
                *(_mean(results, key) for key in DETAILS.values())])
    return _markdown(_without_empty(lines))
