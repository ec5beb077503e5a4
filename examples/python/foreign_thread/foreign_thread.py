"""A thread of C, of which Python knows nothing, feeds a thread of Python.

    cc -shared -fPIC -pthread feed.c -o feed.so $(python build_flags.py)
    python foreign_thread.py [numbers]

The foreign thread puts into the queue without the GIL and without a Python
thread state; the Python thread sleeps meanwhile, and does not poll.

Part of pyplusthread.  SPDX-License-Identifier: MIT
"""
import sys

import feed
from pyplusthread import SimpleQueue


def main(numbers=1000):
    queue = SimpleQueue()
    feed.start(queue, numbers)
    total = sum(queue.get() for _ in range(numbers))
    feed.join()
    print('sum of the squares:', total)


if __name__ == '__main__':
    main(*map(int, sys.argv[1:]))
