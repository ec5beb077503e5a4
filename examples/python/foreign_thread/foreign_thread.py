"""A thread of C, of which Python knows nothing, feeds a thread of Python.

    cc -shared -fPIC -pthread feed.c -o feed.so $(python build_flags.py)
    python foreign_thread.py [numbers]

Each number is announced by a unit of a semaphore.  The foreign thread
releases it without the GIL and without a Python thread state; the Python
thread sleeps meanwhile, and does not poll.

Part of pyplusthread.  SPDX-License-Identifier: MIT
"""
import sys

import feed
from pyplusthread import Semaphore


def main(numbers=1000):
    filled = Semaphore(0)
    feed.start(filled, numbers)
    total = 0
    for _ in range(numbers):
        filled.acquire()
        total += feed.take()
    feed.join()
    print('sum of the squares:', total)


if __name__ == '__main__':
    main(*map(int, sys.argv[1:]))
