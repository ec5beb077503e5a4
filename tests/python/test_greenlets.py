# SPDX-License-Identifier: MIT
"""Greenlets: a handler inside a wait may switch, and the stack is elsewhere."""
import pytest

from blocking import CALLS
from support import python

pytest.importorskip('greenlet')

SWITCH = '''
import gc, importlib, signal, sys
from greenlet import getcurrent, greenlet
from blocking import CALLS
from support import Worker, handling, interrupt, when_asleep

impl = importlib.import_module(sys.argv[1])
call = CALLS[sys.argv[2]](impl)
other = CALLS['Condition.wait'](impl)
hub = getcurrent()
results = []


def deepen(depth):
    # Where the other greenlet's stack was.
    if depth:
        sorted([depth], key=lambda depth: deepen(depth - 1) or 0)


waiting = greenlet(lambda: results.append(call.block()))
with handling(signal.SIGUSR1, lambda *_: hub.switch()):
    worker = when_asleep(interrupt)
    waiting.switch()  # back when its handler switches
    deepen(100)
    worker.join()
waker = Worker(call.wake)
assert other.block(0.001) is False
deepen(100)
gc.collect()
waiting.switch()
waker.join()
assert results == [True] and waiting.dead
'''


@pytest.mark.parametrize('name', CALLS)
def test_handler_may_switch_greenlets(impl, name):
    python(SWITCH, impl.__name__, name)
