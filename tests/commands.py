# SPDX-License-Identifier: MIT
"""Commands that may hang."""
import os
import shlex
import signal
import subprocess


class Hang(Exception):
    """A command did not end in time."""


def run(*command, limit, **options):
    """Run a command in a session of its own; what it printed, and its status.

    Everything that it started is killed with it after limit seconds: Hang.
    """
    command = [str(word) for word in command]
    options = {'stdin': subprocess.DEVNULL, 'stdout': subprocess.PIPE,
               'stderr': subprocess.STDOUT, **options}
    with subprocess.Popen(command, start_new_session=True,
                          **options) as process:
        try:
            output, errors = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output = process.communicate()[0] or b''
            words = output.decode('utf-8', 'replace')[-2000:]
            raise Hang(f'hangs: {shlex.join(command)}: not done after '
                       f'{limit} seconds; it had printed:\n{words}') from None
    return subprocess.CompletedProcess(command, process.returncode, output,
                                       errors)
