# SPDX-License-Identifier: MIT
"""python -m pyplusthread: what is patched, options, mistakes, the fallback."""
import os
import shutil

import pytest

import pyplusthread
from mains import FILES, US, run

PATCHED = [
    ['patched.py'],
    ['folder/patched.py'],
    ['patched_compiled.pyc'],
    ['patched.zip'],
    ['-m', 'patched'],
    ['-c', FILES['patched.py']],
]


@pytest.mark.parametrize('command', PATCHED, ids=lambda c: c[0])
def test_program_is_patched(programs, command):
    assert run(programs, *US, *command) == (0, b'True\n', b'')


def test_program_from_stdin_is_patched(programs):
    text = FILES['patched.py'].encode()
    assert run(programs, *US, input=text) == (0, b'True\n', b'')


@pytest.mark.parametrize('command', PATCHED, ids=lambda c: c[0])
def test_environment_turns_it_off(programs, command):
    env = dict(os.environ, PYPLUSTHREAD='0')
    assert run(programs, *US, *command, env=env) == (0, b'False\n', b'')


@pytest.mark.parametrize('option, name', [
    ('--no-lock', 'Lock'),
    ('--no-rlock', 'RLock'),
    ('--no-condition', 'Condition'),
    ('--no-semaphore', 'Semaphore'),
    ('--no-bounded-semaphore', 'BoundedSemaphore'),
    ('--no-event', 'Event'),
    ('--no-barrier', 'Barrier'),
    ('--no-queue', 'Queue LifoQueue PriorityQueue'),
    ('--no-simple-queue', 'SimpleQueue'),
])
def test_option_leaves_a_name_as_it_is(programs, option, name):
    code = 'import threading, pyplusthread\n' \
           'print(*[name for name in "Lock RLock Condition Semaphore ' \
           'BoundedSemaphore Event Barrier Queue LifoQueue PriorityQueue ' \
           'SimpleQueue".split() if not pyplusthread.is_patched(name)])\n'
    assert run(programs, *US, option, '-c', code) == (
        0, name.encode() + b'\n', b'')


@pytest.mark.parametrize('arguments, hint', [
    (['--unknown', 'self.py'], '--unknown'),
    (['-x', 'self.py'], '-x'),
    (['--no', 'self.py'], '--no'),
    (['--fallb', 'self.py'], '--fallb'),
    (['--no-lock=1', 'self.py'], '--no-lock'),
    (['nothing.py'], 'nothing.py'),
    (['empty/nothing'], 'nothing'),
    (['self.py/nothing'], 'nothing'),
    (['-m'], '-m'),
    (['-c'], '-c'),
])
def test_mistake_is_one_line_and_status_2(programs, arguments, hint):
    status, output, errors = run(programs, *US, *arguments)
    assert status == 2
    assert output == b''
    assert errors.count(b'\n') == 1
    assert errors.startswith(b'python -m pyplusthread: ')
    assert hint.encode() in errors


@pytest.mark.parametrize('option', ['-h', '--help'])
def test_help(programs, option):
    status, output, errors = run(programs, *US, option)
    assert (status, errors) == (0, b'')
    for word in b'--fallback', b'--no-lock', b'-m module', b'PYPLUSTHREAD=0':
        assert word in output


def test_version(programs):
    expected = f'pyplusthread {pyplusthread.__version__}\n'.encode()
    assert run(programs, *US, '--version') == (0, expected, b'')


@pytest.mark.parametrize('tool', [
    ['-m', 'cProfile', '-o', os.devnull],
    ['-m', 'trace', '--count', '-C', 'counts'],
    ['-m', 'pdb', '-c', 'continue', '-c', 'quit'],
], ids=lambda tool: tool[1])
@pytest.mark.parametrize('order', ['inside', 'outside'])
def test_tools_run_inside_and_outside(programs, tmp_path, tool, order):
    (tmp_path / 'patched.py').write_text(FILES['patched.py'])
    (tmp_path / 'counts').mkdir()
    if order == 'inside':
        command = [*US, *tool, 'patched.py']
    elif tool[1] == 'trace':
        command = [*tool, '--module', 'pyplusthread', 'patched.py']
    else:
        command = [*tool, *US, 'patched.py']
    status, output, _ = run(tmp_path, *command)
    assert status == 0
    assert b'True\n' in output


@pytest.fixture
def without_core(tmp_path):
    """An environment whose package has no compiled part."""
    package = os.path.dirname(pyplusthread.__file__)
    shutil.copytree(package, tmp_path / 'lib' / 'pyplusthread',
                    ignore=shutil.ignore_patterns('_core*', '__pycache__'))
    return dict(os.environ, PYTHONPATH=str(tmp_path / 'lib'))


STOCK = '''\
import threading
print(type(threading.Lock()).__module__, __name__)
try:
    import pyplusthread
except ImportError as error:
    print(error.name)
'''


@pytest.mark.parametrize('command', [['stock.py'], ['-m', 'stock'],
                                     ['-m', 'wants'], ['-c', STOCK]],
                         ids=lambda command: command[-1][:10])
def test_fallback_runs_the_program_unpatched(without_core, tmp_path, command):
    (tmp_path / 'stock.py').write_text(STOCK)
    (tmp_path / 'wants').mkdir()
    (tmp_path / 'wants' / '__init__.py').touch()
    (tmp_path / 'wants' / '__main__.py').write_text(STOCK)
    status, output, errors = run(tmp_path, *US, '--fallback', *command,
                                 env=without_core)
    assert (status, errors) == (0, b'')
    assert output == b'_thread __main__\npyplusthread._core\n'


def test_fallback_is_not_needed_where_all_is_well(programs):
    assert run(programs, *US, '--fallback', 'patched.py')[1] == b'True\n'


def test_without_fallback_it_is_one_line(without_core, tmp_path):
    status, output, errors = run(tmp_path, *US, '-c', 'print("ran")',
                                 env=without_core)
    assert status == 1
    assert output == b''
    assert errors.count(b'\n') == 1
    assert b'pip install' in errors


def test_mistakes_and_help_need_no_compiled_part(without_core, tmp_path):
    assert run(tmp_path, *US, '--help', env=without_core)[0] == 0
    assert run(tmp_path, *US, '--version', env=without_core)[0] == 0
    assert run(tmp_path, *US, '--unknown', env=without_core)[0] == 2


def test_package_that_imports_it_fails_when_it_is_the_program(
        without_core, tmp_path):
    # Not this package, but another one, is on its way to __main__.
    (tmp_path / 'wants').mkdir()
    (tmp_path / 'wants' / '__init__.py').write_text('import pyplusthread\n')
    (tmp_path / 'wants' / '__main__.py').write_text('print("ran")\n')
    status, output, errors = run(tmp_path, '-m', 'wants', env=without_core)
    assert status == 1
    assert output == b''
    assert b'pip install' in errors
