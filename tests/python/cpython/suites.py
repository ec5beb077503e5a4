# SPDX-License-Identifier: MIT
"""CPython's own tests: what passes stock passes with the package.

Each module is run in a mode, here and in the child processes that the tests
start (see run.py): "patched", with our types in threading, or "gil-only", with
threading as it is and the GIL scheduled by the package. What does not pass
then is run again: without the package, for whatever fails there too is not
ours; and, in case the machine was merely slow, with it once more. What still
fails has to be in exceptions.txt, with the reason.
"""
import concurrent.futures
import contextlib
import dataclasses
import itertools
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent

SHORT = ['test_thread', 'test_threading', 'test_threading_local',
         'test_threadsignals', 'test_queue', 'test_sched', 'test_fork1']
LONG = ['test_asyncio', 'test_concurrent_futures', 'test_logging',
        'test_socketserver', *SHORT]  # the slowest first

# Those that wait, by whatever means, fork, or end threads.
GIL_SHORT = ['test_thread', 'test_threadsignals', 'test_fork1']
GIL_LONG = ['test_asyncio', 'test_concurrent_futures', 'test_subprocess',
            'test_socket', 'test_ssl', 'test_interpreters',
            'test_socketserver', 'test_threading', 'test_queue', *GIL_SHORT]

# {mode: modules} of each level of run.py.
PLAN = {'quick': {},
        'default': {'patched': SHORT, 'gil-only': GIL_SHORT},
        'all': {'patched': LONG, 'gil-only': GIL_LONG}}

OWN = ['native_lock_tests', 'native_queue_tests']
NEEDED = ['lock_tests', 'support']  # by OWN, and by all others

MODULE_LIMIT = 3000  # seconds


@dataclasses.dataclass
class Result:
    """What became of one test: passed, failed or skipped, and why."""
    test: str
    verdict: str
    text: str = ''
    seconds: float = 0


def exceptions(version, mode):
    """{test: reason} for a version, a pair of numbers, from the list."""
    found = {}
    for line in (HERE / 'exceptions.txt').read_text().splitlines():
        if not line.strip() or line.startswith('#'):
            continue
        test, where, first, last, reason = line.split(maxsplit=4)
        if where in (mode, 'both') and (
                number(first) <= version <= number(last)):
            found[test] = reason
    return found


def number(text):
    """The version as a pair; - is any."""
    if text == '-':
        return (3, 0)
    if text == '+':
        return (3, 999)
    return tuple(map(int, text.split('.')))


class Suite:
    """One module of tests, for one Python."""

    limit = MODULE_LIMIT
    where = None    # the folder to run in; by default a scratch one

    def __init__(self, python, module, folder, env, mode='patched'):
        self.python = python
        self.mode = mode
        self.module = module
        self.folder = folder
        self.env = dict(env, PYTHONPATH=str(HERE))
        self.runs = itertools.count(1)

    def run(self, *options, only=None):
        """{test: Result} of a run, however often a test kills it."""
        found = {}
        while True:
            number = next(self.runs)
            base = self.folder / f'{self.module}-{number}'
            ended, begun, status = self._process(base, options, only, found)
            found.update({result.test: result for result in ended})
            if begun is not None:
                log = base.with_suffix('.log').read_text(errors='replace')
                found[begun] = Result(begun, 'failed',
                                      f'status {status}\n{log[-20000:]}')
                continue
            if status != 0:
                log = base.with_suffix('.log').read_text(errors='replace')
                found[self.module] = Result(
                    self.module, 'failed', f'status {status}\n{log}')
            return found

    def command(self, arguments):
        name = self.module if self.module in OWN else f'test.{self.module}'
        return [self.python, '-B', HERE / 'runner.py', *arguments, name]

    def _process(self, base, options, only, done):
        """([Result], test that was not ended or None, exit status)"""
        out = base.with_suffix('.jsonl')
        arguments = [*options, '--out', out]
        for name, tests in ('only', only), ('skip', done):
            if tests:
                listed = base.with_suffix(f'.{name}')
                listed.write_text('\n'.join(tests))
                arguments += [f'--{name}', listed]
        env = dict(self.env)
        if f'--{self.mode}' in options:
            env['PPT_CHILDREN'] = self.mode
        with open(base.with_suffix('.log'), 'w') as log, scratch() as folder:
            process = subprocess.Popen(
                self.command(arguments), stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, cwd=self.where or folder,
                env=dict(env, TMPDIR=folder), start_new_session=True)
            try:
                status = process.wait(self.limit)
            except subprocess.TimeoutExpired:
                status = 'killed: it took too long'
            finally:
                kill_session(process)
        return *read(out), status

    def list(self, *options):
        """The tests that there are."""
        base = self.folder / f'{self.module}-list{next(self.runs)}'
        listed, _, _ = self._process(base, [*options, '--list'], None, None)
        return {result.test for result in listed}


