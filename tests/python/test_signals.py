# SPDX-License-Identifier: MIT
"""Signals on the main thread, while it is in each call that blocks."""
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from blocking import CALLS
from support import (HERE, LIMIT, Stop, Worker, asleep, at_least, handling,
                     interrupt, join_all, need_late_gets, stop, until,
                     waiters, when_asleep)

MAIN = threading.main_thread()


@pytest.fixture(params=CALLS)
def call(request, impl):
    return CALLS[request.param](impl)


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
    need_late_gets(type(call.thing))
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
