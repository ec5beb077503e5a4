# SPDX-License-Identifier: MIT
"""Signals on the main thread, while it is in each call that blocks.

And what PyThreadState_SetAsyncExc raises, in any thread.
"""
import ctypes
import functools
import os
import signal
import subprocess
import sys
import threading
import time
import types

import pytest

from blocking import CALLS
from support import (HERE, LIMIT, Worker, asleep, at_least, handling,
                     interrupt, join_all, switching_at_waits, until, waiters,
                     when_asleep)

MAIN = threading.main_thread()


@pytest.fixture(params=CALLS)
def call(request, impl):
    return CALLS[request.param](impl)


class Stop(Exception):
    pass


def stop(signum, frame):
    raise Stop


def usable(call):
    """Whether it blocks and can be woken after all that has happened."""
    if hasattr(call.thing, 'reset'):
        call.thing.reset()
    worker = Worker(call.block)
    until(worker.asleep)
    call.wake()
    return worker.join()


def test_handler_runs_and_the_wait_goes_on(call):
    handled = []

    def interrupt_thrice():
        for number in 1, 2, 3:
            until(lambda: asleep(MAIN))
            interrupt()
            until(lambda: len(handled) == number)
        until(lambda: asleep(MAIN))
        call.wake()

    with handling(signal.SIGUSR1, lambda *_: handled.append(1)):
        worker = when_asleep(interrupt_thrice)
        assert call.block() is True
    worker.join()
    assert len(handled) == 3


def test_handler_that_raises_ends_the_wait(call):
    with handling(signal.SIGUSR1, stop):
        for _ in range(3):
            worker = when_asleep(interrupt)
            with pytest.raises(Stop):
                call.block()
            worker.join()
    assert usable(call)


def test_handler_that_raises_ends_a_timed_wait(call):
    with handling(signal.SIGUSR1, stop):
        worker = when_asleep(interrupt)
        with pytest.raises(Stop):
            call.block(LIMIT)
        worker.join()
    assert usable(call)


