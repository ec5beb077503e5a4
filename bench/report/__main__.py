"""report [--quick] [--c PPTBENCH] [--python ROOT] [--server ROOT] RESULTS

Measure, print, write.  Called by bench/run.
"""

import argparse
import os
import signal
import sys
import time

import c_part
import machine
import python_part
import server_part
from output import say
from process import Failure


def _stop(_number, _frame):
    raise KeyboardInterrupt


def main():
    """Do all of it; the exit status."""
    parser = argparse.ArgumentParser(prog='bench/report')
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--c', metavar='PPTBENCH')
    parser.add_argument('--python', metavar='ROOT')
    parser.add_argument('--server', metavar='ROOT')
    parser.add_argument('results')
    arguments = parser.parse_args()

    signal.signal(signal.SIGTERM, _stop)
    started = time.monotonic()
    os.makedirs(arguments.results, exist_ok=True)
    where = machine.Machine()
    written = []
    if arguments.c is not None:
        written += c_part.run(arguments.c, where, arguments.quick,
                              arguments.results)
    if arguments.python is not None:
        written += python_part.run(arguments.python, where, arguments.quick,
                                   arguments.results)
    if arguments.server is not None:
        written += server_part.run(arguments.server, where, arguments.quick,
                                   arguments.results)
    if written:
        say(f'Written to {arguments.results} in '
            f'{time.monotonic() - started:.0f} s: ' + ', '.join(written))
    return 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit('\nbench/run: interrupted')
    except Failure as failure:
        sys.exit(f'\nbench/run: {failure}')
