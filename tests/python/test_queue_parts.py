# SPDX-License-Identifier: MIT
"""The mutex, conditions and container of a queue, and what users put there."""
import collections
import heapq
import queue

import pytest

from support import LIMIT, Worker, drained, in_order, queues, until


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


def test_subclass_may_have_properties_for_attributes(fifo):
    class Limited(fifo):
        limit = 2
        log = []

        @property
        def maxsize(self):
            return self.limit

        @maxsize.setter
        def maxsize(self, value):
            self.log.append(value)

        @property
        def unfinished_tasks(self):
            return self.__dict__['unfinished']

        @unfinished_tasks.setter
        def unfinished_tasks(self, value):
            self.__dict__['unfinished'] = value
            self.log.append(value)

    box = Limited(7)
    box.put(1)
    box.put(2)
    with pytest.raises(queue.Full):
        box.put_nowait(3)
    assert box.full()
    assert box.get() == 1
    box.task_done()
    assert box.log == [7, 0, 1, 2, 1]


def test_subclass_may_have_a_property_for_the_container(tasks):
    class Kept(tasks):
        @property
        def queue(self):
            return self.__dict__['kept']

        @queue.setter
        def queue(self, items):
            self.__dict__['kept'] = items

    box = Kept()
    for item in 1, 2:
        box.put(item)
    assert box.qsize() == 2 and len(box.kept) == 2
    assert drained(box) == in_order(tasks, [1, 2])


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
