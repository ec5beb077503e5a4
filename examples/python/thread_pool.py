"""A pool of threads that finishes what is queued when it is told to end.

    python thread_pool.py [limit]

The program queues a task every few milliseconds until it gets SIGTERM, or
SIGINT (Ctrl-C).  Then it refuses new tasks, gives the queued ones up to limit
seconds (5 by default), drops the rest, waits for the tasks that run, and ends.

Part of pyplusthread.  SPDX-License-Identifier: MIT
"""
import collections
import signal
import sys
import threading
import time

from pyplusthread import Condition, Event, Lock


class ShutDown(Exception):
    """The pool takes no more tasks."""


class Pool:
    """Some threads that do what is queued, first come, first served."""

    def __init__(self, threads):
        self._lock = Lock()  # guards all that follows
        self._work = Condition(self._lock)
        self._idle = Condition(self._lock)
        self._tasks = collections.deque()
        self._running = 0
        self._closed = False
        self._threads = [threading.Thread(target=self._loop)
                         for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def submit(self, function, *args):
        """Have a thread call function(*args)."""
        with self._lock:
            if self._closed:
                raise ShutDown
            self._tasks.append((function, args))
            self._work.notify()

    def shut_down(self, limit):
        """Refuse new tasks; returns how many were dropped after limit seconds.

        Tasks that run by then are waited for.
        """
        with self._lock:
            self._closed = True
            self._work.notify_all()
            self._idle.wait_for(lambda: not self._tasks and not self._running,
                                limit)
            dropped = len(self._tasks)
            self._tasks.clear()
        for thread in self._threads:
            thread.join()
        return dropped

    def _loop(self):
        while task := self._next():
            function, args = task
            try:
                function(*args)
            except Exception:  # a task must not end the thread
                sys.excepthook(*sys.exc_info())
            finally:
                self._end()

    def _next(self):
        """A task, or None when the pool is closed and has none."""
        with self._lock:
            self._work.wait_for(lambda: self._tasks or self._closed)
            if not self._tasks:
                return None
            self._running += 1
            return self._tasks.popleft()

    def _end(self):
        with self._lock:
            self._running -= 1
            if not self._running and not self._tasks:
                self._idle.notify_all()


def main(limit=5.0):
    told_to_end = Event()
    for number in signal.SIGTERM, signal.SIGINT:
        signal.signal(number, lambda *_: told_to_end.set())
    done = []  # append() is safe in any thread
    pool = Pool(4)
    queued = 0
    print('working', flush=True)
    while not told_to_end.wait(0.002):
        pool.submit(lambda: (time.sleep(0.01), done.append(None)))
        queued += 1
    dropped = pool.shut_down(limit)
    print(f'queued: {queued}, done: {len(done)}, dropped: {dropped}')


if __name__ == '__main__':
    main(*map(float, sys.argv[1:]))
