# SPDX-License-Identifier: MIT
"""Words and numbers that reports share."""
import os
import re
import sys

# Of digits that only tell threads of one kind apart.
NUMBER = re.compile(r'\d+')


def duration(seconds):
    """For example 12.3 ms: three digits that count."""
    for unit, size in ('s', 1), ('ms', 1e-3), ('us', 1e-6):
        if seconds >= size:
            return f'{_digits(seconds / size)} {unit}'
    return f'{seconds * 1e9:.0f} ns' if seconds > 0 else '0'


def _digits(number):
    return f'{number:.{max(0, 3 - len(str(int(number))))}f}'


def percent(part, whole):
    return f'{100 * part / whole:.1f} %' if whole > 0 else '-'


def table(rows, left=1):
    """Lines of columns; the first ones are flush left, the others right."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        yield '  '.join(
            text.ljust(width) if i < left else text.rjust(width)
            for i, (text, width) in enumerate(zip(row, widths))).rstrip()


def shortened(name, width):
    return name if len(name) <= width else name[:width - 1] + '…'


def printable(name):
    return ''.join(c if c.isprintable() else '?' for c in name)


def command():
    """What runs, as it sees it."""
    argv = getattr(sys, 'argv', None)   # a program may set it to anything
    argv = argv if isinstance(argv, (list, tuple)) else []
    argv = [printable(str(word)) for word in argv]
    argv[:1] = map(os.path.basename, argv[:1])
    return shortened(' '.join(argv), 60) or 'python'
