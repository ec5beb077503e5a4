# SPDX-License-Identifier: MIT
"""The C API, used by a thread that Python knows nothing of."""
import errno
import gc
import importlib.machinery
import importlib.util
import os
import queue
import shlex
import shutil
import subprocess
import sys
import sysconfig
import threading

import pytest

from support import HERE, Worker, at_least, in_child, join_all, until, waiters

pyplusthread = pytest.importorskip('pyplusthread')

INCLUDES = [f'-I{pyplusthread.get_include()}',
            f'-I{sysconfig.get_path("include")}']
CC = shlex.split(os.environ.get('CC', 'cc'))
SECOND = 10**9


def compiled(command):
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ''


@pytest.fixture(scope='module')
def user(tmp_path_factory):
    """The module of capi_user.c."""
    if shutil.which(CC[0]) is None:
        pytest.skip('no C compiler')
    path = tmp_path_factory.mktemp('capi') / 'capi_user.so'
    compiled([*CC, '-std=c11', '-D_GNU_SOURCE', '-Wall', '-Wextra',
              '-Werror', '-O1', '-shared', '-fPIC', '-pthread', *INCLUDES,
              HERE / 'capi_user.c', '-o', path])
    loader = importlib.machinery.ExtensionFileLoader('capi_user', str(path))
    spec = importlib.util.spec_from_loader('capi_user', loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture
def call(user):
    """Call a function, some times, in a foreign thread."""
    def call(name, thing, argument=0, times=1):
        return user.join(user.start(name, thing, argument, times))
    return call


def wait(cond):
    with cond:
        return cond.wait()


def test_header_compiles_alone_as_c_and_as_cpp(tmp_path):
    for name, compiler, standard in [('c', CC, '-std=c11'),
                                     ('cpp', ['c++'], '-std=c++11')]:
        if shutil.which(compiler[0]) is None:
            pytest.skip(f'no {compiler[0]}')
        path = tmp_path / f'alone.{name}'
        path.write_text('#include <pyplusthread_capi.h>\n' * 2)
        compiled([*compiler, standard, '-Wall', '-Wextra', '-Werror',
                  *INCLUDES, '-fsyntax-only', path])


def test_version_is_at_least_that_of_the_header(user):
    assert user.version >= 2


def test_kinds_are_told_apart(user):
    class Sub(pyplusthread.Event):
        pass

    names = ['lock', 'condition', 'semaphore', 'event', 'simple queue']
    for thing, kind in [
            (pyplusthread.Lock(), 'lock'),
            (pyplusthread.Condition(), 'condition'),
            (pyplusthread.Semaphore(), 'semaphore'),
            (pyplusthread.BoundedSemaphore(), 'semaphore'),
            (pyplusthread.Event(), 'event'), (Sub(), 'event'),
            (pyplusthread.SimpleQueue(), 'simple queue'),
            (pyplusthread.RLock(), None), (pyplusthread.Barrier(2), None),
            (pyplusthread.Queue(), None), (queue.SimpleQueue(), None),
            (threading.Lock(), None), (threading.Condition(), None),
            (None, None), (pyplusthread.Event, None)]:
        assert user.kinds(thing) == tuple(name == kind for name in names)


@pytest.mark.parametrize('kind', ['Lock', 'RLock'])
def test_notify_chooses_the_first_n(call, kind):
    cond = pyplusthread.Condition(getattr(pyplusthread, kind)())
    assert call('condition_notify', cond, 1) == 0
    workers = []
    for number in range(5):
        workers.append(Worker(wait, cond))
        until(lambda: waiters(cond) == number + 1)
    for number in 0, -1:
        assert call('condition_notify', cond, number) == 0
    assert call('condition_notify', cond, 2) == 2
    assert join_all(workers[:2]) == [True, True]
    assert waiters(cond) == 3
    assert call('condition_notify_all', cond) == 3
    assert join_all(workers[2:]) == [True] * 3
    assert call('condition_notify_all', cond) == 0


def test_notify_works_while_the_lock_is_held(call):
    cond = pyplusthread.Condition(pyplusthread.Lock())
    worker = Worker(wait, cond)
    until(lambda: waiters(cond) == 1)
    with cond:
        assert call('condition_notify', cond, 1) == 1
        until(worker.asleep)
        assert not worker.ended
    assert worker.join() is True


def test_condition_with_a_lock_in_python_is_notified(call):
    cond = pyplusthread.Condition(threading.Lock())
    worker = Worker(wait, cond)
    until(lambda: waiters(cond) == 1)
    assert call('condition_notify', cond, 1) == 1
    assert worker.join() is True


def test_event_is_set_and_cleared(call):
    event = pyplusthread.Event()
    workers = [Worker(event.wait) for _ in range(3)]
    until(lambda: waiters(event) == 3)
    assert call('event_is_set', event) == 0
    call('event_set', event)
    assert join_all(workers) == [True] * 3
    assert event.is_set() and call('event_is_set', event) == 1
    call('event_clear', event)
    assert not event.is_set()


def test_semaphore_is_released(call):
    semaphore = pyplusthread.Semaphore(0)
    worker = Worker(semaphore.acquire)
    until(lambda: waiters(semaphore) == 1)
    assert call('semaphore_release', semaphore, 3) == 0
    assert worker.join() is True
    assert semaphore._value == 2
    for number in 0, -1:
        assert call('semaphore_release', semaphore, number) == errno.EINVAL
    assert semaphore._value == 2


def test_semaphore_is_not_released_beyond_its_bound(call):
    bounded = pyplusthread.BoundedSemaphore(2)
    assert call('semaphore_release', bounded, 1) == errno.ERANGE
    bounded.acquire()
    assert call('semaphore_release', bounded, 2) == errno.ERANGE
    assert call('semaphore_release', bounded, 1) == 0
    assert bounded._value == 2
    unbounded = pyplusthread.Semaphore(1)
    assert call('semaphore_release', unbounded, 2**63 - 1) == errno.ERANGE
    assert unbounded._value == 1


def test_lock_is_taken_and_released(call):
    lock = pyplusthread.Lock()
    assert call('lock_release', lock) == errno.EPERM
    assert call('lock_acquire', lock) == 0
    assert lock.locked()
    assert call('lock_acquire', lock) == errno.EBUSY
    assert call('lock_acquire', lock, -1) == errno.EINVAL
    with at_least(0.02):
        assert call('lock_acquire', lock, SECOND // 50) == errno.ETIMEDOUT
    assert call('lock_release', lock) == 0
    assert not lock.locked()


def test_foreign_thread_waits_for_a_lock(user):
    lock = pyplusthread.Lock()
    lock.acquire()
    handle = user.start('lock_acquire', lock, 60 * SECOND, 1)
    assert lock.locked()
    lock.release()
    assert user.join(handle) == 0
    assert lock.locked()
    lock.release()


def test_gil_is_not_needed(user):
    """The foreign thread gets through while this one keeps the GIL."""
    event = pyplusthread.Event()
    cond = pyplusthread.Condition()
    box = pyplusthread.SimpleQueue()
    handles = [user.start('event_set', event, 0, 1),
               user.start('simple_queue_put', box, 0, 1),
               user.start('condition_notify_all', cond, 0, 1000)]
    spins = 0
    while not event.is_set() or box.empty():  # never gives the GIL up for long
        spins += 1
    assert [user.join(handle) for handle in handles] == [0] * 3


def test_lock_excludes_python_and_foreign_threads(user):
    lock = pyplusthread.Lock()
    stop = []
    inside = []

    def use():
        """Moments when the count changed although the lock was held."""
        wrong = 0
        while not stop:
            with lock:
                inside.append(None)
                before = user.counted()
                wrong += len(inside) != 1 or user.counted() != before
                inside.pop()
        return wrong

    before = user.counted()
    workers = [Worker(use) for _ in range(3)]
    handles = [user.start('lock_count', lock, 0, 5000) for _ in range(2)]
    assert [user.join(handle) for handle in handles] == [0, 0]
    stop.append(True)
    assert join_all(workers) == [0] * 3
    assert user.counted() - before == 10000


def test_each_notification_ends_exactly_one_wait(user):
    cond = pyplusthread.Condition(pyplusthread.Lock())
    stop = []

    def wait_often():
        woken = 0
        while not stop:
            with cond:
                woken += cond.wait(0.0005)
        return woken

    workers = [Worker(wait_often) for _ in range(6)]
    handles = [user.start('condition_notify', cond, 2, 50000)
               for _ in range(2)]
    chosen = sum(user.join(handle) for handle in handles)
    stop.append(True)
    assert sum(join_all(workers)) == chosen
    assert waiters(cond) == 0


def test_each_release_lets_one_in(user):
    semaphore = pyplusthread.Semaphore(0)
    handles = [user.start('semaphore_release', semaphore, 1, 3000)
               for _ in range(2)]

    def acquire():
        return sum(semaphore.acquire() for _ in range(1000))

    assert sum(join_all([Worker(acquire) for _ in range(6)])) == 6000
    assert [user.join(handle) for handle in handles] == [0, 0]
    assert semaphore._value == 0


def drained(box):
    items = []
    while not box.empty():
        items.append(box.get_nowait())
    return items


def test_items_come_in_the_order_of_the_puts(call):
    box = pyplusthread.SimpleQueue()
    assert call('simple_queue_put', box, 1, 3) == 0
    assert not box.empty() and box.qsize() == 3
    box.put('python')
    assert box.qsize() == 4
    assert box.get() == (1, 0)
    assert call('simple_queue_put', box, 2, 20) == 0
    assert box.qsize() == 23
    box.put('python')
    assert drained(box) == [(1, 1), (1, 2), 'python',
                            *((2, number) for number in range(20)), 'python']
    assert box.qsize() == 0
    with pytest.raises(queue.Empty):
        box.get_nowait()


@pytest.mark.parametrize('timeout', [None, 60])
def test_foreign_put_ends_a_get(call, timeout):
    box = pyplusthread.SimpleQueue()
    for number in range(20):
        worker = Worker(box.get, True, timeout)
        if number % 2:
            until(worker.asleep)
        assert call('simple_queue_put', box, number) == 0
        assert worker.join() == (number, 0)


def test_foreign_put_ends_a_get_of_the_main_thread(user):
    box = pyplusthread.SimpleQueue()
    for number in range(100):
        handle = user.start('simple_queue_put', box, number, 1)
        assert box.get() == (number, 0)
        assert user.join(handle) == 0


def test_get_raises_what_make_has_raised(call):
    box = pyplusthread.SimpleQueue()
    call('simple_queue_put', box, -1)
    call('simple_queue_put', box, -2)
    call('simple_queue_put', box, 3)
    with pytest.raises(ValueError, match='made of -1'):
        box.get()
    with pytest.raises(SystemError):
        box.get_nowait()
    assert drained(box) == [(3, 0)]
    worker = Worker(box.get)
    until(worker.asleep)
    call('simple_queue_put', box, -1)
    with pytest.raises(ValueError):
        worker.join()


def test_make_is_called_once_by_the_end_of_the_queue(user, call, monkeypatch):
    unraisable = []
    monkeypatch.setattr(sys, 'unraisablehook', unraisable.append)
    before = user.items_made()
    box = pyplusthread.SimpleQueue()
    box.put(box)  # a cycle
    call('simple_queue_put', box, 1, 30)
    box.put(None)
    call('simple_queue_put', box, -1)
    call('simple_queue_put', box, 2, 30)
    assert user.items_made() == before
    gc.collect()
    assert user.items_made() == before
    del box
    gc.collect()
    assert user.items_made() == before + 61
    assert [one.exc_type for one in unraisable] == [ValueError]


def test_two_gets_share_what_a_foreign_thread_puts(user):
    """Without a GIL, the second item may come just before the second wait."""
    box = pyplusthread.SimpleQueue()
    for number in range(300):
        workers = [Worker(box.get) for _ in range(2)]
        assert user.join(user.start('simple_queue_put', box, number, 2)) == 0
        assert sorted(join_all(workers)) == [(number, 0), (number, 1)]


def test_no_item_of_a_foreign_thread_is_lost_or_doubled(user):
    box = pyplusthread.SimpleQueue()
    puts, foreign, consumers = 4000, 3, 4

    def consume(timeout):
        items = []
        while True:
            try:
                item = box.get(timeout=timeout)
            except queue.Empty:
                continue
            if item is None:
                return items
            items.append(item)

    def produce():
        for number in range(puts):
            box.put((0, number))

    workers = [Worker(consume, None if number % 2 else 0.0005)
               for number in range(consumers)]
    handles = [user.start('simple_queue_put', box, number + 1, puts)
               for number in range(foreign)]
    produce()
    assert [user.join(handle) for handle in handles] == [0] * foreign
    for _ in workers:
        box.put(None)
    taken = join_all(workers)
    assert sorted(item for items in taken for item in items) == [
        (kind, number) for kind in range(foreign + 1)
        for number in range(puts)]
    for items in taken:
        for kind in range(foreign + 1):
            numbers = [number for one, number in items if one == kind]
            assert numbers == sorted(numbers)


@pytest.mark.filterwarnings('ignore::DeprecationWarning')
@pytest.mark.unsanitized
def test_fork_may_catch_a_foreign_thread_in_any_state(user):
    event = pyplusthread.Event()
    cond = pyplusthread.Condition(pyplusthread.Lock())
    semaphore = pyplusthread.Semaphore(0)
    box = pyplusthread.SimpleQueue()

    def child():
        drained(box)
        box.put(None)
        assert box.get() is None
        event.clear()
        assert event.wait(0.001) is False
        event.set()
        assert event.wait() is True
        with cond:
            assert cond.wait(0.001) is False
            cond.notify()
        semaphore.release()
        assert semaphore.acquire(timeout=1) is True

    handles = [user.start('event_set', event, 0, 5000000),
               user.start('event_clear', event, 0, 5000000),
               user.start('condition_notify', cond, 1, 5000000),
               user.start('semaphore_release', semaphore, 1, 5000000),
               user.start('simple_queue_put', box, 1, 200000)]
    for _ in range(20):
        in_child(child)
    for handle in handles:
        user.join(handle)
    assert semaphore._value == 5000000
