# SPDX-License-Identifier: MIT
"""Do the same to an object of threading's and to one of ours, and log it."""
import threading


def same(body, impl):
    """What body(module, log) returns, and logs, is the same for both."""
    outcomes = []
    for module in threading, impl:
        log = []
        try:
            result = body(module, log)
        except Exception as error:
            result = type(error), str(error)
        outcomes.append((result, log))
    assert outcomes[1] == outcomes[0]
    return outcomes[1]


def logged(log, name, function=lambda *args: None):
    def method(*args):
        log.append((name, args))
        return function(*args)
    return method


class Logged:
    """A condition that logs what is asked of it."""

    def __init__(self, cond, log):
        self._cond = cond
        self._log = log

    def __enter__(self):
        self._log.append('enter')
        return self._cond.__enter__()

    def __exit__(self, *args):
        self._log.append('exit')
        return self._cond.__exit__(*args)

    def wait(self, timeout=None):
        self._log.append('wait')
        return self._cond.wait(timeout)

    def notify(self, n=1):
        self._log.append(f'notify({n})')
        self._cond.notify(n)

    def notify_all(self):
        self._log.append('notify_all')
        self._cond.notify_all()
