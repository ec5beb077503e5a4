# SPDX-License-Identifier: MIT
"""The standard library's users of threading, patched."""
import asyncio
import concurrent.futures
import contextlib
import functools
import io
import logging
import logging.handlers
import queue
import socket
import socketserver
import threading

import pytest

import pyplusthread
from support import LIMIT, Worker, at_least, join_all, until


@pytest.fixture(params=['stock', 'patched'], autouse=True)
def patched(request):
    with contextlib.ExitStack() as stack:
        if request.param == 'patched':
            stack.enter_context(pyplusthread.patched())
        yield


def test_queue_passes_everything_on_in_order():
    box = queue.Queue(3)

    def put():
        for item in range(500):
            box.put(item)

    worker = Worker(put)
    assert [box.get() for _ in range(500)] == list(range(500))
    worker.join()


@pytest.mark.parametrize('kind', [queue.Queue, queue.LifoQueue,
                                  queue.PriorityQueue])
def test_queue_with_many_threads_loses_nothing(kind):
    box = kind(5)
    items = []

    def get():
        while (item := box.get()) >= 0:
            items.append(item)
            box.task_done()

    def put(start):
        for item in range(start, start + 100):
            box.put(item)

    consumers = [Worker(get) for _ in range(4)]
    join_all([Worker(put, start) for start in range(0, 400, 100)])
    box.join()
    for _ in consumers:
        box.put(-1)
    join_all(consumers)
    assert sorted(items) == list(range(400))


def test_queue_times_out():
    box = queue.Queue(1)
    with at_least(0.02), pytest.raises(queue.Empty):
        box.get(timeout=0.02)
    box.put(1)
    with at_least(0.02), pytest.raises(queue.Full):
        box.put(2, timeout=0.02)


def test_thread_pool_gives_all_results():
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert list(pool.map(abs, range(-200, 0))) == list(range(200, 0, -1))
        failing = pool.submit(int, 'x')
        assert isinstance(failing.exception(LIMIT), ValueError)


def test_futures_can_be_waited_for():
    gate = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        slow = [pool.submit(gate.wait) for _ in range(2)]
        fast = pool.submit(abs, -1)
        done, rest = concurrent.futures.wait(
            [*slow, fast], LIMIT, concurrent.futures.FIRST_COMPLETED)
        assert (done, rest) == ({fast}, set(slow))
        with pytest.raises(concurrent.futures.TimeoutError):
            slow[0].result(0.01)
        gate.set()
        assert all(future.result(LIMIT)
                   for future in concurrent.futures.as_completed(slow))


def test_timer_fires_once_and_not_early():
    fired = threading.Event()
    with at_least(0.05):
        timer = threading.Timer(0.05, fired.set)
        timer.start()
        assert fired.wait(LIMIT)
    timer.join(LIMIT)
    assert not timer.is_alive()


def test_timer_can_be_cancelled():
    fired = []
    timer = threading.Timer(LIMIT, fired.append)
    timer.start()
    timer.cancel()
    timer.join(LIMIT)
    assert not timer.is_alive() and not fired


def test_threads_start_end_and_are_joined():
    seen = []
    threads = [threading.Thread(target=seen.append, args=(number,))
               for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
        assert not thread.is_alive()
    assert sorted(seen) == list(range(50))


def test_thread_local_data_are_each_threads_own():
    local = threading.local()

    def use(number):
        local.number = number
        barrier.wait(LIMIT)
        return local.number

    barrier = threading.Barrier(5)
    workers = [Worker(use, number) for number in range(5)]
    assert join_all(workers) == list(range(5))


def test_logging_of_many_threads_keeps_lines_whole():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.Logger('test')
    logger.addHandler(handler)

    def log(number):
        for _ in range(100):
            logger.info('x' * 50 + str(number))

    join_all([Worker(log, number) for number in range(4)])
    lines = stream.getvalue().splitlines()
    assert len(lines) == 400
    assert all(len(line) == 51 for line in lines)


def test_queue_listener_handles_all_records():
    records = []

    class Handler(logging.Handler):
        def emit(self, record):
            records.append(record.getMessage())

    box = queue.Queue()
    listener = logging.handlers.QueueListener(box, Handler())
    listener.start()
    logger = logging.Logger('test')
    logger.addHandler(logging.handlers.QueueHandler(box))
    for number in range(100):
        logger.info('%s', number)
    listener.stop()
    assert records == [str(number) for number in range(100)]


def test_asyncio_uses_threads():
    async def main():
        loop = asyncio.get_running_loop()
        results = await asyncio.gather(*(
            loop.run_in_executor(None, functools.partial(pow, number, 2))
            for number in range(50)))
        thread = await asyncio.to_thread(threading.get_ident)
        return results, thread

    results, thread = asyncio.run(main())
    assert results == [number ** 2 for number in range(50)]
    assert thread != threading.get_ident()


def test_coroutine_can_be_run_from_another_thread():
    async def answer():
        await asyncio.sleep(0.001)
        return 42

    loop = asyncio.new_event_loop()
    worker = Worker(loop.run_forever)
    future = asyncio.run_coroutine_threadsafe(answer(), loop)
    assert future.result(LIMIT) == 42
    loop.call_soon_threadsafe(loop.stop)
    worker.join()
    loop.close()


def test_threading_server_serves():
    class Echo(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(self.rfile.readline())

    with socketserver.ThreadingTCPServer(('127.0.0.1', 0), Echo) as server:
        worker = Worker(server.serve_forever, 0.01)

        def ask(number):
            with socket.create_connection(server.server_address) as client:
                client.sendall(b'%d\n' % number)
                return client.makefile().readline()

        answers = join_all([Worker(ask, number) for number in range(10)])
        server.shutdown()
        worker.join()
    assert answers == [f'{number}\n' for number in range(10)]


def test_stock_thread_objects_made_before_go_on():
    gate = threading.Event()
    worker = Worker(gate.wait)
    until(worker.asleep)
    with pyplusthread.patched():
        gate.set()
        assert worker.join() is True
