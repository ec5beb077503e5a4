# SPDX-License-Identifier: MIT
"""Packages that live on threads: what passes stock passes patched.

packages.py [NAME...]   those of packages.ini; by default all

PPT_PYTHONS  as for run.py; of several the newest

Installs each package into an environment of its own, fetches its source
distribution, and runs the tests from there, with threading patched, here and
in child processes.  What does not pass then is run again without the patch;
what passes there, three times more with and without it.  A test fails that
fails again when patched and always passes stock; one that does neither is
flaky, and named.

tests/run --all does this for the newest Python.
"""
import concurrent.futures
import configparser
import fnmatch
import os
import shlex
import shutil
import sys
import tarfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / 'cpython')]
import pythons  # noqa: E402
import run  # noqa: E402
import suites  # noqa: E402

REQUIREMENTS = ['pytest', 'pytest-timeout', 'setuptools']
CONSTRAINTS = HERE / 'constraints.txt'
LIST = HERE / 'packages.ini'
PYTEST = ['-q', '-ra', '-p', 'ppt_recorder', '-p', 'no:cacheprovider',
          '-o', 'addopts=', '--continue-on-collection-errors']
LIMIT = 1200    # seconds for one run of a package's tests
ROUNDS = 3      # for a test that failed only when patched


class Package(run.Bench):
    """A package with its own environment, and its section of the list."""

    def __init__(self, bench, name, section):
        super().__init__(bench.python, purpose=name)
        self.package = name
        self.needs = section.get('needs', '').split()
        tests = section.get('tests', '').replace('\\\n', ' ')
        self.runs = tests.strip().splitlines()
        self.none = section.get('none')
        self.limits = section.get('limits', '').split()
        self.reason = section.get('reason')
        self.ours = section.get('ours', '').split()
        self.source = self.folder / 'source'

    def known(self, test):
        """Why a test may fail when patched, or None."""
        listed = any(fnmatch.fnmatchcase(test, each) for each in self.limits)
        return self.reason if listed else None

    def prepare(self, wheel):
        """Why it cannot be tested, if it cannot."""
        if self.none:
            return self.none
        self.forget_what_is_old()
        if not self.make():
            return f'no venv can be made: see {self.log}'
        packages = [*REQUIREMENTS, self.package, *self.needs]
        if not (self.pip('-c', CONSTRAINTS, *packages)
                and self.pip('--no-deps', '--force-reinstall', wheel)):
            return f'it cannot be installed here: see {self.log}'
        if self.runs and not self.fetch():
            return f'its source distribution cannot be fetched: see {self.log}'
        return None

    def forget_what_is_old(self):
        """An environment that the lists have outlived."""
        stamp = self.folder / 'made-by'
        if stamp.exists() and stamp.stat().st_mtime < max(
                path.stat().st_mtime for path in (LIST, CONSTRAINTS)):
            shutil.rmtree(self.folder)

    def fetch(self):
        """Have the source distribution unpacked."""
        shutil.rmtree(self.source, ignore_errors=True)
        folder = self.folder / 'sdist'
        if not run.command(
                [self.executable, '-m', 'pip', 'download', '--quiet',
                 '--no-deps', '--no-binary', self.package, '-d', folder,
                 '-c', CONSTRAINTS, self.package], self.log, env=self.env):
            return False
        archive = max(folder.glob('*.tar.gz'), key=os.path.getmtime)
        with tarfile.open(archive) as file:
            file.extractall(self.source)
        return True


class Suite(suites.Suite):
    """One run of pytest for a package, which may be repeated."""

    limit = LIMIT

    def __init__(self, package, name, tests, folder):
        super().__init__(package.executable, name, folder, package.env)
        self.env['PYTHONPATH'] = str(HERE)
        self.tests = shlex.split(tests)
        self.where, = package.source.iterdir()

    def command(self, arguments):
        return ['env', 'PPT_TESTS=' + shlex.join(map(str, arguments)),
                self.python, '-m', 'pytest', *PYTEST, *self.tests]

    def run(self, *options, only=None):
        """With a result of the run itself, which may end badly."""
        if only and self.module in only:
            only = None
        found = super().run(*options, only=only)
        found.setdefault(self.module, suites.Result(self.module, 'passed'))
        return found


