"""Programs of others, built with the folder of the drop-in.

programs.py NAME BUILD   a program of PROGRAMS; a build of the library

Takes the source from Debian, and builds it as it is and with the folder.
configure must find the same, each object file must use our conditions where
it used the system's, the program's own checks must pass where it has short
ones, and what it puts out must be the same.  Status 77: the source cannot be
fetched.
"""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time

from install import pkg_config, run
from symbols import symbols

SKIPPED = 77
JOBS = f'-j{os.cpu_count()}'
TEXT = b''.join(b'%d times %d is %d\n' % (i, i, i * i)
                for i in range(300_000))


def compress(tree, program, *options):
    """What it makes of TEXT, with several threads."""
    command = [tree / program, *options]
    packed = subprocess.run([*command, '-c'], input=TEXT, check=True,
                            stdout=subprocess.PIPE).stdout
    back = subprocess.run([*command, '-d', '-c'], input=packed, check=True,
                          stdout=subprocess.PIPE).stdout
    assert back == TEXT
    return packed


def converse(path, client):
    """Set and get values as one of several clients; all that was said."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        answers = server.makefile('rb')
        said = []
        for i in range(2000):
            value = b'%d' % (client * i)
            server.sendall(b'set %d.%d 0 0 %d\r\n%s\r\nget %d.%d\r\n'
                           % (client, i, len(value), value, client, i))
            said += [answers.readline() for _ in range(4)]
        return b''.join(said)


def serve(tree):
    """What memcached answers to eight clients at once."""
    answers = {}
    with tempfile.TemporaryDirectory() as folder:
        path = f'{folder}/socket'
        server = subprocess.Popen([tree / 'memcached', '-t', '4', '-s', path,
                                   '-u', 'root'])
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
    """How a program is configured, built and checked."""

    def __init__(self, *commands, package=None, cflags='',
                 output=lambda tree: None):
        self.commands, self.package = commands, package
        self.cflags, self.output = cflags, output


PROGRAMS = {
    'xz': Program(['./configure', '--disable-doc'], ['make', JOBS],
                  ['make', JOBS, 'check'], package='xz-utils',
                  output=lambda tree: compress(tree, 'src/xz/xz', '-T4',
                                               '--block-size=256KiB')),
    'memcached': Program(['./configure'], ['make', JOBS],
                         ['make', JOBS, 'testapp', 'sizes'], ['./testapp'],
                         output=serve),
    'zstd': Program(['make', JOBS, '-C', 'programs', 'zstd'],
                    package='libzstd',
                    output=lambda tree: compress(tree, 'programs/zstd', '-q',
                                                 '-T4', '-B512K')),
    # glibc 2.28 removed what its gnulib looks for.
    'lbzip2': Program(['./configure'], ['make', JOBS],
                      ['make', JOBS, 'check'],
                      cflags='-D_IO_ftrylockfile -D_IO_IN_BACKUP=0x100',
                      output=lambda tree: compress(tree, 'src/lbzip2',
                                                   '-n4')),
    'pigz': Program(['sh', '-c', 'make pigz CFLAGS="$CFLAGS" '
                     'LDFLAGS="$LDFLAGS" LIBS="$LIBS -lm -lpthread -lz"'],
                    ['make', 'test'],
                    output=lambda tree: compress(tree, 'pigz', '-p4')),
    'libuv': Program(['sh', './autogen.sh'], ['./configure'],
                     ['make', JOBS, 'test/run-tests'],
                     *[['env', 'UV_RUN_AS_ROOT=1', 'test/run-tests', name]
                       for name in UV],
                     package='libuv1'),
}


def apt(folder, *command):
    """apt-get for sources, which leaves the system's own settings alone."""
    for name in 'lists/partial', 'cache/archives/partial':
        (folder / name).mkdir(parents=True, exist_ok=True)
    listed = subprocess.run(
        ['apt-get', 'indextargets', 'Created-By: Packages', '--format',
         '$(ORIGIN) deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)'],
        stdout=subprocess.PIPE, text=True, check=True).stdout
    ours = {line.partition(' ')[2] for line in listed.splitlines()
            if re.match(r'(Debian|Ubuntu) deb-src \S+ [^- ]+ ', line)}
    (folder / 'sources.list').write_text('\n'.join([*sorted(ours), '']),
                                         encoding='utf-8')
    settings = {'Dir::Etc::SourceList': folder / 'sources.list',
                'Dir::Etc::SourceParts': '/dev/null',
                'Dir::State::Lists': folder / 'lists',
                'Dir::Cache': folder / 'cache',
                'APT::Sandbox::User': 'root'}
    subprocess.run(['apt-get', '-qq',
                    *[f'-o{name}={value}'
                      for name, value in settings.items()], *command],
                   cwd=folder, check=True)


