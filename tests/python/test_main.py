# SPDX-License-Identifier: MIT
"""python -m pyplusthread: what python does, with threading patched."""
import os
import pathlib
import pty
import py_compile
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile

import pytest

import pyplusthread

US = ['-m', 'pyplusthread']

# Prints what a program can see of how it was started.
SELF = '''\
import sys
import __main__
hidden = {'__builtins__', '__loader__', '__spec__', 'sys', '__main__',
          'hidden'}
print({name: value for name, value in globals().items()
       if name not in hidden})
print(getattr(__loader__, '__name__', type(__loader__).__name__))
print(__spec__ and (__spec__.name, __spec__.origin, __spec__.parent))
print(type(__builtins__), sys.modules['__main__'] is __main__)
print(vars(__main__) is globals(), sys.argv, sys.path[0])
print(sys._getframe().f_code.co_filename, sys.flags)
'''

FILES = {
    'self.py': SELF,
    'folder/__main__.py': SELF,
    'package/__init__.py': '',
    'package/__main__.py': SELF,
    'package/sub.py': 'from .other import y\nfrom . import other\n'
                      'print(y, other.__name__, __package__, __name__)\n',
    'package/other.py': 'y = 5\n',
    'empty/nothing.txt': '',
    'broken/__init__.py': '1 / 0\n',
    'annotations.py': 'print(globals().get("__annotations__"))\n'
                      'x: int = 3\n'
                      'print(globals().get("__annotations__"))\n',
    'future.py': 'def f(x: unknown): pass\n'
                 if sys.version_info >= (3, 14) else
                 'try:\n    def f(x: unknown): pass\n'
                 'except NameError: print("no future here")\n',
    'coding.py': b'# coding: latin-1\nprint(ascii("\xe9"))\n',
    'bom.py': b'\xef\xbb\xbfprint(__doc__)\n',
    'doc.py': '"""About it."""\nprint(__doc__)\n',
    'source.py': 'import inspect\n'
                 'class C:\n    def f(self): pass\n'
                 'print(inspect.getsource(C), inspect.getmodule(C))\n',
    'pickles.py': 'import pickle\n'
                  'class A: pass\n'
                  'print(pickle.dumps(A()))\n'
                  'print(type(pickle.loads(pickle.dumps(A()))) is A)\n',
    'syntax.py': 'def f():\n    return (1\nx = 2 3\n',
    'error.py': 'def f(n):\n'
                '    if n: f(n - 1)\n'
                '    raise ValueError("x")\n'
                'f(3)\n',
    'chain.py': 'try:\n    import error\n'
                'except ValueError as e:\n    raise KeyError("a") from e\n',
    'group.py': 'raise BaseException("base")\n',
    'keyboard.py': 'raise KeyboardInterrupt\n',
    'exits.py': 'import sys\nsys.exit(eval(sys.argv[1]))\n',
    'hook.py': 'import sys, traceback\n'
               'def hook(kind, error, tb):\n'
               '    print(kind, error, len(traceback.extract_tb(tb)),\n'
               '          error.__traceback__ is tb, sys.excepthook is hook,\n'
               '          sys.last_traceback is tb)\n'
               'sys.excepthook = hook\n'
               '1 / 0\n',
    'warns.py': 'import warnings\n'
                'warnings.warn("x", DeprecationWarning)\n'
                'def f(): warnings.warn("y", UserWarning, stacklevel=2)\n'
                'f()\n',
    'atexits.py': 'import atexit, sys, __main__\n'
                  'x = 3\n'
                  'def bye():\n'
                  '    print("bye", __main__.x, x,\n'
                  '          sys.modules["__main__"] is __main__)\n'
                  'atexit.register(bye)\n'
                  '1 / 0\n',
    'threads.py': 'import threading, __main__\n'
                  'event = threading.Event()\n'
                  'def late():\n'
                  '    event.wait()\n'
                  '    print(__main__.event is event, __main__.__name__)\n'
                  'def waker():\n'
                  '    threading.main_thread().join()\n'
                  '    event.set()\n'
                  'threading.Thread(target=late).start()\n'
                  'threading.Thread(target=waker).start()\n',
    'forks.py': 'import os, sys, threading\n'
                'pid = os.fork()\n'
                'if pid == 0:\n'
                '    raise ValueError("in the child")\n'
                'print(os.waitpid(pid, 0)[1])\n'
                'sys.exit(3)\n',
    'processes.py': 'import multiprocessing, sys\n'
                    'class A:\n'
                    '    def __init__(self): self.x = 1\n'
                    'def f(pipe, a):\n'
                    '    pipe.send((__name__, type(a).__module__, sys.argv))\n'
                    'if __name__ == "__main__":\n'
                    '    ctx = multiprocessing.get_context(sys.argv[1])\n'
                    '    ours, theirs = ctx.Pipe()\n'
                    '    p = ctx.Process(target=f, args=(theirs, A()))\n'
                    '    p.start()\n'
                    '    print(ours.recv())\n'
                    '    p.join()\n'
                    '    print(p.exitcode)\n',
    'patched.py': 'import threading, pyplusthread\n'
                  'print(threading.Lock is pyplusthread.Lock)\n',
    'argparse_.py': 'import argparse\n'
                    'p = argparse.ArgumentParser()\n'
                    'p.add_argument("x")\n'
                    'p.parse_args()\n',
}


@pytest.fixture(scope='module')
def programs(tmp_path_factory):
    """A folder with programs of all kinds."""
    folder = tmp_path_factory.mktemp('programs')
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    (folder / 'folder' / 'link.py').symlink_to('../self.py')
    (folder / 'folder' / 'patched.py').write_text(FILES['patched.py'])
    with zipfile.ZipFile(folder / 'archive.zip', 'w') as archive:
        archive.writestr('__main__.py', SELF)
    with zipfile.ZipFile(folder / 'patched.zip', 'w') as archive:
        archive.writestr('__main__.py', FILES['patched.py'])
    for name in 'self', 'patched':
        py_compile.compile(str(folder / f'{name}.py'),
                           cfile=str(folder / f'{name}_compiled.pyc'))
    return folder


def run(folder, *command, before=(), **options):
    """Exit status, output, errors; before: what comes before -m."""
    options.setdefault('stdin', subprocess.DEVNULL)
    if 'input' in options:
        del options['stdin']
    done = subprocess.run([sys.executable, *before, *command], cwd=folder,
                          capture_output=True, timeout=120, **options)
    return done.returncode, done.stdout, done.stderr


def same(folder, *command, **options):
    """Run it with python and with us; the same must happen."""
    python = run(folder, *command, **options)
    ours = run(folder, *US, *command, **options)
    assert ours == python
    return python


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