def compare(suite, package, say):
    """The results of a suite, patched, each judged by what stock does."""
    patched = suite.run('--patched')
    doubtful = [test for test, result in patched.items()
                if result.verdict != 'passed']
    missing = suite.list() - {*patched}
    stock = suite.run(only=[*doubtful, *missing]) if (
        doubtful or missing) else {}
    for test in missing:
        patched[test] = suites.Result(test, 'failed',
                                      'it is not there when patched')
    again = [test for test in [*doubtful, *missing]
             if patched[test].verdict == 'failed' and not package.known(test)
             and test in stock and stock[test].verdict == 'passed']
    if again:
        repeat(suite, again, patched, stock, say)
    return [suites.judge(result, stock.get(test), package.known(test), say)
            for test, result in patched.items()]


def repeat(suite, tests, patched, stock, say):
    """Tell what fails from what is flaky."""
    rounds = [(suite.run('--patched', only=tests), suite.run(only=tests))
              for _ in range(ROUNDS)]
    for test in tests:
        bad, bad_stock = ([each.get(test) for each in runs
                           if test not in each
                           or each[test].verdict != 'passed']
                          for runs in zip(*rounds))
        if bad and not bad_stock:
            continue
        say(f'flaky: {suite.module}: {test}: failed {1 + len(bad)} times of '
            f'{1 + ROUNDS} patched, {len(bad_stock)} stock')
        text = f'flaky: {patched[test].text}'
        stock[test] = patched[test] = suites.Result(test, 'skipped', text)


def test_package(package, wheel, report, say):
    """Report what became of its tests; how many there are."""
    begin = time.monotonic()
    why = package.prepare(wheel)
    if why:
        say(f'{package.package}: {why}')
        report.add(package.package, 'skipped', why)
        return
    folder = run.RESULTS / f'{package.name}-tests'
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    results = []
    for number, tests in enumerate(package.runs, 1):
        name = f'{package.package}{number if len(package.runs) > 1 else ""}'
        results += compare(Suite(package, name, tests, folder), package, say)
    if not any(result.verdict == 'passed' and '::' in result.test
               for result in results):
        results.append(suites.Result('all', 'failed', 'no test has passed'))
    tell(package, results, report, say, time.monotonic() - begin)
    for name in package.ours:
        run.run_pytest(package, name, HERE.parent / f'test_{name}.py',
                       '--impl=pyplusthread', limit=600, env=package.env)


def tell(package, results, report, say, seconds):
    counts = dict.fromkeys(['passed', 'failed', 'skipped'], 0)
    for result in results:
        counts[result.verdict] += 1
        text = suites.plain(result.text)
        report.add(f'{package.package}: {result.test}', result.verdict, text,
                   result.seconds)
        if result.verdict == 'failed':
            say(f'FAILED {package.name}: {result.test}\n{text[-3000:]}')
    say(f'   {package.package}:', ', '.join(
        f'{count} {verdict}' for verdict, count in counts.items()),
        f'{seconds:.0f} s')


def make_wheel(bench):
    """The project's wheel, from a bench in which it has been installed."""
    folder = run.RESULTS / f'{bench.name}-wheel'
    run.command([bench.executable, '-m', 'pip', 'wheel', '--quiet',
                 '--no-deps', '--no-build-isolation', '-w', folder,
                 f'--config-settings=builddir={bench.folder / "meson"}', '.'],
                bench.log, env=bench.env)
    return next(folder.glob('*.whl'))


def test(bench, say, names=()):
    """Test the packages, or those of these names, for one Python."""
    listed = configparser.ConfigParser(interpolation=None)
    listed.read(LIST, encoding='utf-8')
    unknown = set(names) - set(listed.sections())
    if unknown:
        sys.exit(f'packages.py: not in packages.ini: {", ".join(unknown)}')
    report = run.Report(f'{bench.name}-packages')
    wheel = make_wheel(bench)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda name: test_package(
            Package(bench, name, listed[name]), wheel, report, say),
            names or listed.sections()))
    report.write()


def main(*names):
    found = pythons.find(os.environ.get('PPT_PYTHONS', ''))
    bench = run.Bench(found[-1])
    shutil.rmtree(run.RESULTS, ignore_errors=True)
    failure = run.prepare(bench, first=False)
    if failure:
        sys.exit(f'packages.py: {bench.name}: {failure[1]}')
    test(bench, run.say, names)
    import tally
    return tally.main(run.RESULTS)


if __name__ == '__main__':
    sys.path.append(str(HERE.parent.parent))
    sys.exit(main(*sys.argv[1:]))
