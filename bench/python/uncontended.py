# SPDX-License-Identifier: MIT
"""One thread, nobody to wait for: what a call costs, measured by pyperf.

Takes pyperf's options; stock and native run one after the other.
"""

import argparse
import queue

import pyperf

import classes
import options

# What is measured: the setup, and the statement.
BENCHMARKS = {
    'Lock acquire+release':
        ('lock = module.Lock()', 'lock.acquire(); lock.release()'),
    'Lock acquire, held':
        ('lock = module.Lock(); lock.acquire()', 'lock.acquire(False)'),
    'Lock locked': ('lock = module.Lock()', 'lock.locked()'),
    'RLock acquire+release':
        ('lock = module.RLock()', 'lock.acquire(); lock.release()'),
    'Condition notify nobody':
        ('cond = module.Condition()', 'with cond: cond.notify()'),
    'Event set+clear':
        ('event = module.Event()', 'event.set(); event.clear()'),
    'Event wait, set':
        ('event = module.Event(); event.set()', 'event.wait()'),
    'Semaphore acquire+release':
        ('sem = module.Semaphore()', 'sem.acquire(); sem.release()'),
    'Queue put+get':
        ('queue = new_queue(module)', 'queue.put(None); queue.get()'),
    'SimpleQueue put+get':
        ('queue = new_queue(module, "SimpleQueue")',
         'queue.put(None); queue.get()'),
    'new Condition': ('new = module.Condition', 'new()'),
    'new Event': ('new = module.Event', 'new()'),
}
UNROLLED = 10  # so that the loop around them costs little


def _new_queue(module, name='Queue'):
    """A queue keeps the classes that it was made with."""
    with classes.patched(module):
        return getattr(queue, name)()


def main():
    """Run them all."""
    parser = options.Parser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    runner = pyperf.Runner(_argparser=parser)
    for title, (setup, statement) in BENCHMARKS.items():
        for kind in classes.NAMES:
            runner.timeit(f'{title}: {kind}', statement, setup,
                          duplicate=UNROLLED,
                          globals={'module': classes.load(kind),
                                   'new_queue': _new_queue})


if __name__ == '__main__':
    options.run(main)
