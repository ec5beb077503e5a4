"""A web server beside a thread that computes, in one process.

    python web_server.py [--port 8000]
    python web_server.py --measure 200

The computing thread counts primes; the server answers with how many it has
found.  With stock Python each system call of an answer may wait 5 ms for the
computing thread to let go of the GIL.  With the import of pyplusthread a
thread that comes back from a system call goes first.

--measure sends requests from another process, first with the GIL as stock
Python has it, then with threads back from blocking calls first, and prints
how long the answers took and how far the computing thread has come.

Part of pyplusthread.  SPDX-License-Identifier: MIT
"""
import argparse
import http.server
import subprocess
import sys
import threading
import time

import pyplusthread

CLIENT = """
import sys, time, urllib.request
url, n = sys.argv[1], int(sys.argv[2])
for _ in range(n):
    begin = time.perf_counter()
    with urllib.request.urlopen(url, timeout=60) as answer:
        assert answer.status == 200 and answer.read()
    print(time.perf_counter() - begin)
"""


class Primes(threading.Thread):
    """Counts them, for as long as the process lives."""

    def __init__(self):
        super().__init__(daemon=True)
        self.found = 0

    def run(self):
        number = 2
        while True:
            if all(number % i for i in range(2, int(number ** 0.5) + 1)):
                self.found += 1
            number += 1


class Handler(http.server.BaseHTTPRequestHandler):

    def do_GET(self):
        body = f'{self.server.primes.found} primes\n'.encode()
        self.send_response(200)
        self.send_header('Content-Type', 'text/plain')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):

    def __init__(self, port):
        super().__init__(('127.0.0.1', port), Handler)
        self.primes = Primes()
        self.primes.start()


def measure(server, requests):
    """Print how long so many requests take."""
    url = 'http://127.0.0.1:{}/'.format(server.server_address[1])
    begin, found = time.perf_counter(), server.primes.found
    done = subprocess.run(
        [sys.executable, '-c', CLIENT, url, str(requests)],
        check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    took = sorted(map(float, done.stdout.split()))
    print(f'{len(took)} answers, median {1000 * took[len(took) // 2]:.1f} ms, '
          f'slowest {1000 * took[-1]:.1f} ms; '
          f'{(server.primes.found - found) / seconds:.0f} primes a second')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--port', type=int, default=8000)
    parser.add_argument('--measure', type=int, metavar='REQUESTS')
    options = parser.parse_args()
    if options.measure is None:
        server = Server(options.port)
        print(f'listening on http://127.0.0.1:{options.port}/')
        server.serve_forever()
    server = Server(0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, first in [('stock', False), ('priority', True)]:
        pyplusthread.set_gil_priority(first)
        print(f'{name}:', end=' ')
        measure(server, options.measure)


if __name__ == '__main__':
    main()
