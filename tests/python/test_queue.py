# SPDX-License-Identifier: MIT
"""Queue, LifoQueue, PriorityQueue, SimpleQueue: the module queue's, and ours.
"""
import collections
import copy
import ctypes
import gc
import heapq
import pickle
import queue
import signal
import sys
import types
import weakref

import pytest

from support import (LIMIT, QUEUES, Worker, at_least, handling, interrupt,
                     join_all, queues, until, when_asleep)

WITH_TASKS = ['Queue', 'LifoQueue', 'PriorityQueue']

needs_shutdown = pytest.mark.skipif(not hasattr(queue, 'ShutDown'),
                                    reason='from Python 3.13 on')


@pytest.fixture(params=QUEUES)
def kind(request, impl):
    return getattr(queues(impl), request.param)


@pytest.fixture(params=WITH_TASKS)
def tasks(request, impl):
    """A class whose queues have a bound, tasks, and parts."""
    return getattr(queues(impl), request.param)


@pytest.fixture
def fifo(impl):
    return queues(impl).Queue


@pytest.fixture
def simple(impl):
    return queues(impl).SimpleQueue


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
    assert sys.getsizeof(box) >= before + 10000 * tuple().__sizeof__() // 4
    assert drained(box) == list(range(10000))
    assert sys.getsizeof(box) < before + 200


def test_queue_takes_no_more_memory_than_the_module_queues(native):
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

    for name in QUEUES:
        for items in 0, 1, 8, 30, 200:
            ours = size(getattr(native, name), items)
            assert ours <= 1.02 * size(getattr(queue, name), items), (
                name, items)


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

class Stop(Exception):
    pass


def stop(*_):
    raise Stop


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


class Incomparable(int):
    def __lt__(self, other):
        raise ZeroDivisionError


@pytest.mark.parametrize('size', [1, 2, 3, 7, 20])
def test_put_whose_comparison_fails_puts_nothing(native, size):
    box = native.PriorityQueue()
    for item in range(size):
        box.put(item)
    before = list(box.queue)
    with pytest.raises(TypeError):
        box.put('x')
    with pytest.raises(ZeroDivisionError):
        box.put(Incomparable(-1))
    assert box.queue == before
    assert box.unfinished_tasks == size
    assert drained(box) == list(range(size))


class Sometimes:
    """Its comparisons fail when there have been so many."""

    left = 0

    def __init__(self, value):
        self.value = value

    def __lt__(self, other):
        if Sometimes.left == 0:
            raise ZeroDivisionError
        Sometimes.left -= 1
        return self.value < other.value


@pytest.mark.parametrize('size', [2, 3, 8, 25])
def test_comparison_that_fails_anywhere_changes_nothing(native, size):
    box = native.PriorityQueue()
    Sometimes.left = 10000
    for value in range(size, 0, -1):
        box.put(Sometimes(value))
    before = list(box.queue)
    failures = 0
    for call in box.get, lambda: box.put(Sometimes(0)):
        for Sometimes.left in range(1000):
            try:
                call()
                break
            except ZeroDivisionError:
                failures += 1
                assert box.queue == before
        Sometimes.left = 10000
        before = list(box.queue)
    assert failures > 0
    assert [item.value for item in drained(box)] == [0, *range(2, size + 1)]


def test_no_item_is_lost_with_threads_that_are_stopped(kind):
    """Whatever PyThreadState_SetAsyncExc interrupts."""
    box, got, done = kind(), [], []

    def get():
        while not done:
            try:
                while not done:
                    try:
                        item = box.get(timeout=0.01)
                        got.append(item)
                    except queue.Empty:
                        pass
            except Stop:
                pass

    workers = [Worker(get) for _ in range(3)]
    lost = 0
    for item in range(600):
        box.put(item)
        if item % 20 == 0:
            ident = workers[item // 20 % 3].thread.ident
            lost += ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(ident), ctypes.py_object(Stop))
    until(box.empty)
    done.append(1)
    for worker in workers:
        try:
            worker.join()
        except Stop:
            pass
    # An exception may come between the get's return and the append.
    assert 600 - lost <= len(got) <= 600
    assert len(set(got)) == len(got)


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


# What people reach for.

def test_conditions_share_the_mutex(tasks):
    box = tasks()
    conditions = [box.not_empty, box.not_full, box.all_tasks_done]
    with box.mutex:
        assert box.mutex.locked()
        assert not any(condition.acquire(False) for condition in conditions)
    for condition in conditions:
        assert condition._lock is box.mutex


def test_threads_that_wait_by_hand_are_notified_by_puts_and_gets(tasks):
    def wait_for(condition, predicate):
        with condition:
            while not predicate():
                condition.wait(LIMIT)

    box = tasks(1)
    worker = Worker(wait_for, box.not_empty, lambda: box.queue)
    until(worker.asleep)
    box.put(1)
    worker.join()
    worker = Worker(wait_for, box.not_full, lambda: not box.queue)
    until(worker.asleep)
    box.get()
    worker.join()
    worker = Worker(wait_for, box.all_tasks_done,
                    lambda: not box.unfinished_tasks)
    until(worker.asleep)
    box.task_done()
    worker.join()


