# SPDX-License-Identifier: MIT
"""Runs pptbench and hyperfine."""

import json
import subprocess

from process import run

GRACE = 60  # seconds a run may take beyond what it was asked for


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


def _times(result):
    """{name: [seconds...]} of a command, from hyperfine 1 or 2."""
    if 'times' in result:
        return {result['command']: result['times']}
    return {result['name']: [measurement['time_wall_clock']['value']
                             for measurement in result['measurements']]}


def hyperfine(commands, runs, export):
    """Time commands, {name: [argument...]}; return {name: [seconds...]}."""
    arguments = ['hyperfine', '--style', 'none', '--runs', str(runs),
                 '--export-json', export]
    for name, command in commands.items():
        arguments += ['--command-name', name, command]
    run(arguments, 600)
    with open(export, encoding='utf-8') as file:
        results = json.load(file)['results']
    return {name: times for result in results
            for name, times in _times(result).items()}
