"""A computation in phases, with a barrier and a time limit for each phase.

    python phases.py [steps]
    python phases.py --stuck    # with a thread that does not come back

Each thread computes its part of the next state from all of the present one,
and then waits at the barrier.  The barrier's action swaps the states before
any thread goes on.  If a thread is not there in time the barrier is broken:
the others get BrokenBarrierError, and stop in good order.

Part of pyplusthread.  SPDX-License-Identifier: MIT
"""
import sys
import threading

from pyplusthread import Barrier, BrokenBarrierError, Event

THREADS = 4
PART = 25
CELLS = THREADS * PART


class Rod:
    """Heat spreads along it; its ends keep their temperatures."""

    def __init__(self):
        self.now = [0.0] * CELLS
        self.now[CELLS // 2] = 1000.0
        self.next = self.now.copy()

    def compute(self, cell):
        if 0 < cell < CELLS - 1:
            self.next[cell] = sum(self.now[cell - 1:cell + 2]) / 3

    def swap(self):
        self.now, self.next = self.next, self.now


def work(rod, barrier, number, steps, results, before_the_barrier):
    try:
        for step in range(steps):
            for cell in range(number * PART, (number + 1) * PART):
                rod.compute(cell)
            before_the_barrier(number, step)
            barrier.wait()
        results[number] = 'ended'
    except BrokenBarrierError:
        results[number] = 'stopped'


def main(steps=50, stuck=False):
    rod = Rod()
    barrier = Barrier(THREADS, rod.swap, timeout=0.5 if stuck else 60)
    results = [None] * THREADS
    come_back = Event()

    def before_the_barrier(number, step):
        if stuck and number == 0 and step == steps // 2:
            come_back.wait()

    threads = [threading.Thread(target=work, args=(
        rod, barrier, number, steps, results, before_the_barrier))
        for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads[1:]:
        thread.join()
    come_back.set()
    threads[0].join()
    print('threads:', ', '.join(results))
    if not stuck:
        print(f'heat after {steps} steps: {sum(rod.now):.3f}')


if __name__ == '__main__':
    if sys.argv[1:] == ['--stuck']:
        main(stuck=True)
    else:
        main(*map(int, sys.argv[1:]))