def test_who_notifies_by_hand_wakes_a_get(tasks):
    box = tasks()
    worker = Worker(box.get)
    until(worker.asleep)
    with box.mutex:
        box._put(1)
        box.not_empty.notify()
    assert worker.join() == 1


def test_container_may_be_emptied_under_the_mutex(tasks):
    box = tasks(2)
    box.put(1)
    box.put(2)
    worker = Worker(box.put, 3)
    until(worker.asleep)
    with box.mutex:
        unfinished = box.unfinished_tasks - len(box.queue)
        box.unfinished_tasks = unfinished
        box.queue.clear()
        box.not_full.notify_all()
    worker.join()
    assert drained(box) == [3]
    assert box.unfinished_tasks == 1


def test_container_may_be_emptied_beside_a_get(tasks):
    """Without the mutex the item of a get may be gone; nothing worse."""
    box = tasks()

    def empty():
        for _ in range(2000):
            box.queue.clear()

    worker = Worker(empty)
    for item in range(2000):
        box.put(item)
        try:
            box.get_nowait()
        except (queue.Empty, IndexError):
            pass
    worker.join()


def test_container_is_the_module_queues(impl):
    module = queues(impl)
    assert type(module.Queue().queue) is collections.deque
    assert type(module.LifoQueue().queue) is list
    assert type(module.PriorityQueue().queue) is list
    heap = module.PriorityQueue()
    for item in (5, 2, 8, 1):
        heap.put(item)
    assert heap.queue == sorted(heap.queue, key=heap.queue.index)
    assert heapq.nsmallest(4, heap.queue) == [1, 2, 5, 8]


def test_another_container_may_be_put_there(fifo):
    class Odd:
        def __init__(self):
            self.items = []

        def append(self, item):
            self.items.append((item, 'odd'))

        def popleft(self):
            return self.items.pop(0)

        def __len__(self):
            return len(self.items)

    box = fifo(3)
    box.queue = Odd()
    box.put(1)
    box.put(2)
    assert box.qsize() == 2 and not box.full()
    assert box.get() == (1, 'odd')
    box.queue = collections.deque([7])
    assert box.get() == 7


@pytest.mark.parametrize('name', ['mutex', 'not_empty', 'not_full',
                                  'all_tasks_done'])
def test_another_part_may_be_put_there_and_taken_out(tasks, name):
    class Counting:
        def __init__(self, inner):
            self.inner = inner

        def __getattr__(self, name):
            used.append(name)
            return getattr(self.inner, name)

        def __enter__(self):
            used.append('enter')
            return self.inner.__enter__()

        def __exit__(self, *args):
            return self.inner.__exit__(*args)

    box, used = tasks(), []
    own = getattr(box, name)
    setattr(box, name, Counting(own))
    box.put(1)
    assert box.qsize() == 1
    assert box.get() == 1
    box.task_done()
    box.join()
    assert used
    setattr(box, name, own)
    used.clear()
    box.put(2)
    assert box.get() == 2
    assert not used


def test_subclass_may_keep_items_as_it_likes(tasks):
    class Odd(tasks):
        def _init(self, maxsize):
            self.items = {}
            self.sizes = maxsize

        def _qsize(self):
            return len(self.items)

        def _put(self, item):
            self.items[item] = None

        def _get(self):
            return self.items.popitem()[0]

    box = Odd(2)
    assert box.sizes == box.maxsize == 2
    box.put(1)
    box.put(1)
    assert box.qsize() == 1 and not box.full()
    box.put(2)
    assert box.full()
    worker = Worker(box.put, 3)
    until(worker.asleep)
    assert box.get() == 2
    worker.join()
    assert drained(box) == [3, 1]
    assert box.empty()


def test_subclass_may_call_the_methods_that_it_overrides(tasks):
    class Counting(tasks):
        puts = gets = 0

        def _put(self, item):
            self.puts += 1
            super()._put(item)

        def _get(self):
            self.gets += 1
            return super()._get()

    box = Counting()
    for item in (2, 3, 1):
        box.put(item)
    assert drained(box) == in_order(tasks, [2, 3, 1])
    assert (box.puts, box.gets) == (3, 3)


def test_subclass_may_override_put_and_get(tasks):
    class Loud(tasks):
        def put(self, item, block=True, timeout=None):
            calls.append(('put', block, timeout))
            super().put(item, block, timeout)

        def get(self, block=True, timeout=None):
            calls.append(('get', block, timeout))
            return super().get(block, timeout)

    calls = []
    box = Loud()
    box.put_nowait(1)
    assert box.get_nowait() == 1
    assert calls == [('put', False, None), ('get', False, None)]


