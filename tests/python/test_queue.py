# SPDX-License-Identifier: MIT
"""Queue, LifoQueue, PriorityQueue, SimpleQueue: the module queue's, and ours.
"""
import copy
import gc
import pickle
import queue
import struct
import sys
import types
import weakref

import pytest

from support import (LIMIT, QUEUES, WITH_TASKS, Worker, at_least, drained,
                     in_order, join_all, need_late_gets, queues, until)

needs_shutdown = pytest.mark.skipif(not hasattr(queue, 'ShutDown'),
                                    reason='from Python 3.13 on')


# One thread.

def test_items_come_in_the_order_of_the_kind(kind):
    box = kind()
    items = [3, 1, 4, 1, 5, 9, 2, 6]
    for item in items:
        assert box.put(item) is None
    assert box.qsize() == len(items)
    assert drained(box) == in_order(kind, items)
    assert box.empty()


def test_items_keep_their_order_when_puts_and_gets_alternate(kind):
    box, model, number = kind(), [], 0
    for count in (1, 5, 2, 30, 3, 300, 7):
        for _ in range(count):
            box.put(number)
            model.append(number)
            number += 1
        for _ in range(count * 2 // 3):
            expected = in_order(kind, model)[0]
            assert box.get() == expected
            model.remove(expected)
    assert drained(box) == in_order(kind, model)


def test_get_of_an_empty_queue_raises(kind, impl):
    box = kind()
    for get in (box.get_nowait, lambda: box.get(False),
                lambda: box.get(block=False, timeout=LIMIT),
                lambda: box.get(timeout=0)):
        with pytest.raises(queues(impl).Empty):
            get()
    assert box.qsize() == 0


def test_put_to_a_full_queue_raises_and_puts_nothing(tasks, impl):
    box = tasks(2)
    box.put(1)
    box.put(2)
    assert box.full()
    for put in (box.put_nowait, lambda item: box.put(item, False),
                lambda item: box.put(item, timeout=0)):
        with pytest.raises(queues(impl).Full):
            put(3)
    assert box.qsize() == box.unfinished_tasks == 2
    assert sorted(drained(box)) == [1, 2]


@pytest.fixture
def full(tasks):
    """A queue with no room for another item."""
    box = tasks(1)
    box.put(1)
    return box


class Replaced(Exception):
    """What a program, as the tests of urllib3, puts in place of Empty."""


def test_replaced_exceptions_are_raised(tasks, full, monkeypatch):
    monkeypatch.setattr(queue, 'Empty', Replaced)
    monkeypatch.setattr(queue, 'Full', Replaced('full'))
    with pytest.raises(Replaced):
        tasks().get_nowait()
    with pytest.raises(Replaced, match='full'):
        full.put(2, timeout=0.001)
    monkeypatch.undo()
    with pytest.raises(queue.Full):
        full.put_nowait(2)


@pytest.mark.skipif(not hasattr(queue, 'ShutDown'), reason='new in 3.13')
def test_replaced_shut_down_is_raised(full, monkeypatch):
    monkeypatch.setattr(queue, 'ShutDown', Replaced)
    full.shutdown(immediate=True)
    for call in full.get, full.get_nowait, lambda: full.put(1):
        with pytest.raises(Replaced):
            call()


def test_replacement_that_is_no_exception_is_a_type_error(
        tasks, full, monkeypatch):
    monkeypatch.setattr(queue, 'Empty', None)
    monkeypatch.setattr(queue, 'Full', object())
    with pytest.raises(TypeError, match='BaseException'):
        tasks().get_nowait()
    with pytest.raises(TypeError, match='BaseException'):
        full.put_nowait(2)


def test_simple_queue_raises_the_class_of_the_module_below(
        simple, monkeypatch):
    stock = queue.Empty
    monkeypatch.setattr(queue, 'Empty', Replaced)
    with pytest.raises(stock):
        simple().get_nowait()


def test_timeouts_are_never_early(tasks, impl):
    box = tasks(1)
    for seconds in 0.001, 0.02:
        with at_least(seconds), pytest.raises(queues(impl).Empty):
            box.get(timeout=seconds)
    box.put(1)
    with at_least(0.02), pytest.raises(queues(impl).Full):
        box.put(2, timeout=0.02)


@pytest.mark.parametrize('timeout', [-1, -0.5, -2**70, 'x', None, 2.5j])
@pytest.mark.parametrize('block', [True, False])
def test_odd_timeouts_are_as_they_are_with_the_module_queue(
        native, timeout, block):
    def outcome(module, name, method, *args):
        box = getattr(module, name)()
        box.put(1)
        try:
            return getattr(box, method)(*args, block, timeout)
        except Exception as error:
            return type(error)

    for name in QUEUES:
        for method, args in ('get', []), ('put', [2]):
            assert (outcome(native, name, method, *args)
                    == outcome(queue, name, method, *args)), (name, method)


@pytest.mark.parametrize('maxsize', [0, -1, 1, 3, True, 2**70, -2**70, 1.5,
                                     float('inf'), None, 'x'])
def test_odd_sizes_are_as_they_are_with_the_module_queue(native, maxsize):
    def outcome(kind):
        box = kind(maxsize)
        try:
            for item in range(4):
                box.put_nowait(item)
            return box.qsize(), box.full(), box.maxsize
        except Exception as error:
            return type(error), box.qsize(), box.maxsize

    for name in WITH_TASKS:
        assert outcome(getattr(native, name)) == outcome(getattr(queue, name))


def test_wrong_arguments_are_refused(kind):
    box = kind()
    for call in (box.put, lambda: box.put(1, True, 1, 1),
                 lambda: box.put(1, item=1), lambda: box.get(True, 1, 1),
                 lambda: box.get(no_such=1), box.put_nowait,
                 lambda: box.get_nowait(1), lambda: kind(1, 2, 3)):
        with pytest.raises(TypeError):
            call()
    assert box.empty()


def test_bound_may_be_changed(fifo, impl):
    box = fifo(1)
    box.put(1)
    box.maxsize = 2
    box.put_nowait(2)
    with pytest.raises(queues(impl).Full):
        box.put_nowait(3)
    box.maxsize = 0
    box.put_nowait(3)
    assert drained(box) == [1, 2, 3]


def test_items_are_not_kept_longer_than_they_are_in(kind):
    class Item:
        def __lt__(self, other):
            return False

    box = kind()
    item = Item()
    reference = weakref.ref(item)
    box.put(item)
    del item
    gc.collect()
    assert reference() is not None
    box.get()
    gc.collect()
    assert reference() is None
    box.put(Item())
    reference = weakref.ref(box)
    del box
    gc.collect()
    assert reference() is None


def test_cycle_through_an_item_is_collected(kind):
    box = kind()
    box.put(box)
    reference = weakref.ref(box)
    del box
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize('name', QUEUES)
def test_queues_may_hold_each_other_in_a_long_chain(native, name):
    kind = getattr(native, name)
    box = kind()
    for _ in range(30000):
        outer = kind()
        outer.put(box)
        box = outer
    del box, outer


def test_alias_is_generic(kind):
    assert kind[int] == types.GenericAlias(kind, (int,))


def test_pickle_refuses(kind):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises((TypeError, pickle.PicklingError), match='pickle'):
            pickle.dumps(kind(), protocol)


def test_copy_has_the_parts_of_the_first(tasks):
    box = tasks(3)
    box.put(1)
    again = copy.copy(box)
    assert again.mutex is box.mutex and again.not_empty is box.not_empty
    assert again.queue is box.queue and again.maxsize == 3
    assert again.get() == 1
    assert box.empty()


def test_simple_queue_has_no_attributes_and_a_subclass_has(simple):
    with pytest.raises(AttributeError):
        simple().name = 1

    class Sub(simple):
        pass

    box = Sub()
    box.name = 1
    box.put(2)
    assert (box.name, box.get()) == (1, 2)


def test_simple_queue_gives_memory_back(native):
    box = native.SimpleQueue()
    before = sys.getsizeof(box)
    for item in range(10000):
        box.put(item)
    assert sys.getsizeof(box) >= before + 10000 * struct.calcsize('P')
    assert drained(box) == list(range(10000))
    assert sys.getsizeof(box) < before + 200


def test_queue_takes_no_more_memory_than_the_module_queues(native):
    """All sizes together: at one of them either may have grown just now."""
    import tracemalloc

    def size(kind, items):
        tracemalloc.start()
        try:
            boxes = [kind() for _ in range(20)]
            for box in boxes:
                for item in range(items):
                    box.put(item)
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()

    sizes = [0, 1, 2, 4, 8, *range(10, 100, 5), *range(100, 400, 17)]
    for name in QUEUES:
        ours, stock = (
            sum(size(getattr(module, name), items) for items in sizes)
            for module in (native, queue))
        assert ours <= 1.02 * stock, name
        assert (size(getattr(native, name), 0)
                <= 1.02 * size(getattr(queue, name), 0)), name


# Threads.

def test_get_waits_for_a_put(kind):
    box = kind()
    worker = Worker(box.get)
    until(worker.asleep)
    box.put(1)
    assert worker.join() == 1


def test_put_waits_for_room(tasks):
    box = tasks(1)
    box.put(2)
    worker = Worker(box.put, 1)
    until(worker.asleep)
    assert box.qsize() == 1
    assert box.get() == 2
    worker.join()
    assert box.get() == 1


@pytest.mark.parametrize('threads', [(1, 1), (4, 4), (1, 8), (8, 1)])
@pytest.mark.parametrize('bound', [0, 1, 3])
def test_nothing_is_lost_or_doubled(kind, threads, bound):
    if bound and 'Simple' in kind.__name__:
        pytest.skip('it has no bound')
    box = kind(bound) if bound else kind()
    producers, consumers = threads

    def put(source):
        for number in range(200):
            box.put((number, source))

    def get():
        items = []
        while (item := box.get())[0] < 1000:
            items.append(item)
        return items

    takers = [Worker(get) for _ in range(consumers)]
    join_all([Worker(put, source) for source in range(producers)])
    until(box.empty)
    for _ in takers:
        box.put((1000, 0))
    lists = join_all(takers)
    assert sorted(sum(lists, [])) == sorted(
        (number, source) for source in range(producers)
        for number in range(200))
    if kind.__name__ in ('Queue', 'SimpleQueue'):
        for items in lists:
            for source in range(producers):
                own = [number for number, whose in items if whose == source]
                assert own == sorted(own)


def test_timeouts_beside_puts_lose_nothing(kind):
    need_late_gets(kind)
    box, done = kind(), []

    def get():
        items = []
        while not (done and box.empty()):
            try:
                items.append(box.get(timeout=1e-5))
            except queue.Empty:
                pass
        return items

    takers = [Worker(get) for _ in range(4)]
    for number in range(2000):
        box.put(number)
    done.append(1)
    assert sorted(sum(join_all(takers), [])) == list(range(2000))


def test_join_waits_for_all_tasks(tasks):
    box = tasks()
    box.join()
    for number in range(3):
        box.put(number)
    worker = Worker(box.join)
    until(worker.asleep)
    for left in 2, 1:
        box.get()
        box.task_done()
        assert box.unfinished_tasks == left
        until(worker.asleep)
    box.get()
    box.task_done()
    worker.join()


def test_task_done_too_often_is_refused(tasks):
    box = tasks()
    for _ in range(2):
        with pytest.raises(ValueError, match='too many times'):
            box.task_done()
    assert box.unfinished_tasks == 0
    box.put(1)
    box.task_done()
    box.join()


# The end of a queue.

@needs_shutdown
def test_shutdown_lets_gets_have_the_rest(tasks):
    box = tasks()
    box.put(1)
    box.shutdown()
    assert box.is_shutdown
    with pytest.raises(queue.ShutDown):
        box.put(2)
    with pytest.raises(queue.ShutDown):
        box.put_nowait(2)
    assert box.get() == 1
    for get in box.get, box.get_nowait:
        with pytest.raises(queue.ShutDown):
            get()


@needs_shutdown
@pytest.mark.parametrize('immediate', [False, True])
def test_shutdown_wakes_all(tasks, immediate):
    full, empty = tasks(1), tasks()
    full.put(1)
    workers = [Worker(full.put, 2), Worker(empty.get), Worker(full.put, 3),
               Worker(empty.get, True, LIMIT)]
    until(lambda: all(worker.asleep() for worker in workers))
    full.shutdown(immediate)
    empty.shutdown(immediate=immediate)
    for worker in workers:
        with pytest.raises(queue.ShutDown):
            worker.join()
    assert full.qsize() == (0 if immediate else 1)


@needs_shutdown
def test_immediate_shutdown_ends_joins(tasks):
    box = tasks()
    for number in range(3):
        box.put(number)
    worker = Worker(box.join)
    until(worker.asleep)
    box.shutdown(immediate=True)
    worker.join()
    assert box.unfinished_tasks == 0 and box.empty()


def test_put_wakes_the_thread_that_began_to_wait_last(native):
    box = native.SimpleQueue()
    workers = []
    for _ in range(3):
        workers.append(Worker(box.get))
        until(workers[-1].asleep)
    for number in range(3):
        box.put(number)
        assert workers.pop().join() == number
