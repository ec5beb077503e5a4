# SPDX-License-Identifier: MIT
"""What the tests share: workers, and ways to wait for a state."""
import contextlib
import os
import queue
import signal
import subprocess
import sys
import sysconfig
import threading
import time
import traceback
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LIMIT = 60  # seconds; what works is never so slow, what hangs never ends

NO_GIL = bool(sysconfig.get_config_var('Py_GIL_DISABLED'))
needs_gil = pytest.mark.skipif(NO_GIL, reason='there is no GIL')

Thread = threading.Thread  # also while threading is patched

# The names that the package has in place of threading's.
NAMES = ['Lock', 'RLock', 'Condition', 'Semaphore', 'BoundedSemaphore',
         'Event', 'Barrier']

# How to make one of each.
ARGUMENTS = {'Barrier': (2,)}


# The queues: threading stands for the module queue.
QUEUES = ['Queue', 'LifoQueue', 'PriorityQueue', 'SimpleQueue']
WITH_TASKS = ['Queue', 'LifoQueue', 'PriorityQueue']


def queues(impl):
    """The module that has the queues of an implementation."""
    return queue if impl is threading else impl


def drained(box):
    """All items, as they come."""
    items = []
    while not box.empty():
        items.append(box.get_nowait())
    return items


def in_order(kind, items):
    """How a queue of that kind gives them back."""
    name = kind.__name__
    if name == 'PriorityQueue':
        return sorted(items)
    return items[::-1] if name == 'LifoQueue' else items


def make(impl, name):
    """A new object of the kind that name says."""
    return getattr(impl, name)(*ARGUMENTS.get(name, ()))


def type_of(impl, name):
    """Its type: some of threading's names are functions."""
    return type(make(impl, name))


def need_own_repr(thing):
    """Skip a test of it for the old classes of threading without one."""
    if type(thing).__repr__ is object.__repr__:
        pytest.skip('this threading does not define its repr')


def until(condition):
    """Poll until condition() is true: the tests' only way to order threads."""
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, 'waited in vain'
        time.sleep(0.0005)


def longer_and_longer(timeout):
    """Timeouts, for what a test has to do before one is over."""
    while timeout < LIMIT:
        yield timeout
        timeout *= 2
    raise AssertionError('came too late each time')


def need_late_gets(kind):
    """
    Skip a test in which a get(timeout) may be woken too late.  Up to CPython
    3.12 the time left is negative then, and SimpleQueue waits for ever.
    """
    if kind is queue.SimpleQueue and sys.version_info < (3, 13):
        pytest.skip('stock: a get that is woken late may wait for ever')


class Worker:
    """A thread whose result, or exception, is there for who joins it."""

    def __init__(self, function, *args):
        self.result = self.error = None
        self.ended = False
        self.thread = Thread(target=self._run, args=(function, *args),
                             daemon=True)
        self.thread.start()

    def _run(self, function, *args):
        try:
            self.result = function(*args)
        except BaseException as error:
            self.error = error
        self.ended = True

    def join(self):
        """What the function returned; what it raised is raised."""
        until(lambda: self.ended)
        self.thread.join(LIMIT)
        if self.error is not None:
            raise self.error
        return self.result

    def asleep(self):
        """Whether it is asleep, and remains so for a while."""
        return asleep(self.thread)


def join_all(workers):
    return [worker.join() for worker in workers]


def _rest(thread):
    """(its state, how often it went to sleep), as the kernel says."""
    status = Path(f'/proc/self/task/{thread.native_id}/status').read_text()
    fields = dict(line.split(':', 1) for line in status.splitlines())
    return fields['State'].split()[0], fields['voluntary_ctxt_switches']


def asleep(thread):
    """Whether the thread is asleep, and remains so for a while.

    While this sleeps the GIL is free: a thread that waits for no more than
    the GIL does not remain asleep.
    """
    try:
        before = _rest(thread)
        for _ in range(3):
            time.sleep(0.003)
            if _rest(thread) != before:
                return False
    except (FileNotFoundError, ProcessLookupError):
        return False
    return before[0] == 'S'


def when_asleep(function):
    """Call it in another thread when the main thread is asleep."""
    def wait_and_call():
        until(lambda: asleep(threading.main_thread()))
        return function()
    return Worker(wait_and_call)


def interrupt():
    """Send SIGUSR1 to the main thread."""
    signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)


def waiters(thing):
    """How many threads wait at a Condition, Event, Semaphore or Barrier."""
    if hasattr(thing, 'n_waiting'):
        return thing.n_waiting
    return len(getattr(thing, '_cond', thing)._waiters)


class Owner:
    """A thread that holds a lock until it is told to let go."""

    def __init__(self, lock):
        self.holds = self.may_go = False
        self.worker = Worker(self._hold, lock)
        until(lambda: self.holds or self.worker.ended)

    def _hold(self, lock):
        with lock:
            self.holds = True
            until(lambda: self.may_go)

    def let_go(self):
        self.may_go = True
        self.worker.join()


@contextlib.contextmanager
def held_elsewhere(lock):
    """Another thread holds the lock meanwhile."""
    owner = Owner(lock)
    try:
        yield
    finally:
        owner.let_go()


@contextlib.contextmanager
def at_least(seconds):
    """What is done inside may not take less time."""
    begin = time.monotonic()
    yield
    assert time.monotonic() - begin >= seconds


@contextlib.contextmanager
def switch_interval(seconds):
    before = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextlib.contextmanager
def switching_at_waits(impl):
    """Threads let go of the GIL where they wait, and nowhere else.

    All on one CPU: one that waits for the GIL goes on as soon as it is free.
    """
    cpus = os.sched_getaffinity(0)
    has_priority = getattr(impl, 'gil_info', dict)().get('priority')
    os.sched_setaffinity(0, {min(cpus)})
    try:
        if has_priority:
            impl.set_gil_priority(False)
        with switch_interval(LIMIT):
            yield
    finally:
        if has_priority:
            impl.set_gil_priority()
        os.sched_setaffinity(0, cpus)


class Stop(Exception):
    """What ends a call from within a handler."""


def stop(signum, frame):
    raise Stop


@contextlib.contextmanager
def handling(signum, handler):
    before = signal.signal(signum, handler)
    try:
        yield
    finally:
        signal.signal(signum, before)


def in_child(function, *args):
    """Call the function in a forked child, which must end, and well."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            function(*args)
            status = 0
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(status)
    try:
        assert _wait_for(child) == 0, 'the child failed'
    except AssertionError:
        raise
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise


def _wait_for(child):
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status
        time.sleep(0.002)
    os.kill(child, signal.SIGABRT)  # faulthandler shows where it hangs
    os.waitpid(child, 0)
    raise AssertionError('the child hangs')


def python(code, *args, check=True, timeout=LIMIT, **options):
    """Run code in a fresh interpreter; it can import this module."""
    path = os.pathsep.join(filter(None, [str(HERE),
                                         os.environ.get('PYTHONPATH')]))
    done = subprocess.run(
        [sys.executable, '-X', 'faulthandler', '-c', code, *args],
        env=dict(os.environ, PYTHONPATH=path), timeout=timeout,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, **options)
    if check:
        assert done.returncode == 0, done.stderr
        assert done.stderr == ''
    return done
