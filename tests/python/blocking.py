# SPDX-License-Identifier: MIT
"""Every call that may block, with what wakes it, for tests of them all."""
from support import Owner, queues


class Blocked:
    """A call that blocks until it is woken.

    block(*timeout)  True if woken, False if timed out
    wake()           from another thread
    thing            the object, to look at
    """

    def __init__(self, thing, block, wake):
        self.thing = thing
        self.block = block
        self.wake = wake


def _lock(impl):
    lock = impl.Lock()
    lock.acquire()
    return Blocked(lock, lambda *args: lock.acquire(True, *args),
                   lock.release)


def _rlock(impl):
    lock = impl.RLock()
    owner = Owner(lock)
    return Blocked(lock, lambda *args: lock.acquire(True, *args),
                   owner.let_go)


def _notify(cond):
    with cond:
        cond.notify()


def _wait(cond):
    def wait(*args):
        with cond:
            return cond.wait(*args)
    return Blocked(cond, wait, lambda: _notify(cond))


def _condition(impl):
    return _wait(impl.Condition())


def _condition_with_lock(impl):
    return _wait(impl.Condition(impl.Lock()))


def _wait_for(impl):
    cond = impl.Condition()
    woken = []

    def block(*args):
        with cond:
            return cond.wait_for(lambda: bool(woken), *args)

    def wake():
        woken.append(True)
        _notify(cond)

    return Blocked(cond, block, wake)


def _semaphore(impl):
    semaphore = impl.Semaphore(0)
    return Blocked(semaphore, lambda *args: semaphore.acquire(True, *args),
                   semaphore.release)


def _bounded_semaphore(impl):
    semaphore = impl.BoundedSemaphore()
    semaphore.acquire()
    return Blocked(semaphore, lambda *args: semaphore.acquire(True, *args),
                   semaphore.release)


def _event(impl):
    event = impl.Event()
    return Blocked(event, event.wait, event.set)


def _barrier(impl):
    barrier = impl.Barrier(2)

    def block(*args):
        try:
            barrier.wait(*args)
        except impl.BrokenBarrierError:
            return False
        return True

    return Blocked(barrier, block, barrier.wait)


def _get(name):
    def make(impl):
        module = queues(impl)
        box = getattr(module, name)()

        def block(*args):
            try:
                return box.get(True, *args)
            except module.Empty:
                return False

        return Blocked(box, block, lambda: box.put(True))
    return make


def _put(impl):
    module = queues(impl)
    box = module.Queue(1)
    box.put(0)

    def block(*args):
        try:
            box.put(0, True, *args)
        except module.Full:
            return False
        return True

    return Blocked(box, block, box.get)


CALLS = {
    'Lock.acquire': _lock,
    'RLock.acquire': _rlock,
    'Condition.wait': _condition,
    'Condition.wait-Lock': _condition_with_lock,
    'Condition.wait_for': _wait_for,
    'Semaphore.acquire': _semaphore,
    'BoundedSemaphore.acquire': _bounded_semaphore,
    'Event.wait': _event,
    'Barrier.wait': _barrier,
    'SimpleQueue.get': _get('SimpleQueue'),
    'Queue.get': _get('Queue'),
    'LifoQueue.get': _get('LifoQueue'),
    'PriorityQueue.get': _get('PriorityQueue'),
    'Queue.put': _put,
}
