# SPDX-License-Identifier: MIT
"""Works whose operations are timed: in a thread, or by a client."""

import json
import socket
import subprocess
import sys
import time

from threads import Work

# The other end of a socket, in a process that nothing disturbs: how long the
# answer to each byte takes, or ("stream") how far apart the bytes are.
CLIENT = '''
import json, socket, sys, threading, time
kind, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
end = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), end.set()),
                 daemon=True).start()
peer = socket.socket(type=socket.SOCK_DGRAM if kind == 'udp'
                     else socket.SOCK_STREAM)
peer.settimeout(5)
peer.connect((host, port))
if kind != 'udp':
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
times = []
now = time.perf_counter()
while not end.is_set():
    begin = now
    if kind != 'stream':
        begin = time.perf_counter()
        peer.send(b'1')
    try:
        if not peer.recv(1) and kind != 'udp':
            break
    except socket.timeout:
        continue
    now = time.perf_counter()
    times.append((begin, now - begin))
print(json.dumps(times))
'''


class Timed(Work):
    """One operation after the other, in the first thread.

    `times` has when each began and how long it took, by perf_counter, which
    is the same clock in all processes.  A subclass has once(), and may have
    other threads.
    """

    def __init__(self, cpus=()):
        super().__init__(cpus)
        self.times = []

    def bodies(self):
        return [self.drive]

    def drive(self):
        while not self.stopped:
            begin = time.perf_counter()
            self.once()
            self.note(begin)
        self.end()

    def note(self, begin):
        """An operation that began then has ended."""
        self.times.append((begin, time.perf_counter() - begin))
        self.done += 1

    def once(self):
        raise NotImplementedError

    def end(self):
        """By the driving thread, after the last one."""


class Served(Work):
    """What a client in another process sees of this one; it says `times`.

    A subclass has the kind of the client, and `socket`, which it connects to.
    """

    kind = 'tcp'

    def __init__(self, cpus=()):
        super().__init__(cpus)
        self.times = []
        self.socket = self.listen()
        self.client = subprocess.Popen(
            [sys.executable, '-c', CLIENT, self.kind,
             *map(str, self.socket.getsockname())],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def listen(self):
        return socket.create_server(('127.0.0.1', 0))

    def stop(self):
        if not self.stopped:
            self.times += json.loads(self.client.communicate()[0])
        super().stop()


class Echo(Served):
    """A thread that answers a client."""

    def bodies(self):
        return [self.serve]

    def stop(self):
        super().stop()
        with socket.socket(type=self.socket.type) as last:
            last.connect(self.socket.getsockname())
            last.send(b'')
