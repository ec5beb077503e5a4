"""Producers and consumers over a queue of limited length.

    python bounded_queue.py [items]

The queue holds eight items at most, and can be closed: then put() raises
Closed, and whoever iterates over it gets what is left, and ends.

Part of pyplusthread.  SPDX-License-Identifier: MIT
"""
import collections
import sys
import threading

from pyplusthread import Condition, Lock


class Closed(Exception):
    """The queue takes no more items."""


class BoundedQueue:
    """First in, first out; for any number of threads."""

    def __init__(self, room):
        self._room = room
        self._items = collections.deque()
        self._closed = False
        self._lock = Lock()  # guards the items and whether it is closed
        self._not_full = Condition(self._lock)
        self._not_empty = Condition(self._lock)

    def put(self, item):
        """Put an item at the end, once there is room."""
        with self._lock:
            self._not_full.wait_for(
                lambda: self._closed or len(self._items) < self._room)
            if self._closed:
                raise Closed
            self._items.append(item)
            self._not_empty.notify()

    def close(self):
        """From now on nothing can be put.  Whoever waits goes on."""
        with self._lock:
            self._closed = True
            self._not_full.notify_all()
            self._not_empty.notify_all()

    def __iter__(self):
        return self

    def __next__(self):
        with self._lock:
            self._not_empty.wait_for(lambda: self._closed or self._items)
            if not self._items:
                raise StopIteration
            self._not_full.notify()
            return self._items.popleft()


def main(items=10000):
    queue = BoundedQueue(8)
    sums = []  # append() is safe in any thread

    def produce():
        for number in range(items):
            queue.put(number)

    consumers = [threading.Thread(target=lambda: sums.append(sum(queue)))
                 for _ in range(2)]
    producers = [threading.Thread(target=produce) for _ in range(2)]
    for thread in consumers + producers:
        thread.start()
    for thread in producers:
        thread.join()
    queue.close()
    for thread in consumers:
        thread.join()
    print('sum of all items:', sum(sums))


if __name__ == '__main__':
    main(*map(int, sys.argv[1:]))
