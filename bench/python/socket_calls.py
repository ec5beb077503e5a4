# SPDX-License-Identifier: MIT
"""What a server's socket calls cost, alone and beside a CPU-bound thread.

Each lets go of the GIL, and gets it back inside CPython.  The calls are those
of a connection that is accepted, answered once, and closed.  None of them has
to wait here, but for the first, a poll that ends after 1 ms in vain.  Before
it the thread waits for an Event, as a server's threads wait for a queue: that
is not timed.
"""

import platform
import select
import socket
import statistics
import time

import options
import variants
from threads import Work, measure
from works import Burner

CALLS = 'wait', 'poll', 'accept', 'recv', 'send', 'shutdown', 'close'


class Connections(Work):
    """One thread makes connections to itself; `times` has what calls took."""

    def __init__(self, module, cpus=()):
        super().__init__(cpus)
        self.module = module
        self.times = {call: [] for call in CALLS}

    def bodies(self):
        return [self.serve]

    def serve(self):
        """One connection after another."""
        with socket.create_server(('127.0.0.1', 0)) as listener:
            poll = select.poll()
            poll.register(listener, select.POLLIN)
            while not self.stopped:
                self.module.Event().wait(0.0001)
                self._timed('wait', poll.poll, 1)
                self._serve_one(listener, poll)
                self.done += 1

    def _serve_one(self, listener, poll):
        with socket.create_connection(listener.getsockname()) as client:
            client.sendall(b'?')
            self._timed('poll', poll.poll)
            connection, _ = self._timed('accept', listener.accept)
            with connection:
                self._timed('recv', connection.recv, 1)
                self._timed('send', connection.send, b'!')
                self._timed('shutdown', connection.shutdown, socket.SHUT_WR)
                self._timed('close', connection.close)

    def _timed(self, call, function, *arguments):
        begin = time.perf_counter_ns()
        result = function(*arguments)
        self.times[call].append(time.perf_counter_ns() - begin)
        return result


def _means_us(module, cpus, burners, seconds):
    work = Connections(module, cpus)
    measure([work] + [Burner() for _ in range(burners)], seconds)
    return {call: statistics.fmean(times) / 1000
            for call, times in work.times.items()}


def socket_calls(name, cpus, seconds):
    """One variant's mean time of each call, in microseconds."""
    with variants.active(name) as module:
        alone = _means_us(module, cpus, 0, seconds)
        beside = _means_us(module, cpus, 1, seconds)
    return {'benchmark': 'socket-calls', 'variant': name,
            'cpus': ','.join(map(str, cpus)) or 'free',
            'python': platform.python_version(), 'seconds': seconds,
            **{f'{call}_us': alone[call] for call in CALLS},
            **{f'{call}_us_beside_1': beside[call] for call in CALLS}}


def _print_table(results):
    first = next(iter(results.values()))[0]
    print(f'CPython {first["python"]}, CPUs {first["cpus"]}: us, alone and '
          'beside 1 CPU-bound thread')
    print(' ' * 15, *(call.rjust(13) for call in CALLS), sep='  ')
    for name, rows in results.items():
        medians = {key: statistics.median(row[key] for row in rows)
                   for key in first if '_us' in key}
        pairs = [(medians[f'{call}_us'], medians[f'{call}_us_beside_1'])
                 for call in CALLS]
        print(name.ljust(15), *(f'{alone:.1f} {beside:.0f}'.rjust(13)
                                for alone, beside in pairs), sep='  ')


def main():
    """Run what the command line says, the variants in turn."""
    options.compare(__doc__, 0.5, socket_calls, _print_table)


if __name__ == '__main__':
    options.run(main)
