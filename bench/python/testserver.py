# SPDX-License-Identifier: MIT
"""Threaded HTTP servers under load, as in PythonPlus's testserver.

Each server is a process of its own, without the package (stock, with either
switch interval), run by python -m pyplusthread --gil-only (stock-priority), or
patched (native-priority); ab and wrk send it requests, 1, 10 and 100 at a
time, alone and beside CPU-bound threads in its process.  The scheduler chooses
the CPUs.
"""

import argparse
import contextlib
import http.client
import itertools
import json
import os
import platform
import select
import signal
import socket
import subprocess
import sys
import time

import clients
import options
import servers
import variants
from apart import COMPARED

SCRIPT = servers.__file__
HOST = servers.ADDRESS[0]
PARALLEL = 1, 10, 100
BURNERS = 0, 1, 2
PATIENCE = 20  # seconds in which a server starts, answers once, ends
MODULE = '-m', 'pyplusthread'
RUNNERS = {'stock-priority': (*MODULE, '--gil-only'),
           'native-priority': MODULE}
ALONE = 0.3  # seconds that CPU-bound threads are measured undisturbed
TEXT = ('{server}, {burners} CPU-bound, {variant}, {client} -c {parallel}: '
        '{requests_per_s:.0f}/s, p50 {p50_ms:.2f} ms, p99 {p99_ms:.2f} ms, '
        'max {max_ms:.1f} ms, CPU {cpu_us_per_op:.0f} us/request')
KEPT = ', keep {kept:.0f} %, spread {spread:.2f}'


class ServerError(Exception):
    """A server does not start, answer, or end as it should."""


def _port(process):
    """What the server says that it listens on."""
    if not select.select([process.stdout], [], [], PATIENCE)[0]:
        raise ServerError(f'does not start within {PATIENCE} s')
    line = process.stdout.readline()
    if not line:
        raise ServerError('does not start')
    return int(line)


def _ping(port):
    """Wait for the first answer."""
    deadline = time.monotonic() + PATIENCE
    while True:
        connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE)
        try:
            connection.request('GET', '/')
            return connection.getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            if time.monotonic() > deadline:
                raise ServerError(f'does not answer: {error}') from None
            time.sleep(0.05)
        finally:
            connection.close()


def end(process, name):
    """Ask it to; where it does not, say so: its figures are not lost."""
    process.terminate()
    try:
        how = f'ended, status {process.wait(PATIENCE)}'
    except subprocess.TimeoutExpired:
        process.kill()
        how = f'killed, since it did not end within {PATIENCE} s'
    if process.wait() != 0:
        print(f'testserver.py: {name}: {how}', file=sys.stderr, flush=True)


class _Meter:
    """What the server's process spends, and its CPU-bound threads do."""

    def __init__(self, channel):
        self.channel = channel
        self.channel.settimeout(PATIENCE)
        self.lines = channel.makefile()

    def read(self):
        """The clocks and counts of now."""
        try:
            self.channel.sendall(b'?')
            return json.loads(self.lines.readline())
        except (OSError, ValueError) as error:
            raise ServerError(f'does not say what it spends: {error}'
                              ) from None

    def alone(self):
        """How fast the CPU-bound threads are while nobody asks the server."""
        before = self.read()
        if not before['done']:
            return None
        time.sleep(ALONE)
        return sum(_speeds(before, self.read()))


def _speeds(before, after):
    """Of each CPU-bound thread, per second."""
    return [(done - was) / (after['at'] - before['at'])
            for was, done in zip(before['done'], after['done'])]


def _spent(before, after, requests, alone):
    """Per request, and what the CPU-bound threads had of what they can."""
    own = ((after['cpu_ns'] - sum(after['spent_ns']))
           - (before['cpu_ns'] - sum(before['spent_ns'])))
    spent = {'cpu_us_per_op': own / requests / 1000}
    if alone is not None:
        speeds = _speeds(before, after)
        spent['kept'] = 100 * sum(speeds) / alone
        spent['spread'] = min(speeds) / max(speeds)
    return spent


