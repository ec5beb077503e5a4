# SPDX-License-Identifier: MIT
"""patch, unpatch, patched: which names threading has, and who sees it."""
import concurrent.futures
import itertools
import logging
import logging.handlers
import multiprocessing.pool
import queue
import subprocess
import sys
import threading
import types

import pytest

import pyplusthread
import support
from support import Worker, in_child, until
from pyplusthread import get_original, is_patched, patch, patched, unpatch

ARGUMENTS = {
    'lock': 'Lock',
    'rlock': 'RLock',
    'condition': 'Condition',
    'semaphore': 'Semaphore',
    'bounded_semaphore': 'BoundedSemaphore',
    'event': 'Event',
    'barrier': 'Barrier',
    'queue': 'Queue LifoQueue PriorityQueue',
    'simple_queue': 'SimpleQueue',
}
HOME = {name: threading for name in support.NAMES} | {
    name: queue for name in support.QUEUES}
NAMES = list(HOME)

STOCK = {name: getattr(home, name) for name, home in HOME.items()}
NATIVE = {name: getattr(pyplusthread, name) for name in NAMES}


@pytest.fixture(autouse=True)
def unpatched(monkeypatch):
    """Each test begins with the stock names, and leaves them."""
    forget_others(monkeypatch)
    yield
    forget_others(monkeypatch)


def forget_others(monkeypatch):
    """What a test put into threading is not what unpatch() gives back."""
    monkeypatch.delenv('PYPLUSTHREAD', raising=False)
    for name, home in HOME.items():
        setattr(home, name, STOCK[name])
    patch()
    unpatch()


def now():
    return {name: getattr(home, name) for name, home in HOME.items()}


def taken(names, where):
    """Those of the names, in a string, as they are there."""
    return {name: where[name] for name in names.split()}


def run(folder, source, *options):
    """The output of a program in a new Python."""
    script = folder / 'script.py'
    script.write_text(source)
    done = subprocess.run([sys.executable, *options, str(script)],
                          stdout=subprocess.PIPE, text=True, timeout=120,
                          check=True)
    return done.stdout


def test_import_alone_patches_nothing(tmp_path):
    output = run(tmp_path, 'import queue, threading\n'
                           'before = vars(threading) | vars(queue)\n'
                           'import pyplusthread\n'
                           'print(before == vars(threading) | vars(queue))\n')
    assert output == 'True\n'


def test_patch_replaces_all_names_and_unpatch_gives_them_back():
    assert patch() is None
    assert now() == NATIVE
    assert unpatch() is None
    assert now() == STOCK


@pytest.mark.parametrize('module', [threading, queue])
def test_patch_changes_nothing_else_in_the_modules(module):
    before = dict(vars(module))
    patch()
    changed = {name for name in before
               if vars(module)[name] is not before[name]}
    assert changed == {name for name in NAMES if HOME[name] is module}
    assert set(vars(module)) == set(before)


@pytest.mark.parametrize('argument, names', ARGUMENTS.items())
def test_patch_leaves_names_that_are_not_wanted(argument, names):
    patch(**{argument: False})
    assert now() == {**NATIVE, **taken(names, STOCK)}
    assert not is_patched()
    assert [each for each in NAMES if not is_patched(each)] == names.split()


@pytest.mark.parametrize('argument, names', ARGUMENTS.items())
def test_unpatch_leaves_names_that_are_not_wanted(argument, names):
    patch()
    unpatch(**{argument: False})
    assert now() == {**STOCK, **taken(names, NATIVE)}


def test_false_does_not_unpatch():
    patch()
    patch(lock=False)
    assert is_patched('Lock')


def test_false_does_not_patch():
    unpatch(lock=False)
    assert now() == STOCK


def test_patches_do_not_nest():
    patch()
    patch()
    unpatch()
    assert now() == STOCK
    unpatch()
    assert now() == STOCK


def test_names_may_be_patched_and_unpatched_in_any_order():
    patch(lock=False, event=False)
    patch(condition=False)
    unpatch(rlock=False, lock=False)
    assert now() == {**STOCK, 'RLock': NATIVE['RLock'],
                     'Lock': NATIVE['Lock']}
    patch()
    unpatch()
    assert now() == STOCK


@pytest.mark.parametrize('function', [patch, unpatch, patched])
def test_arguments_are_names_that_exist(function):
    with pytest.raises(TypeError):
        function(False)
    with pytest.raises(TypeError):
        function(thread=False)
    assert now() == STOCK


def test_patched_is_for_a_block():
    with patched() as nothing:
        assert nothing is None
        assert now() == NATIVE
    assert now() == STOCK


def test_patched_ends_with_an_exception():
    with pytest.raises(KeyError):
        with patched():
            raise KeyError
    assert now() == STOCK


