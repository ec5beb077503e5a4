# SPDX-License-Identifier: MIT
"""Programs of others, built with the folder of the drop-in.

programs.py NAME BUILD   a program of PROGRAMS; a build of the library

Takes the source from Debian, and builds it as it is and with the folder.
configure must find the same, and each object file must use our conditions
where it used the system's.  The program's own checks must pass, and it must
put out the same: as it is, built with the folder, and as it is with pptrun.
What takes too long hangs, and is a failure.  Status 77: the source cannot be
fetched.
"""
import os
import pathlib
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

import commands
from install import pkg_config
from sources import Missing, fetch
from symbols import symbols

SKIPPED = 77
LIMIT = 600
JOBS = f'-j{os.cpu_count()}'
TEXT = b''.join(b'%d times %d is %d\n' % (i, i, i * i)
                for i in range(300_000))


def run(*command, **environment):
    """Run a command, which may use LIMIT; show what it prints."""
    print('$', shlex.join(map(str, command)), flush=True)
    done = commands.run(*command, limit=LIMIT, text=True,
                        env={**os.environ, **environment})
    print(done.stdout, flush=True)
    if done.returncode != 0:
        sys.exit(f'status {done.returncode}: {shlex.join(done.args)}')
    return done.stdout


# What the checks of automake and of TAP came to.
RESULT = re.compile(r'#? ?(TOTAL|PASS|SKIP|X?FAIL|XPASS|ERROR):|(not )?ok \d')


def compress(program, *options):
    """What it makes of TEXT, with several threads."""
    def work(tree, prefix):
        def use(text, *more):
            command = [*prefix, tree / program, *options, *more, '-c']
            return subprocess.run(command, input=text, check=True,
                                  stdout=subprocess.PIPE,
                                  timeout=LIMIT).stdout

        packed = use(TEXT)
        assert use(packed, '-d') == TEXT
        return packed
    return work


def converse(path, client):
    """Set and get values as one of several clients; all that was said."""
    with socket.socket(socket.AF_UNIX) as server:
        server.settimeout(LIMIT)
        server.connect(path)
        answers = server.makefile('rb')
        said = []
        for i in range(2000):
            value = b'%d' % (client * i)
            server.sendall(b'set %d.%d 0 0 %d\r\n%s\r\nget %d.%d\r\n'
                           % (client, i, len(value), value, client, i))
            said += [answers.readline() for _ in range(4)]
        return b''.join(said)


def serve(tree, prefix):
    """What memcached answers to eight clients at once."""
    answers = {}
    with tempfile.TemporaryDirectory() as folder:
        path = f'{folder}/socket'
        server = subprocess.Popen([*prefix, tree / 'memcached', '-t', '4',
                                   '-s', path, '-u', 'root'])
        try:
            while not os.path.exists(path):
                assert server.poll() is None
                time.sleep(0.01)
            clients = [threading.Thread(target=lambda n=n: answers.update(
                {n: converse(path, n)})) for n in range(8)]
            for client in clients:
                client.start()
            for client in clients:
                client.join()
        finally:
            server.terminate()
            server.wait()
    return [answers[n] for n in range(8)]


UV = ['condvar_1', 'condvar_2', 'condvar_3', 'condvar_4', 'condvar_5',
      'semaphore_1', 'semaphore_2', 'semaphore_3', 'barrier_1', 'barrier_2',
      'barrier_3', 'thread_create', 'thread_mutex', 'thread_rwlock',
      'threadpool_queue_work_simple', 'threadpool_multiple_event_loops',
      'threadpool_cancel_fs', 'fs_file_async', 'getaddrinfo_basic']


class Program:
    """How a program is configured and built, checked, and used."""

    def __init__(self, *build, package=None, cflags='', checks=(),
                 output=lambda tree, prefix: None):
        self.build, self.package, self.cflags = build, package, cflags
        self.checks, self.output = checks, output


