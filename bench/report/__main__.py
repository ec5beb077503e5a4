# SPDX-License-Identifier: MIT
"""report [--quick] [--failed PART] [--c PPTBENCH] [--python ROOT]
[--server ROOT] RESULTS

Measure, print, write.  Called by bench/run.
"""

import argparse
import os
import signal
import sys
import time
import traceback

import c_part
import machine
import python_part
import server_part
from output import say
from process import Failure


def _stop(_number, _frame):
    raise KeyboardInterrupt


def _run(part, *arguments):
    """The names of the files that a part wrote; None if it failed."""
    try:
        return part.run(*arguments)
    except Failure as failure:
        print(f'\nbench/run: {failure}', file=sys.stderr)
    except Exception:  # pylint: disable=broad-exception-caught
        traceback.print_exc()
    return None


def main():
    """Do all of it, whatever fails of it; the exit status."""
    parser = argparse.ArgumentParser(prog='bench/report')
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--failed', metavar='PART', action='append',
                        default=[], help='it cannot be measured')
    parser.add_argument('--c', metavar='PPTBENCH')
    parser.add_argument('--python', metavar='ROOT')
    parser.add_argument('--server', metavar='ROOT')
    parser.add_argument('results')
    arguments = parser.parse_args()

    signal.signal(signal.SIGTERM, _stop)
    started = time.monotonic()
    os.makedirs(arguments.results, exist_ok=True)
    where = machine.Machine()
    parts = ((c_part, arguments.c), (python_part, arguments.python),
             (server_part, arguments.server))
    results = [_run(part, what, where, arguments.quick, arguments.results)
               for part, what in parts if what is not None]
    written = [name for names in results for name in names or ()]
    if written:
        say(f'Written to {arguments.results} in '
            f'{time.monotonic() - started:.0f} s: ' + ', '.join(written))
    for part in arguments.failed:
        print(f'bench/run: {part} could not be built', file=sys.stderr)
    return 1 if None in results or arguments.failed else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit('\nbench/run: interrupted')
