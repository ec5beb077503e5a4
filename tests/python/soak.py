# SPDX-License-Identifier: MIT
"""Everything at once: threads of all kinds, until they are told to end.

soak.py COUNTS SECONDS SEED MODE

MODE  patched, with our types in threading; gil-only, with threading as it is;
      stock, without the package: what stands still then is not our fault

Writes into the file COUNTS, as test_soak.py reads it, how far each worker has
come: one that stands still has missed a wake-up, or starves. Prints the
workers' names first, and at the end, after all of them have ended and what
they counted was found to agree, "agreed".
"""
import asyncio
import concurrent.futures
import contextlib
import ctypes
import faulthandler
import importlib
import json
import mmap
import os
import queue
import random
import signal
import socket
import sys
import sysconfig
import threading
import time

import sub_interpreters

SLOTS = 256


class Soak:
    """Workers, each with a count of its own in the file."""

    def __init__(self, path, seconds):
        with open(path, 'r+b') as file:
            self.counts = memoryview(mmap.mmap(file.fileno(), 0)).cast('q')
        self.end = time.monotonic() + seconds
        self.names, self.errors = [], []
        self.threads, self.checks = [], []

    def runs(self):
        return time.monotonic() < self.end and not self.errors

    def add(self, function, *args):
        """A worker: function(goes_on, *args), which calls goes_on in turns.

        What it returns is seen when all have ended: where it belongs.
        """
        slot = len(self.names) + 1
        self.names.append(f'{function.__name__} {slot}')
        result = []
        self.threads.append(threading.Thread(
            target=self._work, args=(function, args, slot, result)))
        return result

    def _work(self, function, args, slot, result):
        def goes_on():
            self.counts[slot] += 1
            return self.runs()

        try:
            result.append(function(goes_on, *args))
        except BaseException as error:
            self.errors.append(error)
            raise
        finally:
            self.counts[slot] = -1

    def check(self, agrees, *args):
        self.checks.append((agrees, args))

    def start(self):
        print(json.dumps(self.names), flush=True)
        for thread in self.threads:
            thread.start()
        self.counts[0] = len(self.names)

    def join(self):
        for thread in self.threads:
            thread.join()
        if self.errors:
            sys.exit('a worker failed')
        for agrees, args in self.checks:
            agrees(*args)


# Threads that compute, and threads that come and go.

def compute(goes_on):
    while goes_on():
        sum(range(1000))


def sleep(goes_on):
    while goes_on():
        time.sleep(random.choice([0, 1e-5, 1e-4, 1e-3]))


def start_threads(goes_on):
    started, ended = 0, []
    while goes_on():
        threads = [threading.Thread(target=ended.append, args=(None,))
                   for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        started += len(threads)
        assert len(ended) == started


def start_foreign_threads(goes_on):
    """They take the GIL by PyGILState_Ensure, and end."""
    libc, calls = ctypes.CDLL(None), []
    function = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(
        lambda _: calls.append(None))
    while goes_on():
        before, threads = len(calls), [ctypes.c_ulong() for _ in range(3)]
        for thread in threads:
            assert libc.pthread_create(ctypes.byref(thread), None, function,
                                       None) == 0
        for thread in threads:
            assert libc.pthread_join(thread, None) == 0
        assert len(calls) == before + len(threads)


# Two threads that hand something to each other: alone they never compute.

def lead(goes_on, send, receive):
    turns = 0
    while goes_on():
        send(turns % 100)
        assert receive() == turns % 100
        turns += 1
    send(255)
    return turns


def follow(goes_on, send, receive):
    turns = 0
    while (item := receive()) != 255:
        goes_on()
        send(item)
        turns += 1
    return turns


def agree(led, followed):
    assert led == followed, (led, followed)


def pipe():
    source, sink = os.pipe()
    return (lambda item: os.write(sink, bytes([item])),
            lambda: os.read(source, 1)[0])


def datagrams():
    source, sink = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                    for _ in range(2)]
    source.bind(('127.0.0.1', 0))
    sink.connect(source.getsockname())
    return lambda item: sink.send(bytes([item])), lambda: source.recv(1)[0]