PROGRAMS = {
    'xz': Program(['./configure', '--disable-doc'], ['make', JOBS],
                  package='xz-utils', checks=[['make', JOBS, 'check']],
                  output=compress('src/xz/xz', '-T4',
                                  '--block-size=256KiB')),
    'memcached': Program(['./configure'], ['make', JOBS],
                         ['make', JOBS, 'testapp', 'sizes'],
                         checks=[['./testapp']], output=serve),
    'zstd': Program(['make', JOBS, '-C', 'programs', 'zstd'],
                    ['sh', '-c', f'make {JOBS} -C tests poolTests '
                     'LDFLAGS="$LDFLAGS -Wl,--no-as-needed $LIBS"'],
                    package='libzstd', checks=[['tests/poolTests']],
                    output=compress('programs/zstd', '-q', '-T4', '-B512K')),
    # glibc 2.28 removed what its gnulib looks for.
    'lbzip2': Program(['./configure'], ['make', JOBS],
                      cflags='-D_IO_ftrylockfile -D_IO_IN_BACKUP=0x100',
                      checks=[['make', JOBS, 'check']],
                      output=compress('src/lbzip2', '-n4')),
    'pigz': Program(['sh', '-c', 'make pigz CFLAGS="$CFLAGS" '
                     'LDFLAGS="$LDFLAGS" LIBS="$LIBS -lm -lpthread -lz"'],
                    checks=[['sh', '-c', 'make test CFLAGS="$CFLAGS" '
                             'LDFLAGS="$LDFLAGS" '
                             'LIBS="$LIBS -lm -lpthread -lz"']],
                    output=compress('pigz', '-n', '-p4')),
    'libuv': Program(['sh', './autogen.sh'], ['./configure'],
                     ['make', JOBS, 'test/run-tests'], package='libuv1',
                     checks=[['env', 'UV_RUN_AS_ROOT=1', 'test/run-tests',
                              name] for name in UV]),
}


def flags(stage):
    """What a user puts into the environment of configure and make."""
    package = {'package': 'pyplusthread-pthread'}
    libs = pkg_config(stage, '--libs', **package)
    paths = [f'-Wl,-rpath,{flag[2:]}' for flag in libs if flag[:2] == '-L']
    return {'CFLAGS': ' '.join(pkg_config(stage, '--cflags', **package)),
            'LDFLAGS': ' '.join(paths), 'LIBS': ' '.join(libs),
            'LDLIBS': ' '.join(libs)}


def build(program, tree, environment):
    """Configure and build; what configure found."""
    os.chdir(tree)
    found = []
    for command in program.build:
        found += [line for line in run(*command, **environment).splitlines()
                  if line.startswith('checking ')]
    return found + [f'{path.relative_to(tree)}: {line}'
                    for path in sorted(tree.rglob('config.h'))
                    for line in path.read_text('utf-8').splitlines()]


def check(program, tree, prefix, environment):
    """The results of the program's own checks."""
    os.chdir(tree)
    lines = [line for command in program.checks
             for line in run(*prefix, *command, **environment).splitlines()]
    return sorted(line for line in lines if RESULT.match(line))


def conditions(tree):
    """The functions on conditions that each object file uses.  zstd's lie in a
    folder that is named after the flags of the compiler."""
    used = {}
    for path in tree.rglob('*.o'):
        names = {name for name in symbols('-u', path)
                 if re.match(r'(ppt_)?pthread_cond_(?!attr)', name)}
        if names:
            where = str(path.relative_to(tree))
            used[re.sub(r'/conf_[0-9a-f]{32}/', '/', where)] = names
    return used


def differences(plain, ours):
    return [f'{sign} {line}' for sign, lines, others in [
        ('-', plain, ours), ('+', ours, plain)]
        for line in lines if line not in others]


def compare(program, plain, ours, environments):
    found = differences(build(program, plain, environments[0]),
                        build(program, ours, environments[1]))
    assert not found, '\n'.join(['configure found:', *found])

    before, after = conditions(plain), conditions(ours)
    assert before and after == {
        path: {f'ppt_{name}' for name in names}
        for path, names in before.items()}, (before, after)
    print('use conditions:', *sorted(after))


def same(program, plain, ours, environments, pptrun):
    """Whatever its conditions are, it does the same."""
    ways = {'as it is': (plain, [], environments[0]),
            'built with the folder': (ours, [], environments[1])}
    if pptrun.exists():
        ways['with pptrun'] = plain, [pptrun, '--stats'], environments[0]
    seen = {}
    for way, (tree, prefix, environment) in ways.items():
        print('==', way, flush=True)
        seen[way] = (check(program, tree, prefix, environment),
                     program.output(tree, prefix))
    for way, results in seen.items():
        assert results == seen['as it is'], (way, seen)


def main(name, library):
    program = PROGRAMS[name]
    library = pathlib.Path(library).resolve()
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        try:
            source = fetch(program.package or name, work)
        except Missing as why:
            print(why)
            sys.exit(SKIPPED)
        stage = work / 'stage'
        run('meson', 'install', '-C', library, '--no-rebuild', '--destdir',
            stage)
        plain, ours = work / 'plain', work / 'ours'
        for tree in plain, ours:
            shutil.copytree(source, tree, symlinks=True)
        environments = {'CFLAGS': '-pthread'}, flags(stage)
        for environment in environments:
            environment['CFLAGS'] += f' -O2 -g {program.cflags}'
        compare(program, plain, ours, environments)
        same(program, plain, ours, environments,
             library / 'src' / 'preload' / 'pptrun')


if __name__ == '__main__':
    main(*sys.argv[1:])
