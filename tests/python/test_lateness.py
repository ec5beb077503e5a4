# SPDX-License-Identifier: MIT
"""loop_lateness: loops that are late for a reason that is known.

No test says that a loop was on time: only which part of what it was late is
due to what was made.
"""
import asyncio
import ctypes
import inspect
import re
import selectors
import subprocess
import sys
import time

import pytest

import pyplusthread
from pyplusthread import _core, _lateness, _stats, loop_lateness, observe_gil
from support import LIMIT, Worker, needs_gil, until

usleep = ctypes.PyDLL(None).usleep  # it keeps the GIL


@pytest.fixture(autouse=True)
def nothing_is_left():
    observe_gil(False)
    yield
    assert not _stats._observers
    assert not _lateness._tickers


def burn(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def run(coroutine, selector=None):
    loop = asyncio.SelectorEventLoop(selector)
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()


async def seen(condition):
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, 'waited in vain'
        await asyncio.sleep(0.001)


def assert_it_adds_up(lateness):
    late, *parts = lateness.values()
    assert list(lateness) == ['late', *_lateness.CAUSES]
    assert sum(part.sum for part in parts) == pytest.approx(late.sum, abs=1e-6)
    assert {part.count for part in parts} == {late.count}
    assert all(part.max <= late.max for part in parts)


def lateness_of(action, cause, at_least):
    """Of a loop in which it is done until it has made the loop so late."""
    async def main():
        with loop_lateness() as lateness:
            await seen(lambda: lateness['late'].count)
            while lateness[cause].max < at_least:
                action()
                count = lateness['late'].count
                await seen(lambda: lateness['late'].count > count)
        return lateness

    lateness = run(main())
    assert_it_adds_up(lateness)
    assert lateness['late'].max >= at_least
    return lateness


@pytest.mark.parametrize('action', [burn, time.sleep])
def test_callback_that_takes_50_ms(action):
    """Whether it computes, or blocks without the GIL: nobody else wants it."""
    lateness = lateness_of(lambda: action(0.05), 'callbacks', 0.039)
    assert lateness['gil'].max <= lateness['late'].max - 0.039


@needs_gil
def test_thread_that_keeps_the_gil_for_50_ms():
    runs = [True]

    def keep():
        while runs:
            usleep(50000)
            time.sleep(0.001)

    worker = Worker(keep)
    try:
        lateness_of(lambda: None, 'gil', 0.03)
    finally:
        runs.clear()
        worker.join()


@needs_gil
def test_thread_that_computes():
    runs = [True]

    def compute():
        while runs:
            sum(range(100))

    worker = Worker(compute)
    pyplusthread.set_gil_priority(False)
    try:
        lateness_of(lambda: None, 'gil', 0.002)
    finally:
        runs.clear()
        pyplusthread.set_gil_priority()
        worker.join()


class Sleepy(selectors.DefaultSelector):
    """It sleeps for longer than it is asked to."""

    def select(self, timeout=None):
        events = super().select(timeout)
        if timeout:
            time.sleep(0.03)
        return events


def test_system_that_lets_it_sleep_for_too_long():
    async def main():
        with loop_lateness() as lateness:
            await seen(lambda: lateness['system'].max >= 0.02)
        return lateness

    assert_it_adds_up(run(main(), Sleepy()))


@needs_gil
def test_what_is_waited_after_a_mark_is_no_more_than_what_has_passed():
    observe_gil()
    runs = [True]

    def keep():
        while runs:
            usleep(3000)

    worker = Worker(keep)
    try:
        total = 0
        end = time.monotonic() + LIMIT
        while total == 0 and time.monotonic() < end:
            mark = time.monotonic_ns() + 2_000_000
            _core._gil_mark(mark)
            assert _core._gil_waited()[0] <= max(
                0, _core._gil_waited()[1] - mark)
            time.sleep(0.001)
            waited, now = _core._gil_waited()
            assert 0 <= waited <= max(0, now - mark)
            total += waited
        assert total > 0
    finally:
        runs.clear()
        worker.join()
        observe_gil(False)


def test_blocks_share_a_timer_and_leave_nothing():
    async def main():
        selector = asyncio.get_running_loop()._selector
        before = vars(selector).copy()
        with loop_lateness() as outer:
            with loop_lateness() as inner:
                assert len(_lateness._tickers) == 1
                await seen(lambda: inner['late'].count >= 2)
            count = inner['late'].count
            await seen(lambda: outer['late'].count >= count + 2)
        assert inner['late'].count == count
        assert vars(selector) == before
        assert not asyncio.get_running_loop()._scheduled or all(
            handle.cancelled()
            for handle in asyncio.get_running_loop()._scheduled)

    run(main())


def test_loops_of_several_threads():
    async def main():
        with loop_lateness() as lateness:
            await seen(lambda: lateness['late'].count >= 3)
        return lateness

    workers = [Worker(run, main()) for _ in range(3)]
    for worker in workers:
        assert_it_adds_up(worker.join())


def test_another_loop_without_a_selector():
    class Loop:
        """As far as it is asked."""

        def call_later(self, _delay, callback):
            self.callback = callback
            return self

        def cancel(self):
            self.callback = None

    loop, lateness = Loop(), loop_lateness()
    lateness._begin(loop)
    until(lambda: time.monotonic_ns() > lateness._ticker._due)
    loop.callback()
    assert_it_adds_up(lateness)
    assert lateness['late'].sum > 0 and lateness['system'].sum == 0
    lateness._end()
    assert loop.callback is None


def test_where_no_loop_is_running():
    with pytest.raises(RuntimeError, match='no running event loop'):
        loop_lateness().__enter__()


def test_signature_and_docstring():
    assert str(inspect.signature(loop_lateness)) == '()'
    assert 'loop_lateness' in pyplusthread.__all__
    for word in ['late', *_lateness.CAUSES, 'asyncio', 'RuntimeError']:
        assert word in loop_lateness.__doc__


@pytest.mark.parametrize('ns', [0, 1, 3, 4, 7, 8, 1000, 10**9, 2**50])
def test_length_is_in_the_bucket_in_which_the_compiled_part_has_it(ns):
    i = _stats._bucket(ns)
    assert ns < _stats.bound(i) or i == _stats.BUCKETS - 1
    assert i == 0 or ns >= _stats.bound(i - 1)


# --loop-lateness

PROGRAM = '''
import asyncio, os, sys, threading, time

async def main():
    await asyncio.sleep(0.05)
    time.sleep(0.05)
    await asyncio.sleep(0.05)
'''


def errors_of(program):
    done = subprocess.run(
        [sys.executable, '-m', 'pyplusthread', '--loop-lateness', '-c',
         PROGRAM + program], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=LIMIT)
    assert (done.returncode, done.stdout) == (0, ''), done.stderr
    return done.stderr


@needs_gil
@pytest.mark.unsanitized
def test_option_has_all_loops():
    errors = errors_of('''
thread = threading.Thread(target=lambda: asyncio.run(main()))
thread.start()
asyncio.run(main())
thread.join()
''')
    assert re.search(r'^event loops of asyncio in process \d+ \(-c\)$', errors,
                     re.M)
    assert int(re.search(r'10\.0 ms ran (\d+) times', errors)[1]) >= 4
    for words in _lateness.ROWS.values():
        assert re.search(f'^{words}  ', errors, re.M)
    assert re.search(r'^callbacks ran +[\d.]+ m?s ', errors, re.M)


@needs_gil
@pytest.mark.unsanitized
@pytest.mark.parametrize('end', ['', 'os._exit(0)'])
def test_child_has_loops_of_its_own(end):
    errors = errors_of(f'''
asyncio.run(main())
if os.fork() == 0:
    pass
else:
    os.wait()
    {end}
''')
    assert errors.count('event loops of asyncio') == 2
    assert errors.count('none ran') == 1


@needs_gil
@pytest.mark.unsanitized
def test_loop_that_still_runs_is_counted():
    errors = errors_of('''
async def end():
    await main()
    os._exit(0)
asyncio.run(end())
''')
    assert 'none ran' not in errors and 'times\n' in errors


# What a signal handler may do at any line: show all, and fork.
AT_EACH_LINE = '''
import asyncio, os, sys
from pyplusthread import _lateness, _watch

lines = set()
shown = []
_watch.say = shown.append
loops = _lateness.Loops()
loops.begin()

def handle(frame, event, _argument):
    if frame.f_code.co_filename == _lateness.__file__:
        lines.add(frame.f_lineno)
        loops.show(None)
        if os.fork() == 0:
            loops.show(None)
            os._exit('none ran' not in shown[-1])
        assert os.wait()[1] == 0
        return handle

async def main():
    await asyncio.sleep(0.015)

sys.settrace(handle)
asyncio.run(main())
asyncio.run(main())
sys.settrace(None)
loops.show(None)
assert len(lines) > 20 and 'none ran' not in shown[-1], shown[-1]
assert len(loops._pool.all) == 1
'''


@needs_gil
@pytest.mark.unsanitized
def test_loops_are_shown_and_a_child_is_forked_at_any_line():
    done = subprocess.run([sys.executable, '-c', AT_EACH_LINE],
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=LIMIT)
    assert (done.returncode, done.stderr) == (0, '')