def fetch(package, folder):
    """The folder of a source, unpacked below folder."""
    try:
        apt(folder, 'update')
        apt(folder, 'source', '--tar-only', package)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f'cannot be fetched: {package}: {error}')
        sys.exit(SKIPPED)
    archive, = [path for path in folder.glob('*.orig.tar.*')
                if path.suffix != '.asc']
    with tarfile.open(archive) as file:
        file.extractall(folder / 'source')
    source, = (folder / 'source').iterdir()
    return source


def flags(stage):
    """What a user puts into the environment of configure and make."""
    package = {'package': 'pyplusthread-pthread'}
    libs = pkg_config(stage, '--libs', **package)
    paths = [f'-Wl,-rpath,{flag[2:]}' for flag in libs if flag[:2] == '-L']
    return {'CFLAGS': ' '.join(pkg_config(stage, '--cflags', **package)),
            'LDFLAGS': ' '.join(paths), 'LIBS': ' '.join(libs),
            'LDLIBS': ' '.join(libs)}


def build(program, tree, environment):
    """Configure, build and check; what configure found."""
    environment['CFLAGS'] += f' -O2 -g {program.cflags}'
    os.chdir(tree)
    found = []
    for command in program.commands:
        found += [line for line in run(*command, **environment).splitlines()
                  if line.startswith('checking ')]
    return found + [f'{path.relative_to(tree)}: {line}'
                    for path in sorted(tree.rglob('config.h'))
                    for line in path.read_text('utf-8').splitlines()]


def conditions(tree):
    """The functions on conditions that each object file uses."""
    used = {}
    for path in tree.rglob('*.o'):
        names = {name for name in symbols('-u', path)
                 if re.match(r'(ppt_)?pthread_cond_(?!attr)', name)}
        if names:
            used[str(path.relative_to(tree))] = names
    return used


def differences(plain, ours):
    return [f'{sign} {line}' for sign, lines, others in [
        ('-', plain, ours), ('+', ours, plain)]
        for line in lines if line not in others]


def main(name, library):
    program = PROGRAMS[name]
    library = pathlib.Path(library).resolve()
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        source = fetch(program.package or name, work)
        stage = work / 'stage'
        run('meson', 'install', '-C', library, '--no-rebuild', '--destdir',
            stage)
        plain, ours = work / 'plain', work / 'ours'
        for tree in plain, ours:
            shutil.copytree(source, tree, symlinks=True)
        compare(program, plain, ours, flags(stage))


def compare(program, plain, ours, environment):
    found = differences(build(program, plain, {'CFLAGS': '-pthread'}),
                        build(program, ours, environment))
    assert not found, '\n'.join(['configure found:', *found])

    before, after = conditions(plain), conditions(ours)
    assert before and after == {
        path: {f'ppt_{name}' for name in names}
        for path, names in before.items()}, (before, after)
    print('use conditions:', *sorted(after))
    assert program.output(plain) == program.output(ours)


if __name__ == '__main__':
    main(*sys.argv[1:])
