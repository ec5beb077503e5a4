# SPDX-License-Identifier: MIT
"""Install the package into each CPython that there is, and test it.

run.py [--level quick|default|all]

PPT_PYTHONS  which ones, for example "3.11 3.13t"; by default all that are
             found: the newest of each minor version. Quick: one of them

The results, and the logs, are in build-python; each Python has an environment
of its own in build-python-X.Y. To be counted by tally.py.
"""
import argparse
import concurrent.futures
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RESULTS = ROOT / 'build-python'

sys.path[:0] = [str(HERE), str(HERE / 'cpython'), str(HERE / 'packages')]
import pythons  # noqa: E402
import suites  # noqa: E402

REQUIREMENTS = ['meson-python', 'meson', 'ninja', 'pytest']
ONE_PYTHONS_REQUIREMENTS = ['build', 'mypy', 'greenlet', 'hypothesis',
                            'prometheus_client']
OPTIONAL = ['viztracer']

# In site-packages: child processes of CPython's tests are in its mode, too.
CHILDREN = ('import os; '
            'os.environ.get("PPT_CHILDREN") and __import__("pyplusthread"); '
            'os.environ.get("PPT_CHILDREN") == "patched" and '
            '__import__("pyplusthread").patch()\n')

# Seconds after which something has gone wrong.
PYTEST_LIMIT = {'quick': 300, 'default': 1200, 'all': 7200}

# Seconds of the test that lasts longest, in --all.
SOAK = int(os.environ.get('PPT_SOAK_MS', 3600000)) // 1000

SANITIZERS = {'asan': 'address,undefined', 'tsan': 'thread'}

SANITIZED = {'quick': [], 'default': ['tsan'], 'all': ['tsan', 'asan']}


def say(*words):
    print(*words, flush=True)


class Report:
    """JUnit's XML, for what pytest does not write itself."""

    def __init__(self, name):
        self.name = name
        self.root = ET.Element('testsuite', name=name)

    def add(self, test, verdict='passed', text='', seconds=0):
        case = ET.SubElement(self.root, 'testcase', classname=self.name,
                             name=test, time=str(seconds))
        if verdict != 'passed':
            kind = 'skipped' if verdict == 'skipped' else 'failure'
            ET.SubElement(case, kind, message=text[:200]).text = text
        return self

    def write(self):
        RESULTS.mkdir(exist_ok=True)
        ET.ElementTree(self.root).write(RESULTS / f'{self.name}.xml')


