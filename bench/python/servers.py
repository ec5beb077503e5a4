# SPDX-License-Identifier: MIT
"""A threaded HTTP server on the loopback, until SIGTERM.

Prints the port that it listens on.  Every answer is the same 1 kB.
"""

import contextlib
import http.server
import functools
import importlib.util
import json
import logging
import os
import queue
import signal
import socket
import socketserver
import sys
import threading

import options
from threads import own_clock, reading
from works import Burner

ADDRESS = '127.0.0.1', 0
WORKERS = 16
BACKLOG = 1024
POLL = 0.1  # seconds until a standard server notices that it is to end
BODY = b'pyplusthread\n' * 79


def _until_sigterm(run, stop):
    """Run; at SIGTERM another thread stops it.

    An exception, raised wherever run is, may leave a lock of a queue taken.
    """
    def end(_number, _frame):
        threading.Thread(target=stop).start()

    signal.signal(signal.SIGTERM, end)
    run()


def _burn(burner):
    burner.clocks += own_clock()
    burner.burn()


def _answer(channel, burners):
    """Answer each byte with a line of JSON: a reading of the burners."""
    with socket.socket(fileno=channel) as asks:
        while asks.recv(1):
            line = json.dumps(vars(reading(burners)))
            asks.sendall(line.encode() + b'\n')


@contextlib.contextmanager
def _burning(count, channel):
    """So many CPU-bound threads, and one that answers on the channel."""
    burners = [Burner() for _ in range(count)]
    threads = [threading.Thread(target=_burn, args=(burner,), daemon=True)
               for burner in burners]
    for thread in threads:
        thread.start()
    if channel is not None:
        threading.Thread(target=_answer, args=(channel, burners),
                         daemon=True).start()
    try:
        yield
    finally:
        for burner in burners:
            burner.stop()
        for thread in threads:
            thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    """HTTP/1.0: each connection is closed after its answer."""

    wbufsize = -1  # head and body in one packet

    def do_GET(self):
        """Answer."""
        self.send_response(200)
        self.send_header('Content-Type', 'text/plain')
        self.send_header('Content-Length', str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, format, *args):
        """Nothing: it would be one line for each request."""


class _KeepAliveHandler(_Handler):
    """HTTP/1.1."""

    protocol_version = 'HTTP/1.1'


class _Server(http.server.HTTPServer):
    """Says nothing of clients that went away: their time was over."""

    request_queue_size = BACKLOG

    def serve(self):
        """Until SIGTERM."""
        _until_sigterm(lambda: self.serve_forever(POLL), self.shutdown)

    def server_bind(self):
        """Without asking for the host's name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address

    def handle_error(self, request, client_address):
        """As always, but see above."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Pool(_Server):
    """The main thread accepts; a queue feeds the threads that answer."""

    def __init__(self):
        super().__init__(ADDRESS, _Handler)
        self.connections = queue.Queue()
        self.workers = [threading.Thread(target=self._work, daemon=True)
                        for _ in range(WORKERS)]
        for worker in self.workers:
            worker.start()

    def process_request(self, request, client_address):
        """Leave it to whoever is free."""
        self.connections.put((request, client_address))

    def _work(self):
        for connection in iter(self.connections.get, None):
            try:
                self.finish_request(*connection)
            except Exception:
                self.handle_error(*connection)
            finally:
                self.shutdown_request(connection[0])

    def server_close(self):
        """Answer what is in the queue, then end."""
        super().server_close()
        for _ in self.workers:
            self.connections.put(None)
        for worker in self.workers:
            worker.join()


class _Threading(_Server, http.server.ThreadingHTTPServer):
    """A thread for each connection."""

    def __init__(self):
        super().__init__(ADDRESS, _KeepAliveHandler)