def stream():
    source, sink = socket.socketpair()
    return lambda item: sink.send(bytes([item])), lambda: source.recv(1)[0]


def condition():
    cond, items = threading.Condition(), []

    def send(item):
        with cond:
            items.append(item)
            cond.notify()

    def receive():
        with cond:
            while not items:
                cond.wait()
            return items.pop(0)

    return send, receive


def event():
    filled, items = threading.Event(), []

    def send(item):
        items.append(item)
        filled.set()

    def receive():
        filled.wait()
        filled.clear()
        return items.pop(0)

    return send, receive


def semaphore():
    filled, items = threading.Semaphore(0), []

    def send(item):
        items.append(item)
        filled.release()

    def receive():
        filled.acquire()
        return items.pop(0)

    return send, receive


def lock():
    filled, items = threading.Lock(), []
    filled.acquire()

    def send(item):
        items.append(item)
        filled.release()

    def receive():
        filled.acquire()
        return items.pop(0)

    return send, receive


def full_queue():
    items = queue.Queue(1)
    return items.put, items.get


def simple_queue():
    items = queue.SimpleQueue()
    return items.put, items.get


WAYS = [pipe, datagrams, stream, condition, event, semaphore, lock,
        full_queue, simple_queue]


def add_pair(soak, way):
    (send, receive), (send_back, receive_back) = way(), way()
    led = soak.add(lead, send, receive_back)
    followed = soak.add(follow, send_back, receive)
    soak.check(agree, led, followed)


# Many at one object.

def produce(goes_on, items, consumers):
    put = 0
    while goes_on():
        items.put(1)
        put += 1
        if put % 64 == 0:
            time.sleep(1e-4)
    for _ in range(consumers):
        items.put(None)
    return put


def consume(goes_on, items):
    got = 0
    while True:
        with contextlib.suppress(queue.Empty):
            item = items.get(timeout=random.choice([None, 1e-5, 1e-3]))
            if item is None:
                return got
            got += item
        goes_on()


def all_came(put, got):
    assert put[0] == sum(each[0] for each in got), (put, got)


def add_queue(soak, items):
    put = soak.add(produce, items, 4)
    got = [soak.add(consume, items) for _ in range(4)]
    soak.check(all_came, put, got)


def take_units(goes_on, units, inside):
    while goes_on():
        if units.acquire(timeout=random.choice([None, 0, 1e-5, 1e-4])):
            inside.append(None)
            assert len(inside) <= 3
            inside.pop()
            units.release()


def have_units(units):
    assert all(units.acquire(False) for _ in range(3))
    assert not units.acquire(False)


def add_units(soak):
    units, inside = threading.Semaphore(3), []
    for _ in range(6):
        soak.add(take_units, units, inside)
    soak.check(have_units, units)


def meet(goes_on, barrier):
    """Whoever comes last says for all of them whether they go on."""
    while True:
        goes_on()
        barrier.wait()
        if barrier.over:
            return


class Meeting:
    """A barrier whose threads end in the same round."""

    def __init__(self, soak, parties):
        self.over = False
        self.soak = soak
        self.wait = threading.Barrier(parties, self.look).wait

    def look(self):
        self.over = not self.soak.runs()


def add_barrier(soak):
    barrier = Meeting(soak, 3)
    for _ in range(3):
        soak.add(meet, barrier)


def submit(goes_on):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        while goes_on():
            numbers = random.sample(range(1000), 6)
            assert list(pool.map(abs, numbers)) == numbers


def run_loop(goes_on):
    async def turn():
        await asyncio.sleep(1e-3)
        assert await asyncio.to_thread(abs, -1) == 1

    async def turns():
        while goes_on():
            await asyncio.gather(turn(), turn())

    asyncio.run(turns())


# The process as a whole.

def in_child():
    """A pair and a thread that computes, in the child."""
    send, receive = condition()
    send_back, receive_back = stream()
    turns, over = range(20), []

    def burn():
        while not over:
            pass

    def answer():
        for _ in turns:
            send_back(receive())

    threads = [threading.Thread(target=each) for each in (burn, answer)]
    for thread in threads:
        thread.start()
    for turn in turns:
        send(turn)
        assert receive_back() == turn
    over.append(None)
    for thread in threads:
        thread.join()


