# SPDX-License-Identifier: MIT
"""What threads back from blocking calls do beside CPU-bound threads.

Each variant runs in a process of its own, so that nothing of the package is
in those of stock.  Latencies are of one operation, the 5 ms of a tick and the
1 ms of a sleep not included: how late it was.  CPU-bound threads keep so much
of the throughput that as many of them have alone; their spread is the least
over the most.
"""

import asyncio
import concurrent.futures
import os
import socket
import threading
import time

import apart
import options
from timed import Echo, Timed

TICK = 0.005
SLEEP = 0.001


class UdpEcho(Echo):
    kind = 'udp'

    def listen(self):
        listener = socket.socket(type=socket.SOCK_DGRAM)
        listener.bind(('127.0.0.1', 0))
        return listener

    def serve(self):
        while not self.stopped:
            data, peer = self.socket.recvfrom(1)
            self.socket.sendto(data, peer)
            self.done += 1


class TcpEcho(Echo):
    def serve(self):
        connection, _ = self.socket.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while data := connection.recv(1):
                connection.send(data)
                self.done += 1


class Pipes(Timed):
    """Two threads that wake each other through pipes."""

    def __init__(self, cpus=()):
        super().__init__(cpus)
        self.there, self.back = os.pipe(), os.pipe()

    def bodies(self):
        return [self.drive, self.answer]

    def once(self):
        os.write(self.there[1], b'1')
        os.read(self.back[0], 1)

    def answer(self):
        while os.read(self.there[0], 1):
            os.write(self.back[1], b'1')

    def end(self):
        os.close(self.there[1])


class Sleeper(Timed):
    """time.sleep: how late."""

    def once(self):
        time.sleep(SLEEP)


class Tick(Timed):
    """asyncio: a timer, again and again."""

    def drive(self):
        asyncio.run(self._tick())

    async def _tick(self):
        while not self.stopped:
            begin = time.perf_counter()
            await asyncio.sleep(TICK)
            self.note(begin)


class Condition(Timed):
    """A question and its answer, through one condition."""

    def __init__(self, cpus=()):
        super().__init__(cpus)
        self.cond = threading.Condition()
        self.asked = False
        self.over = False

    def bodies(self):
        return [self.drive, self.answer]

    def once(self):
        with self.cond:
            self.asked = True
            self.cond.notify()
            while self.asked:
                self.cond.wait()

    def answer(self):
        with self.cond:
            while not self.over:
                self.asked = False
                self.cond.notify()
                while not self.asked:
                    self.cond.wait()

    def end(self):
        with self.cond:
            self.over = self.asked = True
            self.cond.notify()


class Executor(Timed):
    """A call of a pool's thread."""

    def __init__(self, cpus=()):
        super().__init__(cpus)
        self.pool = concurrent.futures.ThreadPoolExecutor(2)

    def once(self):
        self.pool.submit(int).result()

    def end(self):
        self.pool.shutdown()


class ToThread(Timed):
    """asyncio.to_thread, one call after the other."""

    def drive(self):
        asyncio.run(self._calls())

    async def _calls(self):
        while not self.stopped:
            begin = time.perf_counter()
            await asyncio.to_thread(int)
            self.note(begin)


CASES = {'udp': UdpEcho, 'tcp': TcpEcho, 'pipes': Pipes, 'sleep': Sleeper,
         'tick': Tick, 'condition': Condition, 'executor': Executor,
         'to-thread': ToThread}
WAITED = {'sleep': SLEEP, 'tick': TICK}
NUMBERS = 1, 2  # of CPU-bound threads


def main():
    """Run what the command line says, the variants in turn."""
    apart.compare_beside(__file__, __doc__, CASES, WAITED, NUMBERS, 1)


if __name__ == '__main__':
    options.run(main)
