# SPDX-License-Identifier: MIT
"""Runs the scripts of bench/python."""

import json
import os
import shlex
import tempfile

from process import run

GRACE = 60  # seconds a run may take beyond what it was asked for
PREFIX = shlex.split(os.environ.get('PPT_BENCH_PREFIX', ''))
PATIENCE = 3600 if PREFIX else 0  # the same, where PREFIX waits for something
NS = 1e9


class Pybench:
    """The scripts under one Python, and everything that they said."""

    def __init__(self, python, scripts, cpu):
        self.python = python
        self.scripts = scripts
        self.cpu = cpu
        self.raw = []

    def _run(self, script, *arguments, seconds):
        return run([*PREFIX, self.python, '-B',
                    os.path.join(self.scripts, script), *arguments],
                   PATIENCE + GRACE + 2 * seconds)

    def threaded(self, script, *arguments, kind, cpus, seconds):
        """The result of one run, a dictionary."""
        result = self._threaded(script, *arguments, '--classes', kind,
                                '--cpus', cpus, seconds=seconds)
        self.raw.append(result)
        return result

    def _threaded(self, script, *arguments, seconds):
        return json.loads(self._run(script, *arguments, '--seconds',
                                    str(seconds), '--json',
                                    seconds=10 * seconds))

    def variants(self):
        """{variant: None, or why it is not possible}."""
        return json.loads(self._run('variants.py', seconds=1))

    def timeline(self, variant, cpus, seconds):
        """Who had the GIL when; too long for `raw`."""
        return self._threaded('timeline.py', '--variants', variant,
                              '--cpus', cpus, seconds=seconds)

    def served(self, server, client, parallel, *, variant, burners, seconds):
        """The results of a server under each of those loads."""
        loads = [word for n in parallel for word in ('--parallel', str(n))]
        out = self._run('testserver.py', '--server', server,
                        '--client', client, *loads,
                        '--burner', str(burners), '--variants', variant,
                        '--seconds', str(seconds), '--json',
                        seconds=len(parallel) * seconds)
        results = [json.loads(line) for line in out.splitlines()]
        self.raw += results
        return results

    def uncontended(self, values):
        """{title: {classes: [ns...]}} of one pyperf worker for each."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'pyperf.json')
            pin = ['--affinity', str(self.cpu)] if self.cpu is not None else []
            self._run('uncontended.py', '--quiet', '--processes', '1',
                      '--warmups', '1', '--values', str(values),
                      '--min-time', '0.01', *pin, '--output', path,
                      seconds=120)
            with open(path, encoding='utf-8') as file:
                suite = json.load(file)
        self.raw.append({'pyperf': suite})
        results = {}
        for benchmark in suite['benchmarks']:
            title, _, kind = benchmark['metadata']['name'].partition(': ')
            results.setdefault(title, {})[kind] = [
                NS * value for value in benchmark['runs'][-1]['values']]
        return results