def fork(goes_on, alone):
    while goes_on():
        with alone:
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    in_child()
                    status = 0
                finally:
                    os._exit(status)
        _, status = os.waitpid(child, 0)
        assert status == 0, status
        time.sleep(0.01)


def run_interpreters(goes_on, kind, impl, alone):
    while goes_on():
        with alone:
            sub_interpreters.run(INSIDE.format(impl=impl), kind)
        time.sleep(0.01)


INSIDE = '''
import threading, time
import {impl} as impl

cond, items, over = impl.Condition(), [], []

def burn():
    while not over:
        pass

def nap():
    while not over:
        time.sleep(0.0001)

def take():
    for _ in range(50):
        with cond:
            while not items:
                cond.wait()
            items.pop()
            cond.notify()

threads = [threading.Thread(target=each) for each in (burn, nap, take)]
for thread in threads:
    thread.start()
for _ in range(50):
    with cond:
        while items:
            cond.wait()
        items.append(None)
        cond.notify()
threads.pop().join()
over.append(None)
for thread in threads:
    thread.join()
'''


def change_interval(goes_on):
    usual = sys.getswitchinterval()
    while goes_on():
        time.sleep(random.choice([0.001, 0.01, 0.1]))
        sys.setswitchinterval(random.choice([1e-6, 1e-4, usual, usual, 0.05]))
    sys.setswitchinterval(usual)


def change_priority(goes_on, package):
    while goes_on():
        time.sleep(random.choice([0.001, 0.01, 0.1]))
        package.set_gil_priority(random.random() < 0.7,
                                 cpu_share=random.choice([0, 0.3, 0.9]))
    package.set_gil_priority()


def interrupt(goes_on, handled):
    """The main thread's handler runs, whatever it waits for."""
    sent = 0
    while goes_on():
        signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
        sent += 1
        while len(handled) < sent:
            time.sleep(1e-3)
        del handled[:]
        sent = 0


def wait_in_main_thread(soak):
    """In all the ways that a signal interrupts."""
    cond, filled = threading.Condition(), threading.Event()
    units, held = threading.Semaphore(0), threading.Lock()
    held.acquire()
    waits = [lambda: filled.wait(0.01), lambda: units.acquire(timeout=0.01),
             lambda: held.acquire(timeout=0.01), lambda: time.sleep(0.01),
             lambda: sum(range(100000))]
    while soak.runs():
        with cond:
            cond.wait(0.01)
        random.choice(waits)()


def fill(soak, impl):
    for way in WAYS:
        add_pair(soak, way)
    for items in queue.Queue(8), queue.SimpleQueue():
        add_queue(soak, items)
    add_units(soak)
    add_barrier(soak)
    for function in (compute, compute, compute, sleep, sleep, start_threads,
                     start_threads, start_foreign_threads, submit, run_loop,
                     change_interval):
        soak.add(function)
    handled = []
    signal.signal(signal.SIGUSR1, lambda *_: handled.append(None))
    soak.add(interrupt, handled)
    alone = threading.Lock()
    soak.add(fork, alone)
    # A free-threaded Python turns a GIL on for each module that it imports,
    # and a new interpreter imports dozens: minutes, beside so many threads.
    if not sysconfig.get_config_var('Py_GIL_DISABLED'):
        for kind in sub_interpreters.KINDS:
            soak.add(run_interpreters, kind, impl, alone)


def use_package(mode):
    """The package, or None without it."""
    if mode == 'stock':
        return None
    package = importlib.import_module('pyplusthread')
    if mode == 'patched':
        package.patch()
    return package


def main(path, seconds, seed, mode):
    faulthandler.enable()
    random.seed(int(seed))
    package = use_package(mode)
    # It registers what forks call before and after: not while one is halfway.
    importlib.import_module('concurrent.futures.thread')
    soak = Soak(path, float(seconds))
    fill(soak, 'pyplusthread' if package else 'threading')
    if package:
        soak.add(change_priority, package)
    soak.start()
    wait_in_main_thread(soak)
    soak.join()
    print('agreed')


if __name__ == '__main__':
    main(*sys.argv[1:])
