"""Runs pptbench and hyperfine, and leaves no process behind."""

import contextlib
import json
import os
import signal
import subprocess

GRACE = 60  # seconds a run may take beyond what it was asked for


class Failure(Exception):
    """A program did not do what it was asked for."""


def _kill_group(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run(command, timeout):
    """The standard output of command, which runs in a group of its own."""
    with subprocess.Popen(command, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True,
                          start_new_session=True) as process:
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
    return out


class Pptbench:
    """The program, and everything that it said."""

    def __init__(self, path):
        self.path = path
        self.impls = {}
        self.absent = []
        self.raw = []
        listing = subprocess.run([path, 'list', '--json'], check=True,
                                 capture_output=True, text=True)
        for line in listing.stdout.splitlines():
            impl = json.loads(line)
            self.impls[impl['impl']] = impl
        self.absent = listing.stderr.splitlines()

    def has(self, impl, command):
        """Whether impl is there and can do command."""
        return command in self.impls.get(impl, {}).get('commands', ())

    def measure(self, command, impl, cpus, *options, seconds=None):
        """The result of one run, a dictionary."""
        arguments = [self.path, command, '--impl', impl, '--json',
                     '--cpus', cpus, *options]
        if seconds is not None:
            arguments += ['--seconds', str(seconds)]
        out = run(arguments, GRACE + 6 * (seconds or 10))
        result = json.loads(out)
        self.raw.append(result)
        return result


def hyperfine(commands, runs, export):
    """Time commands, {name: [argument...]}; return {name: [seconds...]}."""
    arguments = ['hyperfine', '--style', 'none', '--runs', str(runs),
                 '--export-json', export]
    for name, command in commands.items():
        arguments += ['--command-name', name, command]
    run(arguments, 600)
    with open(export, encoding='utf-8') as file:
        results = json.load(file)['results']
    return {result['command']: result['times'] for result in results}
