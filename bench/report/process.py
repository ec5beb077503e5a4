# SPDX-License-Identifier: MIT
"""Runs programs, and leaves no process behind."""

import contextlib
import os
import signal
import subprocess
import sys


class Failure(Exception):
    """A program did not do what it was asked for."""


def _kill_group(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run(command, timeout):
    """The standard output of command, which runs in a group of its own.

    What it says on its standard error is passed on.
    """
    with subprocess.Popen(command, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, start_new_session=True) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            _kill_group(process)
            raise Failure(f'no end after {timeout:.0f} s: '
                          + ' '.join(command)) from None
        except BaseException:
            _kill_group(process)
            raise
    if process.returncode != 0:
        raise Failure(f'status {process.returncode}: ' + ' '.join(command)
                      + '\n' + err.strip())
    sys.stderr.write(err)  # warnings
    return out
