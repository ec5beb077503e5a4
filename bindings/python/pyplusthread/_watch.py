# SPDX-License-Identifier: MIT
"""Observing a program from its begin to its end, whatever that is.

python -m pyplusthread has tools, each of which makes something of what was
observed: a report, a trace.  They begin before the program does, and show it
when the process ends: by the end of the script, an exception, sys.exit(),
os._exit(), Ctrl-C, SIGTERM or SIGHUP.  A forked child has a part of its own.

Whatever goes wrong in a tool is one line on stderr: the program goes on, and
has its own exit status.
"""
import _thread
import atexit
import os
import shutil
import signal
import sys

from . import _core, _events, _stats

PROGRAM = 'python -m pyplusthread'

# These end a process that has no handlers for them.
SIGNALS = [signal.SIGTERM, signal.SIGHUP]


def _stderr_is():
    """Which file it is; None if it is closed."""
    try:
        found = os.fstat(2)
    except OSError:
        return None
    return found.st_dev, found.st_ino


_stderr_was = _stderr_is()


def _is_taken():
    """Whether a file of the program has got the number of stderr.

    A program that puts another file in its place, by dup2(), means that; one
    that closes it finds the number at the next file that it opens, which,
    unlike any stderr, children do not inherit.
    """
    return _stderr_is() != _stderr_was and not os.get_inheritable(2)


def say(text):
    """One write, as several processes may have the same stderr."""
    stream = sys.__stderr__
    try:
        if not _is_taken():
            stream.write(text if text.endswith('\n') else text + '\n')
            stream.flush()
    except (AttributeError, OSError, ValueError):
        pass  # it is closed


def complain(what):
    say(f'{PROGRAM}: {what}')


class Output:
    """A file to be written at the end; children have files of their own."""

    def __init__(self, path):
        self._pid = os.getpid()
        self._given = path
        self._path = os.path.abspath(path)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o666))

    @property
    def path(self):
        if os.getpid() == self._pid:
            return self._path
        base, extension = os.path.splitext(self._path)
        return f'{base}-{os.getpid()}{extension}'

    def write(self, parts):
        """The parts of its text; what cannot be written is one line."""
        try:
            if _is_special(self.path):
                _write(self.path, parts)
            else:
                _replace(os.path.realpath(self.path), parts)
        except OSError as error:
            complain(f"can't write {self.path!r}: {error.strerror or error}")
            return False
        return True


def _is_special(path):
    """A device, a pipe, or what is open already: it is not replaced."""
    return path.startswith(('/dev/', '/proc/')) or (
        os.path.exists(path) and not os.path.isfile(path))


def _write(path, parts):
    with open(path, 'w', encoding='utf-8',
              errors='backslashreplace') as file:
        file.writelines(parts)


def _replace(path, parts):
    """Who ends us meanwhile leaves the file as it was, not a part of it."""
    beside = f'{path}.{os.getpid()}.tmp'
    try:
        os.close(os.open(beside, os.O_CREAT | os.O_EXCL, 0o666))
    except OSError:     # the folder may not be written, but the file may
        return _write(path, parts)
    try:
        _write(beside, parts)
        if os.path.exists(path):
            shutil.copymode(path, beside)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise


def _try(function, *arguments):
    """What goes wrong in it is one line, and ends nothing else."""
    try:
        function(*arguments)
    except Exception as error:
        complain(f'{type(error).__name__}: {error}')


class Watch:
    """Calls begin() and end(), where there are, and show(snapshot) of tools.

    It shows at the end, and whenever a signal comes, if one is given.  Where
    the GIL cannot be observed, only of those that do not need it, with None.
    The snapshot has, besides what _stats knows, a story of as many of the last
    events as the tools want, and how many of those before are missing.
    """

    def __init__(self, tools, signal=None):
        self._tools = tools
        self._signal = signal
        self._done = set()      # the processes that have finished
        self._make_lock()

    def _make_lock(self):
        self._lock = _thread.allocate_lock()    # of who shows

    def begin(self):
        _stats._begin()     # whatever the program does with observe_gil()
        if _stats.snapshot() is None:
            complain('the GIL cannot be observed: '
                     + _stats.gil_stats()['reason'])
            self._tools = [tool for tool in self._tools
                           if not getattr(tool, 'needs_gil', True)]
        if not self._tools:
            return
        _core._gil_keep_events(max(tool.events for tool in self._tools))
        self._for_each_tool('begin')
        os.register_at_fork(after_in_child=self._make_lock)
        if self._signal is not None:
            signal.signal(self._signal, self._on_request)
        atexit.register(self.finish)
        self._finish_before_exit()
        for number in SIGNALS:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, self._on_signal)

    def finish(self):
        pid = os.getpid()
        if pid in self._done:
            return
        self._done.add(pid)
        self._do(self._finish)

    def _do(self, function):
        with self._lock:
            _try(function)

    def _finish(self):
        self._for_each_tool('end')
        self._show()

    def _for_each_tool(self, method):
        for tool in self._tools:
            _try(getattr(tool, method, int))

    def _show_meanwhile(self):
        _core._gil_name('pyplusthread report')
        self._show()

    def _show(self):
        snapshot = _stats.snapshot()
        if snapshot is not None:
            snapshot.missing, packed = _core._gil_events()
            snapshot.story = _events.Story(packed)
        for tool in self._tools:
            _try(tool.show, snapshot)

    def _finish_before_exit(self):
        exit = os._exit

        def _exit(status):
            self.finish()
            exit(status)

        _exit.__doc__ = exit.__doc__
        os._exit = _exit

    def _on_request(self, _number, _frame):
        """Whatever the main thread was doing, it goes on."""
        try:
            _thread.start_new_thread(self._do, (self._show_meanwhile,))
        except RuntimeError as error:
            complain(str(error))

    def _on_signal(self, number, _frame):
        self.finish()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