def _command(server, variant, burners, *more):
    interval = variants.VARIANTS[variant].interval
    return [sys.executable, '-B', *RUNNERS.get(variant, ()), SCRIPT, server,
            '--burners', str(burners), '--until-stdin-ends',
            *more, *(('--switch-interval', str(interval)) if interval else ())]


@contextlib.contextmanager
def serving(server, variant, burners=0):
    """The port of a server that runs meanwhile, and its meter."""
    name = f'{server}, {variant}'
    own, channel = socket.socketpair()
    with own, channel, subprocess.Popen(
            _command(server, variant, burners,
                     '--channel', str(channel.fileno())),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            pass_fds=[channel.fileno()],
            env={**os.environ, 'PYPLUSTHREAD': '1',
                 'PYPLUSTHREAD_GIL_PRIORITY': 'on'}) as process:
        channel.close()
        try:
            port = _port(process)
            _ping(port)
            yield port, _Meter(own)
            end(process, name)
        except (ServerError, clients.ClientError) as error:
            status = process.poll()
            reason = error if status is None else f'ended, status {status}'
            raise ServerError(f'{name}: {reason}') from None
        finally:
            process.kill()


def _results(arguments):
    """A dictionary for each run, the variants in turn."""
    for server, burners, variant in itertools.product(
            arguments.server or servers.NAMES,
            arguments.burner or BURNERS, arguments.variants or COMPARED):
        with serving(server, variant, burners) as (port, meter):
            alone = meter.alone()
            for client, parallel in itertools.product(
                    arguments.client or clients.CLIENTS,
                    arguments.parallel or PARALLEL):
                before = meter.read()
                answers = clients.run(client, f'http://{HOST}:{port}/',
                                      parallel, arguments.seconds)
                spent = _spent(before, meter.read(), answers.requests, alone)
                yield {'server': server, 'client': client,
                       'parallel': parallel, 'burners': burners,
                       'variant': variant, 'cpus': 'free',
                       'python': platform.python_version(),
                       'seconds': arguments.seconds, **vars(answers),
                       **spent}


def _check(arguments):
    """Say what has to be installed first."""
    for variant in arguments.variants or COMPARED:
        reason = variants.obstacle(variant)
        if reason is not None:
            sys.exit(f'testserver.py: {variant}: {reason}')
    for server in arguments.server or servers.NAMES:
        if servers.lacks(server):
            sys.exit(f'testserver.py: no {server}: pip install '
                     + ' '.join(servers.PACKAGES[server]))
    for client in arguments.client or clients.CLIENTS:
        package = clients.lacks(client)
        if package is not None:
            sys.exit(f'testserver.py: no {client}: apt-get install {package}')


def _parser():
    parser = options.Parser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, more in {
            '--server': {'choices': servers.NAMES},
            '--client': {'choices': clients.CLIENTS},
            '--parallel': {'type': options.count, 'metavar': 'N'},
            '--burner': {'type': options.number, 'metavar': 'N'}}.items():
        parser.add_argument(name, action='append', **more,
                            help='only these; all by default')
    parser.add_argument('--variants', '--classes', choices=COMPARED,
                        action='append', metavar='NAME',
                        help='only these; all by default: '
                        + ', '.join(COMPARED))
    parser.add_argument('--seconds', type=options.count, default=2,
                        metavar='N', help='how long a run lasts, a whole '
                        'number; %(default)s by default')
    parser.add_argument('--json', action='store_true',
                        help='print a JSON object for each run')
    return parser


def _text(result):
    form = TEXT + KEPT if 'kept' in result else TEXT
    return form.format_map(result)


def _interrupt(_number, _frame):
    raise KeyboardInterrupt


def main():
    """Run what the command line says; print a line for each run."""
    arguments = _parser().parse_args()
    _check(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        for result in _results(arguments):
            print(json.dumps(result) if arguments.json
                  else _text(result), flush=True)
    except ServerError as error:
        sys.exit(f'testserver.py: {error}')


if __name__ == '__main__':
    options.run(main)
