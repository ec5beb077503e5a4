# SPDX-License-Identifier: MIT
"""PriorityQueue: its order, and comparisons that raise, or do worse."""
import queue
import random
import sys

import pytest

from support import Worker, drained, until


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


class Ranked:
    """Equal to others of its rank, but another object."""

    def __init__(self, rank):
        self.rank = rank

    def __lt__(self, other):
        return self.rank < other.rank


@pytest.mark.parametrize('seed', range(20))
def test_equal_items_come_in_the_order_of_heapq(native, seed):
    choose = random.Random(seed)
    ours, stock = native.PriorityQueue(), queue.PriorityQueue()
    for _ in range(500):
        if choose.random() < 0.55:
            item = Ranked(choose.randrange(5))
            ours.put(item)
            stock.put(item)
        elif not stock.empty():
            assert ours.get() is stock.get()
        assert ours.queue == stock.queue


@pytest.mark.parametrize('seed', range(100))
def test_comparison_that_fails_changes_nothing_where_items_repeat(native, seed):
    choose = random.Random(seed)
    box = native.PriorityQueue()
    Sometimes.left = 10000
    last = Sometimes(9)
    for _ in range(choose.randrange(4, 9)):
        item = last if choose.random() < 0.5 else Sometimes(choose.randrange(9))
        box.put(item)
    before = list(box.queue)
    Sometimes.left = 0
    with pytest.raises(ZeroDivisionError):
        box.get()
    Sometimes.left = 1
    with pytest.raises(ZeroDivisionError):
        for _ in range(3):
            box.get()
    Sometimes.left = 10000
    left = [item.value for item in drained(box)]
    values = sorted(item.value for item in before)
    assert left == values[len(values) - len(left):]


class Meddler(Ranked):
    """Its comparisons change the list."""

    meddle = staticmethod(lambda: None)

    def __lt__(self, other):
        Meddler.meddle()
        return super().__lt__(other)


def reverse(heap):
    heap.reverse()


def get(box):
    return box.get()


@pytest.mark.parametrize('change', [
    lambda heap: heap.clear(), lambda heap: heap.pop(),
    lambda heap: heap.append(Ranked(7)), reverse])
def test_comparison_may_change_the_list(native, monkeypatch, change):
    for call in lambda box: box.put(Meddler(0)), get:
        box = native.PriorityQueue()
        for rank in range(20):
            box.put(Meddler(rank))
        with monkeypatch.context() as patch:
            changes = iter([change])
            patch.setattr(Meddler, 'meddle', staticmethod(
                lambda: next(changes, list)(box.queue)))
            before = list(box.queue)
            try:
                taken = [call(box)]
            except RuntimeError as error:
                assert 'changed size' in str(error)
                taken = []
        left = drained(box)
        assert all(isinstance(item, Ranked) for item in left)
        if change is reverse and call is get:
            assert set(map(id, left + taken)) == set(map(id, before))
            assert len(left + taken) == len(before)


def at_depth(depth, function):
    return at_depth(depth - 1, function) if depth else function()


def test_get_beside_the_recursion_limit_takes_an_item_or_none(native):
    box = native.PriorityQueue()
    limit = sys.getrecursionlimit()
    raised = 0
    for depth in range(limit - 80, limit):
        while box.qsize() < 5:
            box.put((box.qsize(),))
        before = list(box.queue)
        try:
            item = at_depth(depth, box.get)
        except RecursionError:
            raised += 1
            assert box.queue == before
        else:
            assert sorted([item, *box.queue]) == sorted(before)
            drained(box)
    assert raised > 0


# A thread that was notified, and whose comparison raises.

def test_put_that_raises_has_the_next_one_put(native):
    box = native.PriorityQueue(2)
    box.put(1)
    box.put(2)
    first = Worker(box.put, 'x')
    until(first.asleep)
    second = Worker(box.put, 5)
    until(second.asleep)
    assert box.get() == 1
    with pytest.raises(TypeError):
        first.join()
    second.join()
    assert drained(box) == [2, 5]


def test_get_that_raises_has_the_next_one_get(native):
    box = native.PriorityQueue()
    Sometimes.left = 10000
    first = Worker(box.get)
    until(first.asleep)
    second = Worker(box.get)
    until(second.asleep)
    with box.mutex:
        box.queue.extend(Sometimes(value) for value in (1, 2, 3))
        Sometimes.left = 0
        box.not_empty.notify()
    with pytest.raises(ZeroDivisionError):
        first.join()
    with pytest.raises(ZeroDivisionError):
        second.join()
    Sometimes.left = 10000
    assert [item.value for item in drained(box)] == [1, 2, 3]
