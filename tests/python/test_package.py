# SPDX-License-Identifier: MIT
"""What is installed: files, metadata, type stubs, and how it fails."""
import importlib.machinery
import importlib.metadata
import os
import pathlib
import platform
import queue
import re
import shutil
import subprocess
import sys
import threading

import pytest

import pyplusthread

FOLDER = os.path.dirname(pyplusthread.__file__)
CORE = '_core' + importlib.machinery.EXTENSION_SUFFIXES[0]
FILES = {
    '__init__.py', '__init__.pyi', '__main__.py', '_core.pyi', '_dill.py',
    '_doctor.py', '_events.py', '_lateness.py', '_locks.py',
    '_names.py', '_page.py', '_patch.py',
    '_priority.py', '_report.py', '_run.py', '_state.py', '_stats.py',
    '_text.py', '_trace.py', '_watch.py', CORE,
    'include/pyplusthread_capi.h', 'prometheus.py', 'prometheus.pyi',
    'py.typed',
}


@pytest.fixture(scope='module')
def distribution():
    try:
        return importlib.metadata.distribution('pyplusthread')
    except importlib.metadata.PackageNotFoundError:
        pytest.skip('the package is here, but not installed')


def python(folder, *command, **options):
    return subprocess.run([sys.executable, *command], cwd=folder, text=True,
                          capture_output=True, timeout=600, **options)


def test_wheel_holds_the_package_and_nothing_else(distribution):
    names = {str(path) for path in distribution.files
             if '__pycache__' not in path.parts}
    info = {name for name in names
            if re.match(r'pyplusthread-[\d.]+\.dist-info/', name)}
    assert names - info == {f'pyplusthread/{name}' for name in FILES}


def test_metadata(distribution):
    metadata = distribution.metadata
    assert metadata['Name'] == 'pyplusthread'
    assert metadata['Version'] == pyplusthread.__version__
    assert metadata['Requires-Python'].replace(' ', '') == '>=3.10'
    assert metadata['License-Expression'] == 'MIT'
    assert '# pyplusthread' in distribution.read_text('METADATA')
    assert not [need for need in distribution.requires or []
                if 'extra ==' not in need]


def commands_of(readme, heading):
    """The indented lines after a heading."""
    text = readme.read_text().split(f'\n## {heading}\n')[1].split('\n## ')[0]
    return ''.join(re.findall('^    (.*\n)', text, re.MULTILINE))


@pytest.mark.slow
def test_readmes_way_to_install_works_beside_a_distributions_python(tmp_path):
    """Such a Python refuses installations outside of an environment."""
    pytest.importorskip('build')  # as for one Python of tests/run
    root = pathlib.Path(__file__).parents[2]
    sources = shutil.copytree(root, tmp_path / 'sources', symlinks=True,
                              ignore=shutil.ignore_patterns('build*', '.git'))
    (tmp_path / 'bin').mkdir()
    for name in 'python', 'python3':
        (tmp_path / 'bin' / name).symlink_to(sys._base_executable)
    path = os.pathsep.join([str(tmp_path / 'bin'), os.environ['PATH']])
    done = subprocess.run(
        ['sh', '-e'], cwd=sources, text=True, capture_output=True, timeout=600,
        input=commands_of(root / 'bindings' / 'python' / 'README.md',
                          'Install') + 'python -c "import pyplusthread"\n',
        env=dict(os.environ, PATH=path, PIP_REQUIRE_VIRTUALENV='1'))
    if 'No matching distribution' in done.stderr:
        pytest.skip('no packages to build with: ' + done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr


def test_stubs_fit(tmp_path):
    pytest.importorskip('mypy.stubtest')
    done = python(tmp_path, '-m', 'mypy.stubtest', 'pyplusthread')
    assert done.returncode == 0, done.stdout + done.stderr


def test_everything_is_exported():
    assert sorted(set(pyplusthread.__all__)) == sorted(pyplusthread.__all__)
    for name in pyplusthread.__all__:
        assert hasattr(pyplusthread, name)


def test_types_say_that_they_are_the_packages():
    for name in ('Lock', 'RLock', 'Condition', 'Semaphore',
                 'BoundedSemaphore', 'Event', 'Barrier', 'Queue', 'LifoQueue',
                 'PriorityQueue', 'SimpleQueue'):
        thing = getattr(pyplusthread, name)
        assert thing.__module__ == 'pyplusthread'
        assert thing.__qualname__ == name


def test_broken_barrier_error_is_threadings():
    assert pyplusthread.BrokenBarrierError is threading.BrokenBarrierError


def test_exceptions_of_the_queues_are_those_of_the_module_queue():
    assert pyplusthread.Empty is queue.Empty
    assert pyplusthread.Full is queue.Full
    assert (getattr(pyplusthread, 'ShutDown', None)
            is getattr(queue, 'ShutDown', None))


def test_include_has_the_header():
    header = os.path.join(pyplusthread.get_include(), 'pyplusthread_capi.h')
    assert os.path.isabs(header)
    assert os.path.isfile(header)


def test_library_stays_inside():
    if shutil.which('nm') is None:
        pytest.skip('no nm')
    core = sys.modules['pyplusthread._core'].__file__
    lines = subprocess.run(['nm', '-D', '--defined-only', core], check=True,
                           capture_output=True, text=True).stdout
    assert [line.split()[-1] for line in lines.splitlines()] == [
        'PyInit__core']


def test_thread_local_variables_are_there_when_a_thread_starts():
    """Otherwise glibc allocates them in a thread's first wait."""
    if platform.libc_ver()[0] != 'glibc':
        pytest.skip('other C libraries allocate them on import')
    with open(os.path.join(FOLDER, CORE), 'rb') as file:
        assert b'__tls_get_addr' not in file.read()


@pytest.fixture
def without_core(tmp_path):
    """An environment whose package has no compiled part."""
    shutil.copytree(FOLDER, tmp_path / 'lib' / 'pyplusthread',
                    ignore=shutil.ignore_patterns('_core*', '__pycache__'))
    return dict(os.environ, PYTHONPATH=str(tmp_path / 'lib'))


def test_import_error_says_what_to_install(without_core, tmp_path):
    done = python(tmp_path, '-c', 'import pyplusthread', env=without_core)
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 1
    assert last.startswith('ImportError: ')
    assert f'{sys.executable} -m pip install' in last
    assert 'pyplusthread' in last
    assert '{}.{}'.format(*sys.version_info) in last
    assert done.stderr.count('Traceback') == 1


def test_import_error_of_a_broken_compiled_part_says_why(
        without_core, tmp_path):
    (tmp_path / 'lib' / 'pyplusthread' / CORE).write_bytes(b'nonsense')
    done = python(tmp_path, '-c', 'import pyplusthread', env=without_core)
    last = done.stderr.splitlines()[-1]
    assert last.startswith('ImportError: ')
    assert CORE in last
    assert 'pip install' in last


def test_import_error_can_be_caught_and_met_again(without_core, tmp_path):
    done = python(tmp_path, '-c', '''\
for _ in range(2):
    try:
        import pyplusthread
    except ImportError as error:
        print(error.name, error.path)
''', env=without_core)
    assert done.stdout == 'pyplusthread._core None\n' * 2