@contextlib.contextmanager
def pool():
    """The port of a pool that serves meanwhile, in this process."""
    with _Pool() as server:
        thread = threading.Thread(target=server.serve_forever, args=(POLL,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def _application(_environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain'),
                              ('Content-Length', str(len(BODY)))])
    return [BODY]


@contextlib.contextmanager
def _standard(server_type):
    with server_type() as server:
        yield server.server_port, server.serve


@contextlib.contextmanager
def _waitress():
    import waitress
    # It warns of a queue that is as long as it is meant to be.
    logging.getLogger('waitress').setLevel(logging.ERROR)
    host, port = ADDRESS
    sockets = {}  # it runs while there are some
    server = waitress.create_server(
        _application, map=sockets, host=host, port=port, threads=WORKERS,
        backlog=BACKLOG, connection_limit=BACKLOG)

    def stop():
        server.trigger.pull_trigger(sockets.clear)

    with contextlib.closing(server):
        yield server.effective_port, lambda: _until_sigterm(server.run, stop)
        server.task_dispatcher.shutdown()


def _listening():
    listener = socket.socket()
    listener.bind(ADDRESS)
    listener.listen(BACKLOG)
    return listener


def _unraisable(unraisable):
    if not isinstance(unraisable.exc_value, OSError):
        sys.__unraisablehook__(unraisable)


@contextlib.contextmanager
def _cheroot():
    import cheroot.wsgi
    # Its files of clients that went away say so when collected (11.1).
    sys.unraisablehook = _unraisable
    server = cheroot.wsgi.Server(ADDRESS, _application, numthreads=WORKERS,
                                 request_queue_size=BACKLOG)
    server.prepare()
    try:
        yield (server.bind_addr[1],
               lambda: _until_sigterm(server.serve, server.stop))
    finally:
        server.stop()


@contextlib.contextmanager
def _gunicorn(burning):
    """One worker process, forked, where the CPU-bound threads are, too."""
    from gunicorn.app.base import BaseApplication
    from gunicorn.config import make_settings

    class Application(BaseApplication):
        def load_config(self):
            for name, value in settings.items():
                if name in known:
                    self.cfg.set(name, value)

        def load(self):
            return _application

    def post_fork(_server, _worker):
        kept.enter_context(burning())

    listener = _listening()
    port = listener.getsockname()[1]
    with contextlib.ExitStack() as kept:
        known = make_settings()  # the newest of these is of gunicorn 25
        settings = {'bind': f'fd://{listener.detach()}', 'workers': 1,
                    'worker_class': 'gthread', 'threads': WORKERS,
                    'backlog': BACKLOG, 'loglevel': 'critical',
                    'graceful_timeout': 1, 'control_socket_disable': True,
                    'post_fork': post_fork}
        yield port, Application().run


@contextlib.contextmanager
def _asgi():
    """An application whose endpoint is not async: it runs in a thread."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    def endpoint(_request):
        return PlainTextResponse(BODY)

    server = uvicorn.Server(uvicorn.Config(
        Starlette(routes=[Route('/', endpoint)]), log_level='critical',
        lifespan='off', timeout_graceful_shutdown=1))
    with _listening() as listener:
        yield (listener.getsockname()[1],
               lambda: server.run(sockets=[listener]))


SERVERS = {
    'pool': lambda: _standard(_Pool),
    'threading': lambda: _standard(_Threading),
    'waitress': _waitress,
    'cheroot': _cheroot,
    'asgi': _asgi,
}

# These fork: they start the CPU-bound threads themselves.
FORKING = {'gunicorn': _gunicorn}

NAMES = *SERVERS, *FORKING

# {server: what has to be installed for it}
PACKAGES = {'waitress': ('waitress',), 'cheroot': ('cheroot',),
            'asgi': ('uvicorn', 'starlette'), 'gunicorn': ('gunicorn',)}


def lacks(name):
    """Whether packages for that server have to be installed first."""
    return any(importlib.util.find_spec(package) is None
               for package in PACKAGES.get(name, ()))


def _end_with_stdin():
    """Whoever started this holds its other end: no server outlives him."""
    while os.read(0, 1):
        pass
    os._exit(1)


def _end(_number, _frame):
    sys.exit()


@contextlib.contextmanager
def _server(name, burning):
    if name in FORKING:
        with FORKING[name](burning) as server:
            yield server
    else:
        with burning(), SERVERS[name]() as server:
            yield server


def main():
    """Serve."""
    parser = options.Parser(description=__doc__)
    parser.add_argument('server', choices=NAMES)
    parser.add_argument('--burners', type=options.number, default=0,
                        metavar='N',
                        help='CPU-bound threads in the same process')
    parser.add_argument('--channel', type=options.number, metavar='FD',
                        help='a socket: for each byte that comes, say there '
                        'what was spent')
    parser.add_argument('--switch-interval', type=options.duration,
                        metavar='SECONDS', help="the interpreter's own by "
                        'default')
    parser.add_argument('--until-stdin-ends', action='store_true',
                        help='end also when the standard input does')
    arguments = parser.parse_args()

    if arguments.switch_interval:
        sys.setswitchinterval(arguments.switch_interval)
    signal.signal(signal.SIGTERM, _end)
    if arguments.until_stdin_ends:
        # A Ctrl-C is for whoever started this.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    burning = functools.partial(_burning, arguments.burners,
                                arguments.channel)
    with _server(arguments.server, burning) as (port, serve):
        print(port, flush=True)
        serve()


if __name__ == '__main__':
    options.run(main)
