# SPDX-License-Identifier: MIT
"""python -m pyplusthread: what python does, with threading patched."""
import os
import pathlib
import pty
import re
import signal
import subprocess
import sys
import time

import pytest

from mains import SELF, US, run, same


@pytest.mark.parametrize('command', [
    ['self.py', 'a', '--no-lock', '-x', '-m', '--', 'b'],
    ['./self.py'],
    ['folder/link.py'],
    ['self_compiled.pyc', 'a'],
    ['folder', 'a'],
    ['./folder'],
    ['archive.zip', 'a'],
    ['-m', 'self', 'a', '--no-lock', '--', '-c'],
    ['-mself', 'a'],
    ['-m', 'package', 'a'],
    ['-m', 'package.sub', 'a'],
    ['-m', 'folder'],
    ['-c', SELF, 'a', '-m', 'b'],
    ['-c' + SELF, 'a'],
    ['--', 'self.py', 'a'],
    ['annotations.py'],
    ['future.py'],
    ['coding.py'],
    ['bom.py'],
    ['doc.py'],
    ['source.py'],
    ['pickles.py'],
    ['threads.py'],
], ids=lambda command: ' '.join(command[:2])[:20])
def test_program_sees_what_python_shows_it(programs, command):
    status, output, _ = same(programs, *command)
    assert status == 0
    assert output or command == ['future.py']


@pytest.mark.parametrize('command', [[], ['-'], ['-', 'a', '-x']])
def test_program_comes_from_stdin(programs, command):
    status, output, _ = same(programs, *command, input=SELF.encode())
    assert status == 0
    assert output


@pytest.mark.parametrize('flags', [
    ['-O'], ['-X', 'dev'], ['-W', 'error'], ['-s'],
    pytest.param(['-P'], marks=pytest.mark.skipif(
        sys.version_info < (3, 11), reason='new in 3.11')),
])
@pytest.mark.parametrize('command', [
    ['self.py'], ['folder'], ['-m', 'self'], ['-c', SELF]],
    ids=lambda command: command[0])
def test_options_of_python_count(programs, flags, command):
    # -P hides the modules of the current folder: it has to be named.
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(
        [os.environ.get('PYTHONPATH', ''), str(programs)]))
    status, output, _ = run(programs, *command, before=flags, env=env)
    ours = run(programs, *US, *command, before=flags, env=env)
    assert ours == (status, output, b'')
    assert status == 0


@pytest.mark.parametrize('command', [
    ['error.py'],
    ['chain.py'],
    ['group.py'],
    ['syntax.py'],
    ['hook.py'],
    ['warns.py'],
    ['atexits.py'],
    # Under ThreadSanitizer the first thread brings another one along.
    pytest.param(['forks.py'], marks=pytest.mark.unsanitized),
    ['keyboard.py'],
    ['-c', 'def f():\n    1 / 0\nf()'],
    ['-c', 'x ='],
    ['-c', '   1 / 0'],
    ['-m', 'nothing'],
    ['-m', 'package.nothing'],
    ['-m', 'empty'],
    ['empty'],
    ['argparse_.py'],
], ids=' '.join)
def test_program_fails_as_it_does_with_python(programs, command):
    status, output, errors = same(programs, *command)
    assert status != 0 or command == ['warns.py']
    assert output or errors


@pytest.mark.parametrize('code', ['0', '1', '7', '256', '-1', 'None', '"no"',
                                  '[1]', 'True'])
def test_program_exits_as_it_does_with_python(programs, code):
    same(programs, 'exits.py', code)


@pytest.mark.parametrize('module', ['error', 'broken', 'keyboard'])
def test_traceback_of_a_module_has_its_own_frames_only(programs, module):
    status, _, errors = run(programs, *US, '-m', module)
    files = re.findall(r'File "(.*?)"', errors.decode())
    assert status == run(programs, '-m', module)[0]
    assert files
    assert {os.path.dirname(os.path.dirname(name)) for name in files} <= {
        str(programs), str(programs.parent)}


def test_syntax_error_of_a_module_has_no_frames(programs):
    status, _, errors = run(programs, *US, '-m', 'syntax')
    assert status == 1
    assert errors.startswith(b'  File "' + str(programs).encode())


def test_code_of_the_command_line_is_quoted_by_tracebacks(programs):
    code = 'import traceback\n' \
           'try: 1 / 0\n' \
           'except ZeroDivisionError: traceback.print_exc()\n'
    assert b'try: 1 / 0' in run(programs, *US, '-c', code)[2]


def test_interpreter_that_stays_has_the_programs_names(programs):
    same(programs, '-c', 'x = 5', before=['-i', '-q'],
         input=b'print(x, __name__)\n')
    ours = run(programs, *US, '-c', 'x = 5; 1 / 0', before=['-i', '-q'],
               input=b'import sys; print(x, sys.last_traceback.tb_next)\n')
    assert ours[:2] == (0, b'5 None\n')


@pytest.mark.parametrize('method', ['fork', 'spawn', 'forkserver'])
@pytest.mark.parametrize('command', [['processes.py'], ['-m', 'processes']],
                         ids=' '.join)
def test_processes_find_the_main_module(programs, command, method):
    status, output, _ = same(programs, *command, method)
    assert status == 0
    assert output.endswith(b'\n0\n')


def rests(pid):
    """Whether the main thread sleeps, and has slept for a while."""
    seen = set()
    for _ in range(5):
        status = pathlib.Path(f'/proc/{pid}/status').read_text()
        seen.add((re.search(r'State:\s+(\S)', status)[1],
                  re.search(r'\nvoluntary\S+\s+(\d+)', status)[1]))
        time.sleep(0.01)
    return len(seen) == 1 and seen.pop()[0] == 'S'


# A signal that comes when the thread is about to fall asleep is seen when it
# is woken, in every Python.
@pytest.mark.parametrize('before', [[], US])
def test_interrupt_ends_it_by_the_signal(programs, before):
    code = '''if True:
        import signal, threading
        signal.signal(signal.SIGINT, signal.default_int_handler)
        print('ready', flush=True)
        threading.Event().wait()
    '''
    process = subprocess.Popen([sys.executable, *before, '-c', code],
                               stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    assert process.stdout.readline() == b'ready\n'
    while not rests(process.pid):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=120)[1]
    assert process.returncode == -signal.SIGINT
    assert errors.endswith(b'KeyboardInterrupt\n')
    assert b'_run.py' not in errors


@pytest.mark.parametrize('code', ['print("x" * 1000000)', 'print("x")'])
def test_reader_may_have_gone(programs, code):
    def status(*before):
        ours, theirs = os.pipe()
        os.close(ours)
        with os.fdopen(theirs, 'wb') as stdout:
            return subprocess.run([sys.executable, *before, '-c', code],
                                  stdout=stdout, timeout=120,
                                  stderr=subprocess.DEVNULL).returncode
    assert status(*US) == status() != 0


def test_terminal_gets_a_console(programs):
    ours, theirs = pty.openpty()
    os.write(ours, b'print(6 * 7, __name__)\nexit(4)\n')
    process = subprocess.run([sys.executable, *US], stdin=theirs,
                             capture_output=True, timeout=120)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 4
    assert b'42 __main__' in process.stdout


def test_closed_stdin_is_an_empty_program(programs):
    same(programs, stdin=None, preexec_fn=lambda: os.close(0))
