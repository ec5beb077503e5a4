# SPDX-License-Identifier: MIT
"""Tests of others of what a condition is, as they are and with pptrun.

conformance.py SUITE PPTRUN

A suite is one of those below.  Prints TAP, a line for each of its tests: what
succeeds with the C library's conditions must succeed with ours, and what
fails must not fail otherwise.  What hangs is a failure.
"""
import concurrent.futures
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / 'python')]

from commands import Hang, run  # noqa: E402
from pythons import find  # noqa: E402
from sources import Missing, fetch  # noqa: E402

CC = shlex.split(os.environ.get('CC', 'cc'))
LIMIT = 300
WORKERS = 2 * len(os.sched_getaffinity(0))
CONDITION = re.compile(r'\b(pthread_cond_|cnd_)')

# Why a test is not one of conditions that may be used so.
EXCLUDED = {
    'pthread_cond_init/1-3': 'two processes use a process-private condition',
    'pthread_cond_init/4-2': 'it may signal a thread that has no handler yet',
    'tst-mutex8': 'it destroys a mutex with which threads wait: undefined',
}


class Test:
    """A program of a suite, or why there is none."""

    def __init__(self, name, program=None, missing=None):
        self.name, self.program = name, program
        self.missing = EXCLUDED.get(name, missing)


def compile_tests(sources, flags, libraries, folder):
    """The tests that sources, {name: path}, are."""
    folder.mkdir()

    def build(item):
        name, path = item
        program = folder / name.replace('/', '_')
        done = run(*CC, *flags, path, '-o', program, *libraries, '-pthread',
                   '-lrt', '-lm', limit=LIMIT)
        return Test(name, program if done.returncode == 0 else None,
                    'cannot be compiled here')

    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        return [*pool.map(build, sorted(sources.items()))]


# glibc's own tests, with as much of its support library as they need

def glibc_flags(source, work):
    (work / 'include').mkdir()
    (work / 'include' / 'config.h').touch()
    (work / 'include' / 'support').symlink_to(source / 'support')
    paths = re.findall(r'-D(\w+_PATH)=', (
        source / 'support' / 'support_paths.c').read_text('utf-8'))
    return ['-std=gnu11', '-O1', '-g', '-w', '-D_GNU_SOURCE',
            '-DTIMEOUTFACTOR=4', '-include', 'limits.h',
            *[f'-D{name}="/"' for name in paths],
            '-I', work / 'include', '-I', source / 'support',
            '-idirafter', source / 'include']


def glibc_support(source, flags, work):
    """A library of those of its files that compile outside of glibc."""
    (work / 'objects').mkdir()

    def build(path):
        target = work / 'objects' / f'{path.stem}.o'
        run(*CC, *flags, '-c', path, '-o', target, limit=LIMIT)
        return target

    files = sorted(path for path in (source / 'support').glob('*.c')
                   if not path.stem.startswith(('tst-', 'test-'))
                   and (path.stem == 'support_test_main'
                        or not path.stem.endswith('main')))
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        objects = [path for path in pool.map(build, files) if path.exists()]
    library = work / 'support.a'
    subprocess.run(['ar', 'rcs', library, *objects], check=True)
    return library


def glibc(work):
    source = fetch('glibc', work)
    flags = glibc_flags(source, work)
    library = glibc_support(source, flags, work)
    sources = {path.stem: path
               for folder in ('sysdeps/pthread', 'nptl', 'rt')
               for path in (source / folder).glob('tst-*.c')
               if CONDITION.search(path.read_text('utf-8'))}
    return compile_tests(sources, flags, [library], work / 'programs')


# The Open POSIX test suite, by itself and in the Linux Test Project

def open_posix(source, flags, work):
    folders = [*source.glob('conformance/interfaces/*'),
               *source.glob('functional/threads/*')]
    sources = {f'{path.parent.name}/{path.stem}': path
               for folder in folders for path in folder.glob('*.c')
               if re.search(r'\b(test_)?main *\(', path.read_text('latin-1'))
               and CONDITION.search(path.read_text('latin-1'))}
    return compile_tests(sources, ['-O1', '-g', '-w', *flags,
                                   f'-I{source}/include'],
                         sorted(source.glob('lib/*.c')), work / 'programs')


def posixtestsuite(work):
    return open_posix(fetch('posixtestsuite', work),
                      ['-std=gnu99', '-D_XOPEN_SOURCE=600'], work)


def ltp(work):
    source = fetch('ltp', work) / 'testcases' / 'open_posix_testsuite'
    return open_posix(source, ['-std=gnu99', '-D_XOPEN_SOURCE=700'], work)


# The tests of one suite

def outcome(command, work):
    """Status and words of a test, in a folder of its own."""
    with tempfile.TemporaryDirectory(dir=work) as folder:
        try:
            done = run(*command, limit=LIMIT, cwd=folder)
        except Hang as hang:
            return 'hangs', str(hang)
    return done.returncode, done.stdout.decode('utf-8', 'replace')


def waits(words):
    """How many waits there were, by pptrun's line, in all processes."""
    return sum(int(number) for number in re.findall(
        r'^pptrun: \S+\[\d+\]: (\d+) waits', words, flags=re.MULTILINE))