def test_patched_leaves_a_name_that_is_not_wanted():
    with patched(semaphore=False):
        assert now() == {**NATIVE, 'Semaphore': STOCK['Semaphore']}
    assert now() == STOCK


def test_patched_restores_what_was_before():
    patch(lock=False)
    before = now()
    with patched():
        assert is_patched()
        with patched():
            unpatch()
        assert is_patched()
    assert now() == before


@pytest.mark.parametrize('order', [*itertools.permutations(range(3))])
def test_last_of_blocks_that_overlap_restores(order):
    blocks = [patched(), patched(lock=False), patched(event=False)]
    for block in blocks:
        block.__enter__()
    for number, leaving in enumerate(order):
        inside = [blocks[each] for each in order[number:]]
        has = {'Lock': blocks[0] in inside or blocks[2] in inside,
               'Event': blocks[0] in inside or blocks[1] in inside}
        assert now() == {name: NATIVE[name] if has.get(name, True)
                         else STOCK[name] for name in NAMES}
        blocks[leaving].__exit__(None, None, None)
    assert now() == STOCK


def test_block_that_is_refused_leaves_nothing(monkeypatch):
    with patched():
        with monkeypatch.context() as green:
            green.setattr(threading, 'get_ident', lambda: 1)
            with pytest.raises(RuntimeError, match='green threads'):
                patched().__enter__()
        assert is_patched()
    assert not any(is_patched(name) for name in NAMES)


def test_blocks_of_several_threads_may_overlap():
    def stay(number):
        with patched():
            entered[number] = True
            until(lambda: may_end[number])

    for order in (0, 1), (1, 0):
        entered, may_end, workers = [False] * 2, [False] * 2, []
        for number in range(2):
            workers.append(Worker(stay, number))
            until(lambda: entered[number])
        for number in order:
            assert now() == NATIVE
            may_end[number] = True
            workers[number].join()
        assert now() == STOCK


@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_child_does_not_wait_for_the_blocks_of_other_threads():
    def stay():
        with patched():
            entered.append(1)
            until(lambda: may_end)

    def end_block():
        block.__exit__(None, None, None)
        assert now() == STOCK

    entered, may_end = [], []
    block = patched()
    with block:
        worker = Worker(stay)
        until(lambda: entered)
        in_child(end_block)
        may_end.append(1)
        worker.join()
    assert now() == STOCK


def test_end_of_an_outer_block_leaves_what_was_taken_inside():
    """As ever, where blocks do not overlap."""
    with patched():
        with patched():
            unpatch()
        assert is_patched()
        unpatch()
        with patched():
            assert is_patched()
        assert now() == STOCK
    assert now() == STOCK


def test_patched_does_not_restore_a_name_that_is_not_wanted():
    with patched(lock=False):
        patch()
    assert now() == {**STOCK, 'Lock': NATIVE['Lock']}


def test_is_patched_is_about_all_names_or_one():
    assert not is_patched()
    assert not any(map(is_patched, NAMES))
    patch()
    assert is_patched() is True
    assert all(map(is_patched, NAMES))


@pytest.mark.parametrize('name', NAMES)
def test_original_is_there_patched_or_not(name):
    assert get_original(name) is STOCK[name]
    patch()
    assert get_original(name) is STOCK[name]
    unpatch()
    assert get_original(name) is STOCK[name]


@pytest.mark.parametrize('name', ['lock', 'Thread', ''])
@pytest.mark.parametrize('function', [is_patched, get_original])
def test_unknown_name_is_refused(function, name):
    with pytest.raises(ValueError, match=repr(name)):
        function(name)


def test_what_somebody_else_put_there_before_comes_back():
    class Other:
        pass

    threading.Lock = Other
    patch()
    assert is_patched('Lock')
    assert get_original('Lock') is Other
    unpatch()
    assert threading.Lock is Other


def test_what_somebody_else_put_there_after_stays():
    class Other:
        pass

    patch()
    threading.Lock = Other
    assert not is_patched()
    unpatch()
    assert now() == {**STOCK, 'Lock': Other}
    threading.Lock = NATIVE['Lock']
    unpatch()
    assert now() == STOCK


def test_environment_turns_it_off(monkeypatch):
    monkeypatch.setenv('PYPLUSTHREAD', '0')
    patch()
    assert now() == STOCK
    with patched():
        assert now() == STOCK


@pytest.mark.parametrize('value', ['', '1', 'no'])
def test_only_0_turns_it_off(monkeypatch, value):
    monkeypatch.setenv('PYPLUSTHREAD', value)
    patch()
    assert now() == NATIVE


def test_what_is_patched_can_be_unpatched_when_turned_off(monkeypatch):
    patch()
    monkeypatch.setenv('PYPLUSTHREAD', '0')
    unpatch()
    assert now() == STOCK