def command(words, log, limit=600, env=None):
    """Run it, quietly; returns whether it worked. log gets what it said."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, 'a') as file:
        print('$', shlex.join(map(str, words)), file=file, flush=True)
        process = subprocess.Popen(
            words, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=file,
            stderr=subprocess.STDOUT, start_new_session=True)
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            status = f'it took more than {limit} s'
        finally:
            suites.kill_session(process)
        print(f'$ status {status}', file=file)
    return status == 0


class Bench:
    """A Python with an environment in which the package is installed."""

    def __init__(self, python, sanitizer=None, purpose=None):
        self.python = python
        self.name = '-'.join(filter(None, [python.name, sanitizer, purpose]))
        self.sanitizer = sanitizer
        self.folder = ROOT / f'build-python-{self.name}'
        self.log = RESULTS / f'{self.name}-install.log'
        self.executable = pythons.in_venv(self.folder)
        self.env = dict(os.environ,
                        PATH=f'{self.folder}/bin:{os.environ["PATH"]}',
                        PIP_DISABLE_PIP_VERSION_CHECK='1',
                        PYTHONDONTWRITEBYTECODE='1')
        for name in 'PYTHONPATH', 'PYTHONHOME', 'PYPLUSTHREAD':
            self.env.pop(name, None)

    def pip(self, *words):
        return command([self.executable, '-m', 'pip', 'install', '--quiet',
                        *words], self.log, env=self.env)

    def make(self):
        """The environment; an old one is kept if it still works."""
        stamp = self.folder / 'made-by'
        made_by = f'{self.python.path} {self.python.release}'
        if not (stamp.exists() and stamp.read_text() == made_by
                and command([self.executable, '-c', ''], self.log)):
            shutil.rmtree(self.folder, ignore_errors=True)
            if not command([self.python.path, '-m', 'venv', self.folder],
                           self.log):
                return False
            stamp.write_text(made_by)
        for packages in self.folder.glob('lib/python*/site-packages'):
            (packages / 'ppt-tests.pth').write_text(CHILDREN)
        return True

    def require(self, packages):
        """Have the packages, from where pip finds them."""
        probe = [self.executable, '-m', 'pip', 'show', '--quiet', *packages]
        return command(probe, self.log, env=self.env) or self.pip(*packages)

    def install(self):
        """The project itself, as a wheel."""
        options = ['--no-build-isolation', '--no-deps', '--force-reinstall',
                   f'--config-settings=builddir={self.folder / "meson"}']
        if self.sanitizer:
            options += [f'--config-settings=setup-args=-D{option}' for option
                        in (f'b_sanitize={SANITIZERS[self.sanitizer]}',
                            'b_lundef=false', 'buildtype=debugoptimized')]
        if self.pip(*options, '.'):
            return True
        # Perhaps the folder is of another time.
        shutil.rmtree(self.folder / 'meson', ignore_errors=True)
        return self.pip(*options, '.')

    def runtimes(self):
        """Paths of the sanitizer's libraries; mere names where not found."""
        names = {'asan': ['asan', 'ubsan'], 'tsan': ['tsan']}[self.sanitizer]
        compiler = shlex.split(os.environ.get('CC', 'cc'))
        return [subprocess.run(
            [*compiler, f'-print-file-name=lib{name}.so'], check=True,
            capture_output=True, text=True).stdout.strip() for name in names]

    def reports(self):
        """How the files begin to which ThreadSanitizer writes.

        What it wrote during a test that passes would be lost with the rest of
        that test's output.
        """
        return RESULTS / f'{self.name}-report'

    def sanitized(self):
        """The environment for a Python that is not built with a sanitizer."""
        if not self.sanitizer:
            return self.env
        return dict(
            self.env, LD_PRELOAD=':'.join(self.runtimes()),
            PYTHONMALLOC='malloc',
            ASAN_OPTIONS='detect_leaks=0:abort_on_error=1:'
                         'handle_segv=0:handle_abort=0',
            UBSAN_OPTIONS='print_stacktrace=1:halt_on_error=1',
            TSAN_OPTIONS='exitcode=66:report_signal_unsafe=0:'
                         'report_thread_leaks=0:'
                         f'log_path={self.reports()}:'
                         f'suppressions={HERE / "tsan.supp"}')


def prepare(bench, first):
    """Returns why it cannot be tested: ('skipped' or 'failed', why)."""
    if not bench.python.headers:
        return 'skipped', 'it has no headers (python3-dev, or the like)'
    if bench.sanitizer and not all(map(os.path.exists, bench.runtimes())):
        return 'skipped', f'the compiler has no lib{bench.sanitizer}.so'
    if not bench.make():
        return 'skipped', f'no venv can be made: see {bench.log}'
    packages = REQUIREMENTS + (ONE_PYTHONS_REQUIREMENTS if first else [])
    if not bench.require(packages):
        if not bench.require(REQUIREMENTS):
            return 'skipped', f'pip cannot install {", ".join(packages)}'
        say('note: without', ', '.join(ONE_PYTHONS_REQUIREMENTS))
    if first and not bench.require(OPTIONAL):
        say('note: without', ', '.join(OPTIONAL))
    if not bench.install():
        say(bench.log.read_text()[-10000:])
        return 'failed', f'pip install . failed: see {bench.log}'
    return None


def run_pytest(bench, name, *options, limit, env):
    """Its own file of results stands if there is one."""
    xml = RESULTS / f'{bench.name}-{name}.xml'
    log = RESULTS / f'{bench.name}-{name}.log'
    words = [bench.executable, '-B', '-m', 'pytest', '-q', '-ra', '--tb=short',
             '-p', 'no:cacheprovider', f'--junit-xml={xml}',
             f'--override-ini=junit_suite_name={bench.name}-{name}',
             '-c', HERE / 'pytest.ini', *options]
    if bench.sanitizer == 'tsan':
        words = ['setarch', os.uname().machine, '-R', *words]
    worked = command(words, log, limit, env)
    if not worked:
        say(log.read_text(errors='replace')[-20000:])
        for report in RESULTS.glob(f'{bench.reports().name}.*'):
            say(report.read_text(errors='replace')[:10000])
    if not xml.exists() or (not worked and not has_failures(xml)):
        Report(f'{bench.name}-{name}-itself').add(
            'pytest', 'failed', f'it did not end well: see {log}').write()


