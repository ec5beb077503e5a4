"""What threads back from blocking calls do beside CPU-bound threads.

Each variant runs in a process of its own, so that nothing of the package is
in those of stock.  Latencies are of one operation, the 5 ms of a tick and the
1 ms of a sleep not included: how late it was.  CPU-bound threads keep so much
of the throughput that as many of them have alone; their spread is the least
over the most.
"""

import asyncio
import concurrent.futures
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import threading
import time

import options
import variants
from threads import Work, measure
from works import Burner

TICK = 0.005
SLEEP = 0.001

# The other end of a socket, in a process that nothing disturbs.
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
if kind == 'tcp':
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
times = []
while not end.is_set():
    begin = time.perf_counter()
    peer.send(b'1')
    try:
        peer.recv(1)
    except socket.timeout:
        continue
    times.append(time.perf_counter() - begin)
print(json.dumps(times))
'''


class Timed(Work):
    """One operation after the other, in the first thread; how long each took.

    A subclass has once(), and may have other threads.
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
            self.times.append(time.perf_counter() - begin)
            self.done += 1
        self.end()

    def once(self):
        raise NotImplementedError

    def end(self):
        """By the driving thread, after the last one."""


class Echo(Work):
    """A thread that answers a client in another process."""

    def __init__(self, cpus=()):
        super().__init__(cpus)
        self.times = []
        self.socket = self.listen()
        self.client = subprocess.Popen(
            [sys.executable, '-c', CLIENT, self.kind,
             *map(str, self.socket.getsockname())],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def bodies(self):
        return [self.serve]

    def stop(self):
        if not self.stopped:
            self.times += json.loads(self.client.communicate()[0])
        super().stop()
        with socket.socket(type=self.socket.type) as last:
            last.connect(self.socket.getsockname())
            last.send(b'')


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
    kind = 'tcp'

    def listen(self):
        return socket.create_server(('127.0.0.1', 0))

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
            self.times.append(time.perf_counter() - begin)
            self.done += 1


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
            self.times.append(time.perf_counter() - begin)
            self.done += 1


CASES = {'udp': UdpEcho, 'tcp': TcpEcho, 'pipes': Pipes, 'sleep': Sleeper,
         'tick': Tick, 'condition': Condition, 'executor': Executor,
         'to-thread': ToThread}
WAITED = {'sleep': SLEEP, 'tick': TICK}


def _quantiles_us(times, waited):
    times = sorted(1e6 * (taken - waited) for taken in times)
    return {'p50_us': times[len(times) // 2],
            'p99_us': times[len(times) * 99 // 100], 'max_us': times[-1]}


def _burners(beside, cpus):
    return [Burner(cpus) for _ in range(beside)]


def _kept(beside, cpus, seconds, rates):
    """In percent; and the least over the most."""
    if not beside:
        return {}
    alone = sum(rate.per_s for rate in measure(_burners(beside, cpus),
                                               seconds))
    left = [rate.per_s for rate in rates]
    return {'kept': 100 * sum(left) / alone,
            'spread': min(left) / max(left)}


def measure_one(case, beside, variant, cpus, seconds):
    """In this process."""
    with variants.active(variant) as module, variants.patched(module):
        work = CASES[case](cpus)
        rate, *burning = measure([work] + _burners(beside, cpus), seconds)
        return {'benchmark': 'beside', 'case': case, 'beside': beside,
                'variant': variant,
                'cpus': ','.join(map(str, cpus)) or 'free',
                'python': platform.python_version(), 'seconds': seconds,
                'per_s': rate.per_s, 'cpu_us_per_op':
                rate.cpu_ns_per_op / 1000 if not beside else None,
                **_quantiles_us(work.times, WAITED.get(case, 0)),
                **_kept(beside, cpus, min(seconds, 0.5), burning)}


def _in_a_process(case, beside, variant, cpus, seconds):
    words = [sys.executable, __file__, '--one', '--case', case, '--beside',
             str(beside), '--variants', variant, '--seconds', str(seconds)]
    if cpus:
        words += ['--cpus', ','.join(map(str, cpus))]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f'{case} beside {beside}, {variant}: '
                 f'{done.stderr.strip() or done.returncode}')
    return json.loads(done.stdout)


def _middle(rows, key):
    values = [row[key] for row in rows if row.get(key) is not None]
    return statistics.median(values) if values else float('nan')


def _show(rows):
    row = rows[0]
    print(f'{row["case"]:10} beside {row["beside"]:2} {row["variant"]:16}'
          f'{_middle(rows, "per_s"):10.0f}/s  p50 {_middle(rows, "p50_us"):8.0f}'
          f'  p99 {_middle(rows, "p99_us"):8.0f}'
          f'  max {_middle(rows, "max_us"):8.0f} us'
          f'  keep {_middle(rows, "kept"):4.0f} %'
          f'  spread {_middle(rows, "spread"):4.2f}', flush=True)


def _parser():
    parser = options.Parser(
        description=__doc__,
        formatter_class=options.argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--case', choices=CASES, action='append',
                        help='only these; all by default')
    parser.add_argument('--beside', type=int, action='append', metavar='N',
                        help='so many CPU-bound threads; 1 and 2 by default')
    parser.add_argument('--variants', '--classes', choices=variants.NAMES,
                        action='append', metavar='NAME',
                        help='only these; all by default: '
                        + ', '.join(variants.NAMES))
    parser.add_argument('--repetitions', type=options.count, default=3)
    parser.add_argument('--cpus', type=options.cpu_list, default=[],
                        metavar='LIST', help='pin the threads; else free')
    parser.add_argument('--seconds', type=options.duration, default=1)
    parser.add_argument('--json', action='store_true')
    parser.add_argument('--one', action='store_true',
                        help=options.argparse.SUPPRESS)
    return parser


def main():
    """Run what the command line says, the variants in turn."""
    given = _parser().parse_args()
    if given.one:
        print(json.dumps(measure_one(given.case[0], given.beside[0],
                                     given.variants[0], given.cpus,
                                     given.seconds)))
        return
    for case in given.case or CASES:
        for beside in given.beside or [1, 2]:
            rows = {name: [] for name in given.variants or variants.NAMES}
            for _ in range(given.repetitions):
                for name in rows:
                    rows[name].append(_in_a_process(
                        case, beside, name, given.cpus, given.seconds))
                    if given.json:
                        print(json.dumps(rows[name][-1]), flush=True)
            if not given.json:
                for name in rows:
                    _show(rows[name])


if __name__ == '__main__':
    options.run(main)