def test_existing_objects_and_names_stay():
    module = types.ModuleType('before')
    exec('from threading import Lock', vars(module))
    event = threading.Event()
    patch()
    assert module.Lock is STOCK['Lock']
    assert type(event) is STOCK['Event']


def test_stock_and_native_objects_work_together():
    lock = threading.Lock()
    with patched():
        assert not hit(threading.Condition(lock))
    with patched(condition=False):
        assert not hit(threading.Condition(threading.Lock()))


def hit(condition):
    """Whether a notified wait leaves the lock locked at the end."""
    with condition:
        thread = threading.Thread(target=notify, args=(condition,))
        thread.start()
        assert condition.wait(60)
        assert condition._lock.locked()
    thread.join()
    return condition._lock.locked()


def notify(condition):
    with condition:
        condition.notify()


def test_standard_library_uses_the_native_types():
    with patched():
        fifo = queue.Queue()
        future = concurrent.futures.Future()
        handler = logging.Handler()
        thread = threading.Thread()
        pool = concurrent.futures.ThreadPoolExecutor()
        listener = logging.handlers.QueueListener(queue.Queue(-1))
        threads = multiprocessing.pool.ThreadPool(1)
    assert type(fifo) is type(listener.queue) is NATIVE['Queue']
    assert type(fifo.mutex) is NATIVE['Lock']
    assert type(fifo.not_empty) is NATIVE['Condition']
    assert type(pool._work_queue) is NATIVE['SimpleQueue']
    assert type(threads._inqueue) is NATIVE['SimpleQueue']
    assert type(future._condition) is NATIVE['Condition']
    assert type(handler.lock) is NATIVE['RLock']
    assert type(thread._started) is NATIVE['Event']
    pool.shutdown()
    threads.terminate()


def test_standard_library_works():
    with patched():
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            assert list(pool.map(abs, range(-50, 0))) == list(range(50, 0, -1))
        fifo = queue.Queue(1)
        thread = threading.Thread(target=fifo.join)
        fifo.put(1)
        thread.start()
        assert fifo.get() == 1
        fifo.task_done()
        thread.join()
        timer = threading.Timer(0, fifo.put, [2])
        timer.start()
        assert fifo.get() == 2
        timer.join()


def test_threads_outlive_the_patch():
    patch()
    event = threading.Event()
    thread = threading.Thread(target=event.wait)
    thread.start()
    unpatch()
    event.set()
    thread.join()
    assert not thread.is_alive()


def test_forked_child_is_patched_and_has_threads(tmp_path):
    output = run(tmp_path, '''\
import os, threading, pyplusthread
pyplusthread.patch()
if os.fork() == 0:
    thread = threading.Thread(target=print, args=('in a thread',))
    thread.start()
    thread.join()
    print(pyplusthread.is_patched(), flush=True)
    os._exit(0)
os.wait()
''')
    assert output == 'in a thread\nTrue\n'


PROCESSES = '''\
import multiprocessing, sys, pyplusthread
{top}
def tell(pipe):
    pipe.send(pyplusthread.is_patched())

if __name__ == '__main__':
    {guarded}
    context = multiprocessing.get_context('{method}')
    ours, theirs = context.Pipe()
    child = context.Process(target=tell, args=(theirs,))
    child.start()
    print(ours.recv())
    child.join()
'''


@pytest.mark.parametrize('method', ['spawn', 'forkserver'])
def test_new_process_is_patched_where_the_main_script_does(method, tmp_path):
    source = PROCESSES.format(method=method, top='pyplusthread.patch()',
                              guarded='')
    assert run(tmp_path, source) == 'True\n'


@pytest.mark.parametrize('method', ['spawn', 'forkserver'])
def test_new_process_is_not_patched_otherwise(method, tmp_path):
    source = PROCESSES.format(method=method, top='',
                              guarded='pyplusthread.patch()')
    assert run(tmp_path, source) == 'False\n'


def test_barrier_of_multiprocessing_works(tmp_path):
    output = run(tmp_path, '''\
import pyplusthread
pyplusthread.patch()
import multiprocessing.synchronize
context = multiprocessing.get_context('fork')
assert issubclass(multiprocessing.synchronize.Barrier, pyplusthread.Barrier)
barrier = context.Barrier(2)
child = context.Process(target=barrier.wait)
child.start()
print(barrier.wait(60) in (0, 1))
child.join()
print(child.exitcode, barrier.n_waiting, barrier.broken)
''')
    assert output == 'True\n0 0 False\n'


def test_there_is_one_threading_for_all_threads():
    seen = []
    with patched():
        thread = threading.Thread(target=lambda: seen.append(now()))
        thread.start()
        thread.join()
    assert seen == [NATIVE]