@contextlib.contextmanager
def scratch():
    folder = tempfile.mkdtemp(prefix='ppt-')
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def kill_session(process):
    """End what the tests have left behind."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, 9)
    process.wait()


def read(path):
    """([Result of an ended test], the test that has begun but not ended)"""
    ended, begun = [], None
    with contextlib.suppress(FileNotFoundError), open(path) as lines:
        for line in lines:
            row = json.loads(line)
            if row['verdict'] == 'begun':
                begun = row['test']
                continue
            begun = None if row['test'] == begun else begun
            ended.append(Result(row['test'], row['verdict'], row['text'],
                                row['seconds']))
    return ended, begun


def compare(suite, listed, say):
    """The results of a suite in its mode, each judged by what stock does."""
    mode = f'--{suite.mode}'
    ours = suite.run(mode)
    doubtful = [test for test, result in ours.items()
                if result.verdict != 'passed']
    missing = suite.list() - suite.list(mode)
    stock = suite.run(only=[*doubtful, *missing]) if (
        doubtful or missing) else {}
    for test in missing:
        ours.setdefault(test, Result(test, 'failed',
                                     f'it is not there when {suite.mode}'))
    again = [test for test in doubtful
             if ours[test].verdict == 'failed' and test not in listed
             and stock.get(test, ours[test]).verdict == 'passed']
    retried = suite.run(mode, only=again) if again else {}
    for test in again:
        if test in retried and retried[test].verdict == 'passed':
            say(f'note: {suite.mode}: {test} passed when it was run again')
            ours[test] = retried[test]
    return [judge(result, stock.get(test), listed.get(test), say)
            for test, result in ours.items()]


def judge(result, stock, reason, say):
    if result.verdict == 'passed':
        if reason:
            say(f'note: {result.test} is in exceptions.txt, but passes')
        return result
    if stock is not None and stock.verdict != 'passed':
        text = f'{stock.verdict} without the package, too: {stock.text[-300:]}'
        return dataclasses.replace(result, verdict='skipped', text=text)
    if reason:
        return dataclasses.replace(result, verdict='skipped', text=reason)
    if result.verdict == 'skipped':
        text = f'skipped only with the package: {result.text}'
        return dataclasses.replace(result, verdict='failed', text=text)
    return result


def modules_of(python, names):
    """Those of the names that this Python has."""
    code = ('import importlib.util, sys\n'
            'for name in sys.argv[1:]:\n'
            '    try:\n'
            '        found = importlib.util.find_spec("test." + name)\n'
            '    except ImportError:\n'
            '        found = None\n'
            '    if found:\n'
            '        print(name)\n')
    done = subprocess.run([python, '-I', '-c', code, *names], check=True,
                          capture_output=True, text=True)
    return done.stdout.split()


def lacking(python):
    """What this Python lacks: distributions may have part of "test"."""
    there = modules_of(python, NEEDED)
    return [f'test.{name}' for name in NEEDED if name not in there]


def run(python, version, plan, folder, env, workers, say):
    """[Result] of all the modules, for a Python that lacks nothing."""
    shutil.rmtree(folder, ignore_errors=True)
    for mode in plan:
        (folder / mode).mkdir(parents=True)
    folder.mkdir(parents=True, exist_ok=True)
    results = [result for module in OWN for result in
               Suite(python, module, folder, env).run().values()]

    def run_one(mode, name):
        suite = Suite(python, name, folder / mode, env, mode)
        found = compare(suite, exceptions(version, mode), say)
        return [dataclasses.replace(result, test=f'{mode}: {result.test}')
                for result in found]

    pairs = [(mode, name) for mode, names in plan.items()
             for name in modules_of(python, names)]
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for found in pool.map(run_one, *zip(*pairs)):
            results.extend(found)
    return [dataclasses.replace(result, text=plain(result.text))
            for result in results]


def plain(text):
    """Without what XML cannot hold."""
    return re.sub('[^\t\n\x20-\ud7ff\ue000-\ufffd]', '?', text)
