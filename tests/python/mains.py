# SPDX-License-Identifier: MIT
"""Programs of all kinds, for python and for python -m pyplusthread."""
import py_compile
import subprocess
import sys
import zipfile

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


def write_programs(folder):
    """All of them, and archives and compiled ones."""
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
