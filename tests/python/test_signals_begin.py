# SPDX-License-Identifier: MIT
"""Signals that come just as a wait begins, or as it begins again.

And what PyThreadState_SetAsyncExc raises, in any thread.
"""
import ctypes
import functools
import os
import signal
import sys
import threading
import time
import types

import pytest

from blocking import CALLS
from support import (LIMIT, Stop, Worker, asleep, handling, stop,
                     switching_at_waits, until, waiters, when_asleep)

MAIN = threading.main_thread()

# Functions of C that are called with the GIL held, and keep it.
C = ctypes.PyDLL(None)
raise_signal = functools.partial(getattr(C, 'raise'), signal.SIGUSR1)  # is 0


def test_signal_that_comes_in_a_predicate_in_c_ends_the_wait(impl):
    cond = impl.Condition()
    begin = time.monotonic()
    with handling(signal.SIGUSR1, stop), cond, pytest.raises(Stop):
        cond.wait_for(raise_signal, LIMIT)
    assert time.monotonic() - begin < LIMIT


def test_signal_that_comes_as_the_wait_begins_ends_it(impl):
    lock = types.SimpleNamespace(acquire=bool, release=raise_signal,
                                 _is_owned=functools.partial(bool, 1),
                                 locked=bool)  # 3.14
    cond = impl.Condition(lock)
    begin = time.monotonic()
    with handling(signal.SIGUSR1, stop), pytest.raises(Stop):
        cond.wait(LIMIT)
    assert time.monotonic() - begin < LIMIT


def _semaphore(impl, name):
    semaphore = getattr(impl, name)(1)
    semaphore.acquire()
    return semaphore.acquire, semaphore._cond, semaphore.release


def _wait_for(impl, _):
    cond = impl.Condition(impl.Lock())
    items = []

    def wait():
        with cond:
            return cond.wait_for(items.__len__)  # no bytecode runs

    def wake():
        with cond:
            items.append(1)
            cond.notify()

    return wait, cond, wake


@pytest.fixture(params={'Semaphore': _semaphore,
                        'BoundedSemaphore': _semaphore,
                        'Condition.wait_for': _wait_for}.items(),
                ids=lambda param: param[0])
def loop(request, impl):
    """(a call that waits again when woken in vain, its condition, wake)"""
    name, make = request.param
    return make(impl, name)


class Watch:
    """Looks at a thread without letting go of the GIL."""

    def __init__(self, thread):
        self.file = os.open(f'/proc/self/task/{thread.native_id}/status',
                            os.O_RDONLY)
        self.buffer = ctypes.create_string_buffer(8192)
        self.before = self._look()

    def _look(self):
        size = C.pread(self.file, self.buffer, ctypes.c_size_t(8192),
                       ctypes.c_long(0))
        lines = self.buffer.raw[:size].decode().splitlines()
        fields = dict(line.split(':', 1) for line in lines)
        return fields['voluntary_ctxt_switches'], fields['State'].split()[0]

    def has_slept_again(self):
        switches, state = self._look()
        return state == 'S' and switches != self.before[0]


@pytest.mark.skipif(not getattr(sys, '_is_gil_enabled', lambda: True)(),
                    reason='who is woken does not wait for the GIL')
def test_signal_between_a_wake_up_in_vain_and_the_next_wait(impl, loop):
    """It comes while the thread that was woken waits for the GIL."""
    wait, cond, wake = loop
    ended = []

    def wake_in_vain_and_interrupt():
        watch = Watch(MAIN)
        with cond:
            cond.notify()
        while not watch.has_slept_again():
            pass
        C.pthread_kill(ctypes.c_ulong(MAIN.ident), signal.SIGUSR1)
        os.close(watch.file)
        until(lambda: ended or asleep(MAIN))
        return ended or wake()

    with handling(signal.SIGUSR1, stop), switching_at_waits(impl):
        worker = when_asleep(wake_in_vain_and_interrupt)
        with pytest.raises(Stop):
            wait()
        ended.append('by the handler')
        assert worker.join() is ended


def test_asynchronous_exception_ends_a_wait_that_is_woken_in_vain(loop):
    wait, cond, _ = loop
    worker = Worker(wait)
    until(worker.asleep)
    assert ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(worker.thread.ident), ctypes.py_object(Stop)) == 1
    with cond:
        cond.notify()
    with pytest.raises(Stop):
        worker.join()
    assert waiters(cond) == 0


@pytest.fixture
def count_signals():
    """How many have come since it was last called."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer)

    def count():
        try:
            return len(os.read(reader, 1000))
        except BlockingIOError:
            return 0

    yield count
    signal.set_wakeup_fd(before)
    os.close(reader)
    os.close(writer)


def block_until_alarm(call, seconds):
    """Set off an alarm, and another one much later; begin to wait."""
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds, 0.05)
        call.block()
    except (Stop, threading.BrokenBarrierError):
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    if hasattr(call.thing, 'reset'):
        call.thing.reset()


@pytest.mark.unsanitized
@pytest.mark.parametrize('name', CALLS)
def test_handler_runs_though_the_wait_has_just_begun(native, name,
                                                     count_signals):
    """A wait that spins before it sleeps misses every third alarm.

    Those that come in the few instructions before a thread is asleep are
    missed by threading's own lock, too: more of them on a slow machine.
    """
    calls = [CALLS[name](native), CALLS['Lock.acquire'](threading)]
    rounds = 60

    def missed_alarms():
        missed = [0, 0]
        for i in range(rounds):
            for which, call in enumerate(calls):
                block_until_alarm(call, (10 + i) * 1e-6)
                missed[which] += count_signals() > 1
        return missed

    with handling(signal.SIGALRM, stop):
        assert any(ours < theirs + rounds / 5
                   for ours, theirs in (missed_alarms() for _ in range(10)))