def test_ctrl_c_is_a_keyboard_interrupt(call):
    worker = when_asleep(lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        call.block()
    worker.join()
    assert usable(call)


def test_wake_up_that_comes_while_the_handler_runs_is_kept(call):
    steps = []

    def handler(*_):
        steps.append('handling')
        until(lambda: 'woken' in steps)

    def interrupt_and_wake():
        interrupt()
        until(lambda: 'handling' in steps)
        call.wake()
        steps.append('woken')

    # A barrier's wake() returns when both have: not during the handler.
    if hasattr(call.thing, 'parties'):
        wake = call.wake
        call.wake = lambda: Worker(wake)
    with handling(signal.SIGUSR1, handler):
        worker = when_asleep(interrupt_and_wake)
        assert call.block() is True
    worker.join()


def test_timeout_that_passes_while_the_handler_runs_ends_the_wait(call):
    handled = []

    def handler(*_):
        time.sleep(0.2)
        handled.append(1)

    with handling(signal.SIGALRM, handler):
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with at_least(0.1):
            assert call.block(0.1) is False
        until(lambda: handled)
    assert usable(call)


def test_timeout_is_neither_shortened_nor_lengthened_by_handlers(call):
    handled = []
    with handling(signal.SIGALRM, lambda *_: handled.append(1)):
        signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
        begin = time.monotonic()
        with at_least(0.1):
            assert call.block(0.1) is False
        signal.setitimer(signal.ITIMER_REAL, 0)
    assert time.monotonic() - begin < LIMIT / 4
    assert handled


def test_handler_may_use_the_object_it_interrupted(call):
    handled = []

    def handler(*_):
        handled.append(call.wake())

    if type(call.thing).__name__ in ('Event', 'Barrier'):
        pytest.skip('its own call would wait for the one interrupted')
    with handling(signal.SIGUSR1, handler):
        worker = when_asleep(interrupt)
        assert call.block() is True
        worker.join()
    assert len(handled) == 1


def test_interrupted_waiter_keeps_its_place(impl):
    cond = impl.Condition()
    handled = []
    order = []

    def wait(name):
        with cond:
            cond.wait()
            order.append(name)

    def behind():
        second = Worker(wait, 'second')
        until(lambda: waiters(cond) == 2)
        interrupt()
        until(lambda: handled and asleep(MAIN))
        for number in 1, 2:
            with cond:
                cond.notify()
            until(lambda: len(order) == number)
        second.join()

    with handling(signal.SIGUSR1, lambda *_: handled.append(1)):
        worker = when_asleep(behind)
        wait('first')
        worker.join()
    assert order == ['first', 'second']


def test_interrupted_waiter_keeps_its_place_at_a_lock(native):
    lock = native.Lock()
    lock.acquire()
    handled = []
    order = []

    def take(name):
        with lock:
            order.append(name)

    def behind():
        second = Worker(take, 'second')
        until(second.asleep)
        interrupt()
        until(lambda: handled and asleep(MAIN))
        lock.release()
        second.join()

    with handling(signal.SIGUSR1, lambda *_: handled.append(1)):
        worker = when_asleep(behind)
        take('first')
        worker.join()
    assert order == ['first', 'second']


def test_waiters_behind_one_that_left_are_not_lost(call):
    others = []

    def queue_up_and_interrupt():
        others.append(Worker(call.block))
        until(others[0].asleep)
        interrupt()

    if hasattr(call.thing, 'parties'):
        pytest.skip('its waiters are two, and then it is full')
    with handling(signal.SIGUSR1, stop):
        worker = when_asleep(queue_up_and_interrupt)
        with pytest.raises(Stop):
            call.block()
        worker.join()
    call.wake()
    assert join_all(others) == [True]


def test_notify_for_a_waiter_whose_handler_raises_goes_to_the_next(native):
    cond = native.Condition()

    def wait():
        with cond:
            return cond.wait()

    def handler(*_):
        with cond:
            cond.notify()
        raise Stop

    def behind():
        second = Worker(wait)
        until(lambda: waiters(cond) == 2)
        interrupt()
        return second.join()

    with handling(signal.SIGUSR1, handler):
        worker = when_asleep(behind)
        with pytest.raises(Stop):
            wait()
    assert worker.join() is True
    assert waiters(cond) == 0


def test_lock_is_held_after_a_handler_raised_out_of_a_wait(impl):
    for cond in impl.Condition(), impl.Condition(impl.Lock()):
        with handling(signal.SIGUSR1, stop):
            worker = when_asleep(interrupt)
            with cond:
                with pytest.raises(Stop):
                    cond.wait()
                worker.join()
                assert Worker(cond.acquire, False).join() is False
        assert waiters(cond) == 0


def test_lock_is_held_after_a_handler_raised_in_its_reacquisition(native):
    for cond in native.Condition(), native.Condition(native.Lock()):
        steps = []

        def hold_the_lock_and_interrupt():
            until(lambda: waiters(cond) == 1)
            with cond:
                cond.notify()
                until(lambda: asleep(MAIN))
                interrupt()
                until(lambda: asleep(MAIN) and steps)

        def handler(*_):
            steps.append('handling')
            raise Stop

        with handling(signal.SIGUSR1, handler):
            worker = when_asleep(hold_the_lock_and_interrupt)
            with cond:
                with pytest.raises(Stop):
                    cond.wait()
                assert Worker(cond.acquire, False).join() is False
            worker.join()
        assert cond.acquire(False)


def test_threads_other_than_the_main_one_do_not_notice_signals(call):
    handled = []
    with handling(signal.SIGUSR1, lambda *_: handled.append(1)):
        worker = Worker(call.block)
        until(worker.asleep)
        signal.pthread_kill(worker.thread.ident, signal.SIGUSR1)
        until(lambda: handled)
        until(worker.asleep)
        call.wake()
        assert worker.join() is True


def test_interval_timer_interrupts_the_main_thread_again_and_again(call):
    handled = []

    def wake_later():
        until(lambda: len(handled) > 20)
        call.wake()

    with handling(signal.SIGALRM, lambda *_: handled.append(1)):
        worker = Worker(wake_later)
        signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
        try:
            assert call.block() is True
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        worker.join()


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
                                 _is_owned=functools.partial(bool, 1))
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


WAIT = '''
import importlib, sys
from blocking import CALLS
call = CALLS[sys.argv[2]](importlib.import_module(sys.argv[1]))
print('ready', flush=True)
call.block()
'''


@pytest.mark.parametrize('name', CALLS)
def test_ctrl_c_ends_a_program(impl, name):
    child = subprocess.Popen(
        [sys.executable, '-c', WAIT, impl.__name__, name], cwd=HERE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout.readline() == 'ready\n'
    until(lambda: child_sleeps(child.pid))
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=LIMIT)
    assert child.returncode == -signal.SIGINT
    assert errors.rstrip().endswith('KeyboardInterrupt')


def child_sleeps(pid):
    def look():
        with open(f'/proc/{pid}/status', encoding='ascii') as status:
            return [line for line in status
                    if line.startswith(('State', 'voluntary'))]
    before = look()
    time.sleep(0.02)
    return 'sleeping' in before[0] and look() == before


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
    rounds, missed = 60, [0, 0]
    with handling(signal.SIGALRM, stop):
        for i in range(rounds):
            for which, call in enumerate(calls):
                block_until_alarm(call, (10 + i) * 1e-6)
                missed[which] += count_signals() > 1
    assert missed[0] < missed[1] + rounds / 5