def run_own(bench, level):
    """The package's tests."""
    options = [] if level == 'all' else ['--impl=pyplusthread']
    if bench.sanitizer:
        options += ['-m', 'not unsanitized and not slow']
    elif level == 'quick':
        options += ['-m', 'not slow']
    run_pytest(bench, 'pytest', *options, HERE, limit=PYTEST_LIMIT[level],
               env=bench.sanitized())


def run_soak(bench):
    """Everything at once, for long."""
    run_pytest(bench, 'soak', '--impl=pyplusthread', HERE / 'test_soak.py',
               limit=2 * SOAK + 600,
               env=dict(bench.env, PPT_TEST_MS=str(1000 * SOAK)))


def has_failures(xml):
    return any(case.find('failure') is not None
               or case.find('error') is not None
               for case in ET.parse(xml).getroot().iter('testcase'))


def run_suites(bench, level):
    """CPython's own tests."""
    report = Report(f'{bench.name}-cpython')
    lacking = ', '.join(suites.lacking(bench.executable))
    if lacking:
        say(f'note: {bench.python.path} has no {lacking}:',
            'without the tests of CPython')
        report.add('test', 'skipped', f'this Python has no {lacking}').write()
        return
    results = suites.run(
        bench.executable, bench.python.version, suites.PLAN[level],
        RESULTS / f'{bench.name}-cpython', bench.env,
        os.cpu_count() or 1, say)
    for result in results:
        report.add(result.test, result.verdict, result.text, result.seconds)
        if result.verdict == 'failed':
            say(f'FAILED {bench.name}: {result.test}\n{result.text[-3000:]}')
    report.write()


def test(bench, level, first=False):
    """Returns whether it could be tested, well or not."""
    begin = time.monotonic()
    failure = prepare(bench, first)
    if failure:
        verdict, why = failure
        say(f'{bench.name}: {verdict}: {why}')
        Report(f'{bench.name}-install').add('install', *failure).write()
        return verdict != 'skipped'
    run_own(bench, level)
    if not bench.sanitizer:
        run_suites(bench, level)
    if first and level == 'all':
        run_soak(bench)
        import packages  # which imports this module
        packages.test(bench, say)
    say(f'   Python {bench.name}: {time.monotonic() - begin:.0f} s')
    return True


def test_one_of(found, level):
    return any(test(Bench(python), level, first=True) for python in found)


def test_all_of(found, level):
    """Several at once: most tests wait most of the time.

    A free-threaded Python is not tested with a sanitizer: neither it nor its
    allocator was built with one, so no lock of its own would be seen.
    """
    benches = [Bench(python) for python in found]
    with_gil = [python for python in found if not python.name.endswith('t')]
    benches += [Bench(python, sanitizer) for python in with_gil[:1]
                for sanitizer in SANITIZED[level]]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return any(list(pool.map(
            lambda bench: test(bench, level, bench is benches[0]), benches)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--level', default='default',
                        choices=['quick', 'default', 'all'])
    level = parser.parse_args().level

    # Shells have it ignored in what they start in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    shutil.rmtree(RESULTS, ignore_errors=True)
    found = pythons.find(os.environ.get('PPT_PYTHONS', ''))
    found.reverse()  # the newest first
    say('== Testing with Python',
        ', '.join(f'{python.name} ({python.path}, {python.release})'
                  for python in found) or '(none found)')
    run_tests = test_one_of if level == 'quick' else test_all_of
    try:
        tested = run_tests(found, level)
    except BaseException as error:
        Report('run').add('run.py', 'failed', repr(error)).write()
        raise
    if not tested:
        Report('run').add('run.py', 'failed',
                          'no CPython could be tested').write()
        say('No CPython could be tested: it has to be 3.10 or newer, and have',
            'its headers and venv (on Debian python3-dev, python3-venv)')


if __name__ == '__main__':
    main()
