# SPDX-License-Identifier: MIT
"""Complaints of users about the GIL, each as a small program.

Latencies are how late something is: 0 is what these programs are written for.

heartbeat   A thread sends a datagram each 10 ms, to say that its process is
            alive, while other threads compute.  Orchestrators take a process
            whose heartbeats are late for dead: Prefect moved them from a
            thread to a process since "the old heartbeat thread could not fire
            if the user's task held onto the GIL" (PrefectHQ/prefect#1973);
            atlanhq/application-sdk#3521 measured its own: 1 ms late alone,
            14 ms beside one computing thread, 1 440 ms beside 16.
event-loop  An event loop answers the messages of a peer while tasks compute
            in threads: each of its sends, which need not wait, lets go of the
            GIL and has to get it back, the "convoy effect".  A worker's loop
            was blocked by it for 71 % of the time (dask/distributed#6325,
            bugs.python.org/issue7946).
tokens      A streaming server: a thread waits 2 ms for a device, has an event
            loop send the token, and begins again, beside threads that compute.
            How much further than 2 ms apart the client sees them; 5 to 6 ms
            in vllm-project/vllm#10634.
timer       A robot's executor: it waits until a timer of 100 Hz is due, and
            has a pool's thread call the callback, beside callbacks that
            compute.  A timer of 10 Hz came 2.4 to 3.7 times a second in
            ros2/rclpy#1452, which has other causes besides.
"""

import asyncio
import concurrent.futures
import socket
import threading
import time

import apart
import options
from timed import Served, Timed

BEAT = 0.01
STEP = 0.002
PERIOD = 0.01


class Heartbeat(Timed):
    """Waits for an event that would end it, as heartbeat threads do."""

    def __init__(self, cpus=()):
        super().__init__(cpus)
        self.over = threading.Event()
        self.receiver = socket.socket(type=socket.SOCK_DGRAM)
        self.receiver.bind(('127.0.0.1', 0))
        self.sender = socket.socket(type=socket.SOCK_DGRAM)
        self.sender.connect(self.receiver.getsockname())

    def once(self):
        self.over.wait(BEAT)
        self.sender.send(b'alive')

    def end(self):
        self.sender.close()
        self.receiver.close()


class _Answers(asyncio.Protocol):
    """Answers each message at once; tells `ended` when the peer has gone."""

    def __init__(self, work, ended):
        self.work = work
        self.ended = ended

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)
        self.work.done += 1

    def connection_lost(self, _error):
        self.ended.set_result(None)


class EventLoop(Served):
    """An event loop in a thread, with one connection."""

    def bodies(self):
        return [lambda: asyncio.run(self._serve())]

    async def _serve(self):
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        server = await loop.create_server(lambda: _Answers(self, ended),
                                          sock=self.socket)
        await ended
        server.close()


class Tokens(Served):
    """An engine's thread, and an event loop's, which sends to a client."""

    kind = 'stream'

    def __init__(self, cpus=()):
        super().__init__(cpus)
        self.socket.setblocking(False)
        self.loop = asyncio.new_event_loop()
        self.connected = threading.Event()

    def bodies(self):
        return [self.generate,
                lambda: self.loop.run_until_complete(self._serve())]

    async def _serve(self):
        self.over = asyncio.Event()
        self.connection, _ = await self.loop.sock_accept(self.socket)
        with self.connection:
            self.connection.setsockopt(socket.IPPROTO_TCP,
                                       socket.TCP_NODELAY, 1)
            self.connected.set()
            await self.over.wait()

    async def _send(self, token):
        try:
            await self.loop.sock_sendall(self.connection, token)
        except ConnectionError:
            pass  # the client has seen enough

    def generate(self):
        """Sleep, as the device computes; have the loop send the token."""
        self.connected.wait()
        while not self.stopped:
            time.sleep(STEP)
            asyncio.run_coroutine_threadsafe(self._send(b't'),
                                             self.loop).result()
            self.done += 1
        self.loop.call_soon_threadsafe(self.over.set)


class Timer(Timed):
    """Waits until the timer is due; a pool's thread calls back."""

    def __init__(self, cpus=()):
        super().__init__(cpus)
        self.guard = threading.Condition()
        self.pool = concurrent.futures.ThreadPoolExecutor(2)
        self.due = time.perf_counter()

    def drive(self):
        self.due = time.perf_counter()
        super().drive()

    def once(self):
        self.due = max(self.due + PERIOD, time.perf_counter())
        with self.guard:
            while (left := self.due - time.perf_counter()) > 0:
                self.guard.wait(left)
        self.pool.submit(self._call_back, self.due)

    def note(self, begin):
        """Nothing: the callback does it."""

    def _call_back(self, due):
        super().note(due)

    def end(self):
        self.pool.shutdown()


CASES = {'heartbeat': Heartbeat, 'event-loop': EventLoop, 'tokens': Tokens,
         'timer': Timer}
WAITED = {'heartbeat': BEAT, 'tokens': STEP}
NUMBERS = 1, 16  # of computing threads


def main():
    """Run what the command line says, the variants in turn."""
    apart.compare_beside(__file__, __doc__, CASES, WAITED, NUMBERS, 1)


if __name__ == '__main__':
    options.run(main)