def test_object_may_have_methods_and_attributes_of_its_own(tasks):
    box, put = tasks(), []
    box.name = 'box'
    box.put(1)
    box._put = put.append
    box.put(2)
    assert put == [2]
    del box._put
    assert box.get() == 1
    assert vars(box)['name'] == 'box'


def test_class_may_be_changed_later(fifo):
    class Sub(fifo):
        pass

    box = Sub()
    box.put(1)
    Sub._get = lambda self: ('changed', self.queue.popleft())
    assert box.get() == ('changed', 1)
    del Sub._get
    box.put(2)
    assert box.get() == 2


def test_object_that_was_not_initialised_says_so(tasks):
    class Sub(tasks):
        def __init__(self):
            pass

    for call in (lambda box: box.put(1), lambda box: box.get(False),
                 lambda box: box.qsize()):
        with pytest.raises(AttributeError):
            call(Sub())


def test_condition_of_a_queue_keeps_the_mutex(native):
    box = native.Queue()
    with pytest.raises(TypeError):
        box.not_empty._lock = native.Lock()


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


# Against the module queue as a model.

def outcome(function, *args):
    try:
        return function(*args)
    except Exception as error:
        return type(error), str(error)


@pytest.mark.parametrize('name', QUEUES)
def test_it_does_what_the_module_queue_does(native, name):
    """Any sequence of calls that do not wait."""
    hypothesis = pytest.importorskip('hypothesis')
    from hypothesis import strategies

    number = strategies.integers(-3, 3)
    steps = {
        'put_nowait': strategies.tuples(number),
        'get_nowait': strategies.tuples(),
        'qsize': strategies.tuples(), 'empty': strategies.tuples(),
        'put': strategies.tuples(number, strategies.just(False), number),
        'get': strategies.tuples(strategies.just(False), number)}
    if name != 'SimpleQueue':
        steps |= {'full': strategies.tuples(),
                  'task_done': strategies.tuples(),
                  'set maxsize': strategies.tuples(number),
                  'set unfinished_tasks': strategies.tuples(number),
                  'put timed': strategies.tuples(number)}
        if hasattr(queue, 'ShutDown'):
            steps['shutdown'] = strategies.tuples(strategies.booleans())
    step = strategies.one_of([
        strategies.tuples(strategies.just(method), arguments)
        for method, arguments in steps.items()])

    def do(box, method, args):
        if method.startswith('set '):
            return outcome(setattr, box, method[4:], *args)
        if method == 'put timed':
            return outcome(box.put, *args, True, 0)
        return outcome(getattr(box, method), *args)

    def look(box):
        return {each: outcome(getattr, box, each) if name == 'SimpleQueue'
                else getattr(box, each, None)
                for each in ('queue', 'unfinished_tasks', 'maxsize',
                             'is_shutdown') if name != 'SimpleQueue'}

    @hypothesis.settings(deadline=None, max_examples=200, database=None)
    @hypothesis.given(number, strategies.lists(step, max_size=30))
    def check(maxsize, program):
        args = () if name == 'SimpleQueue' else (maxsize,)
        ours = getattr(native, name)(*args)
        theirs = getattr(queue, name)(*args)
        for method, arguments in program:
            assert (do(ours, method, arguments)
                    == do(theirs, method, arguments)), method
            assert look(ours) == look(theirs), method

    check()


@pytest.mark.parametrize('name', QUEUES)
def test_whatever_threads_do_what_was_put_is_there_once(native, name):
    """Any programs of several threads, none of which waits for ever."""
    hypothesis = pytest.importorskip('hypothesis')
    from hypothesis import strategies

    step = strategies.sampled_from(
        ['put', 'put', 'get', 'try get', 'try put', 'get soon', 'put soon'])
    programs = strategies.lists(strategies.lists(step, max_size=20),
                                min_size=2, max_size=5)

    def run(box, source, program, put, got):
        for number, what in enumerate(program):
            item = (number, source)
            try:
                if what.endswith('put') or what == 'put soon':
                    box.put(item, what != 'try put',
                            1e-5 if what == 'put soon' else 0.01)
                    put.append(item)
                else:
                    got.append(box.get(what != 'try get',
                                       1e-5 if what == 'get soon' else 0.01))
            except (queue.Empty, queue.Full):
                pass

    @hypothesis.settings(deadline=None, max_examples=40, database=None)
    @hypothesis.given(strategies.integers(0, 3), programs)
    def check(bound, threads):
        box = getattr(native, name)(*[bound] * (name != 'SimpleQueue'))
        put, got = [], []
        join_all([Worker(run, box, source, program, put, got)
                  for source, program in enumerate(threads)])
        assert sorted(got + drained(box)) == sorted(put)
        if name != 'SimpleQueue':
            assert box.unfinished_tasks == len(put)

    check()
