# SPDX-License-Identifier: MIT
"""Queues whose calls come back into them, or are ended by an exception."""
import collections
import contextlib
import ctypes
import gc
import queue
import signal
import sys
import weakref

import pytest

from support import (LIMIT, Stop, Worker, drained, handling, interrupt,
                     need_late_gets, stop, until, when_asleep)


# Calls that come back.

class Finaliser:
    def __init__(self, function):
        self.function = function

    def __del__(self):
        self.function()

    def __lt__(self, other):
        return False


def test_put_from_a_finaliser_of_an_item(simple):
    box = simple()
    for number in range(100):
        box.put(Finaliser(lambda number=number: box.put(number)))
    for _ in range(100):
        box.get_nowait()
    assert drained(box) == list(range(100))


def test_finaliser_of_a_replaced_container_may_use_the_queue(native):
    box = native.Queue(1)
    done = []

    def use():
        with contextlib.suppress(queue.Full):
            box.put_nowait('from a finaliser')
        done.append(True)

    box.put(Finaliser(use))
    worker = Worker(box.put, 1)
    until(worker.asleep)
    box.queue = collections.deque()
    with box.mutex:
        box.not_full.notify()
    worker.join()
    assert done == [True]


class Container(collections.deque):
    """None that the native methods know."""


@pytest.mark.parametrize('call', ['get', 'put'])
def test_call_whose_container_is_replaced_keeps_its_deadline(native, call):
    box = native.Queue(1)
    timeouts = []

    def note(frame, event, _):
        if event == 'call' and frame.f_code.co_name == call:
            timeouts.append(frame.f_locals['timeout'])

    def wait():
        sys.setprofile(note)  # sees queue.Queue's method, not the native one
        try:
            return (box.put(2, timeout=LIMIT) if call == 'put'
                    else box.get(timeout=LIMIT))
        finally:
            sys.setprofile(None)

    if call == 'put':
        box.put(1)
    worker = Worker(wait)
    until(worker.asleep)
    with box.mutex:
        box.queue = Container(box.queue)
        (box.not_full if call == 'put' else box.not_empty).notify()
    until(lambda: timeouts)
    (box.get if call == 'put' else box.put)(1)
    worker.join()
    assert len(timeouts) == 1
    assert 0 < timeouts[0] < LIMIT


def test_put_from_a_callback_of_a_weak_reference(simple):
    class Item:
        pass

    box, references = simple(), []
    for number in range(100):
        item = Item()
        references.append(weakref.ref(
            item, lambda _, number=number: box.put(number)))
        box.put(item)
        del item
    for _ in range(100):
        box.get_nowait()
    assert drained(box) == list(range(100))


def test_put_from_the_collector_which_a_put_or_get_sets_off(simple):
    class Node:
        def __init__(self, number):
            self.itself = self
            self.number = number

        def __del__(self):
            box.put(('node', self.number))

    box = simple()
    before = gc.get_threshold()
    gc.set_threshold(1)
    try:
        got = []
        for number in range(300):
            Node(2 * number)
            box.put(('main', number))
            Node(2 * number + 1)
            got.append(box.get(timeout=LIMIT))
    finally:
        gc.set_threshold(*before)
    gc.collect()
    got += drained(box)
    assert [number for whose, number in got if whose == 'main'] == list(
        range(300))
    assert sorted(number for whose, number in got if whose == 'node') == list(
        range(600))


def test_put_from_a_signal_handler_wakes_the_get_that_it_interrupts(kind):
    """Native queues with a mutex, too: no handler runs while it is held."""
    if kind.__module__ == 'queue':
        pytest.skip('the handler would wait for the mutex')
    box = kind()
    with handling(signal.SIGUSR1, lambda *_: box.put(7)):
        worker = when_asleep(interrupt)
        assert box.get(timeout=LIMIT) == 7
        worker.join()
    assert box.empty()


def test_put_from_handlers_at_any_point(simple):
    """Signals at a high rate: what handlers put is there, all of it."""
    box, put = simple(), []

    def handle(*_):
        put.append(len(put))
        box.put(('handler', len(put) - 1))

    with handling(signal.SIGALRM, handle):
        signal.setitimer(signal.ITIMER_REAL, 1e-4, 1e-4)
        try:
            got = []
            for number in range(20000):
                box.put(('main', number))
                got.append(box.get())
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    got += drained(box)
    for source, count in ('main', 20000), ('handler', len(put)):
        assert [number for whose, number in got if whose == source] == list(
            range(count))


# Exceptions.

def test_get_that_a_handler_ends_has_taken_nothing(kind):
    box = kind()
    with handling(signal.SIGUSR1, stop):
        worker = when_asleep(interrupt)
        with pytest.raises(Stop):
            box.get()
        worker.join()
    box.put(1)
    assert box.qsize() == 1
    assert Worker(box.get).join() == 1


def test_put_that_a_handler_ends_has_put_nothing(tasks):
    box = tasks(1)
    box.put(1)
    with handling(signal.SIGUSR1, stop):
        worker = when_asleep(interrupt)
        with pytest.raises(Stop):
            box.put(2)
        worker.join()
    assert box.unfinished_tasks == 1
    assert drained(box) == [1]


def test_item_is_for_another_thread_if_a_handler_ends_the_first_get(kind):
    """The put chose the main thread, whose handler raises all the same."""
    box = kind()
    others = []

    def put_and_stop(*_):
        box.put(1)
        raise Stop

    def queue_up_and_interrupt():
        others.append(Worker(box.get))
        until(others[0].asleep)
        interrupt()

    if kind.__module__ == 'queue':
        pytest.skip('the handler would wait for the mutex')
    with handling(signal.SIGUSR1, put_and_stop):
        worker = when_asleep(queue_up_and_interrupt)
        with pytest.raises(Stop):
            box.get()
        worker.join()
    assert others[0].join() == 1


def test_no_item_is_lost_with_threads_that_are_stopped(kind):
    """Whatever PyThreadState_SetAsyncExc interrupts."""
    if kind.__module__ == 'queue':
        pytest.skip('a thread that is stopped as it takes the mutex keeps it')
    need_late_gets(kind)
    box, got, done, begun = kind(), [], [], []

    def take_some():
        begun.append(1)
        while not done:
            try:
                item = box.get(timeout=0.01)
                got.append(item)
            except queue.Empty:
                pass

    def get():
        while not done:
            try:
                take_some()
            except Stop:
                pass

    workers = [Worker(get) for _ in range(3)]
    lost = 0
    for first in range(0, 600, 20):
        # Whoever was stopped is inside take_some again.
        until(lambda: len(begun) == 3 + lost)
        for item in range(first, first + 20):
            box.put(item)
        ident = workers[first // 20 % 3].thread.ident
        lost += ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(ident), ctypes.py_object(Stop))
    until(lambda: box.empty() and len(begun) == 3 + lost)
    done.append(1)
    for worker in workers:
        worker.join()
    assert lost == 30
    # An exception may come between the get's return and the append.
    assert 600 - lost <= len(got) <= 600
    assert len(set(got)) == len(got)