def comment(words):
    return ''.join(f'# {line}\n' for line in words.splitlines()[-40:])


# Some tests fail where a thread does not get a CPU within a millisecond.
TRIES = 5


def is_good(plain, ours):
    return ours[0] in (0, plain[0]) and ours[0] != 'hangs'


def again(command, plain, ours, work):
    """What a test that failed comes to when it runs alone, in some tries."""
    for _ in range(TRIES):
        if ours[0] == 'hangs' or is_good(plain, ours):
            break
        ours = outcome(command, work)
    return ours


def judge(number, test, plain, ours):
    """The line of a test; False if it failed."""
    good = is_good(plain, ours)
    differs = f' # as it is: {plain[0]}' if plain[0] != ours[0] else ''
    if not good:
        print(comment(plain[1]) + '# with pptrun:\n' + comment(ours[1]),
              end='')
    print(f'{"ok" if good else "not ok"} {number} - {test.name}: '
          f'{ours[0]}{differs}', flush=True)
    return good


def compare(tests, pptrun, work):
    """Run tests, as they are and with pptrun; those that failed."""
    def with_pptrun(test):
        return [pptrun, '--stats', test.program]

    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        jobs = [test.program and not EXCLUDED.get(test.name)
                and [pool.submit(outcome, command, work)
                     for command in ([test.program], with_pptrun(test))]
                for test in tests]
        failed, total = 0, 0
        for number, (test, pair) in enumerate(zip(tests, jobs), 1):
            if not pair:
                print(f'ok {number} # SKIP {test.name}: {test.missing}')
                continue
            plain, ours = [job.result() for job in pair]
            ours = again(with_pptrun(test), plain, ours, work)
            failed += not judge(number, test, plain, ours)
            total += waits(ours[1])
    good = total > 0 and len([pair for pair in jobs if pair]) >= 30
    print(f'{"ok" if good else "not ok"} {len(tests) + 1} - '
          f'there are tests, with {total} waits of ours')
    return failed + (not good), len(tests) + 1


# CPython's own tests, which say by themselves what each case came to.  Without
# --stats: they look at what their children print.

MODULES = ['test_threading', 'test_thread', 'test_queue',
           'test_concurrent_futures']

# It hangs with the C library's conditions, too, before CPython 3.12.8 and
# 3.13.1: a thread that holds the executor's lock joins one that waits for it.
HANGS = 'test_shutdown_deadlock_pickle'


def pythons():
    """The newest Python that has its tests."""
    for python in reversed(find()):
        have = subprocess.run([python.path, '-c', 'import test.test_queue'],
                              stderr=subprocess.DEVNULL, check=False)
        if have.returncode == 0:
            return python.path
    raise Missing('no Python has its own tests')


def verdict(case):
    for word in 'failure', 'error', 'skipped':
        if case.find(word) is not None:
            return word
    return 'passed'


def cases(command, module, work):
    """{case: verdict} of a module of tests, and all that was printed."""
    with tempfile.TemporaryDirectory(dir=work) as folder:
        results = pathlib.Path(folder) / 'results.xml'
        done = run(*command, '-m', 'test', '-u', 'walltime', '-i', HANGS,
                   '--junit-xml', results, module, limit=3 * LIMIT,
                   cwd=folder)
        words = done.stdout.decode('utf-8', 'replace')
        if not results.exists():
            return {}, words
        root = xml.etree.ElementTree.parse(results).getroot()
    return {case.get('name'): verdict(case)
            for case in root.iter('testcase')}, words


def same_cases(module, plain, ours):
    """The cases of a module that come to something else."""
    wrong = [f'{name}: {ours.get(name, "missing")}, as it is: {was}'
             for name, was in plain.items()
             if ours.get(name) not in ('passed', was)]
    return wrong if plain else [f'{module}: no tests']


def cpython(pptrun, work):
    """Print a line for each module; how many failed, and of how many."""
    python = pythons()
    print(f'# {python}')
    failed = 0
    for number, module in enumerate(MODULES, 1):
        try:
            plain, _ = cases([python], module, work)
            ours, words = cases([pptrun, python], module, work)
            wrong = same_cases(module, plain, ours)
        except Hang as hang:
            wrong, plain, words = str(hang).splitlines(), {}, ''
        print(comment('\n'.join([words, *wrong]) if wrong else ''), end='')
        failed += bool(wrong)
        print(f'{"not ok" if wrong else "ok"} {number} - {module}: '
              f'{len(plain)} cases', flush=True)
    print(f'ok {len(MODULES) + 1} # SKIP {HANGS}: gh-125451')
    return failed, len(MODULES) + 1


def main(suite, pptrun):
    suites = {'glibc': glibc, 'posixtestsuite': posixtestsuite, 'ltp': ltp}
    pptrun = pathlib.Path(pptrun).resolve()
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        try:
            if suite == 'cpython':
                failed, number = cpython(pptrun, work)
            else:
                failed, number = compare(suites[suite](work), pptrun, work)
        except Missing as why:
            print(f'1..0 # SKIP {why}')
            return 0
    print(f'1..{number}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
