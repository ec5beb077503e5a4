# SPDX-License-Identifier: MIT
"""python -m pyplusthread: run a program with threading and queue patched.

The program runs as python itself runs it: in the module __main__, with its
own sys.argv and sys.path[0].  What it raises goes on to python, which knows
the exit status; but the traceback is shown without the frames of this file.
"""
import argparse
import builtins
import errno
import importlib.machinery
import linecache
import os
import pkgutil
import runpy
import signal
import sys
import textwrap
import types

import pyplusthread
from pyplusthread import _priority
from pyplusthread._names import NAMES

PROGRAM = 'python -m pyplusthread'
USAGE = f"""\
{PROGRAM} [option ...] script [argument ...]
       {PROGRAM} [option ...] -m module [argument ...]
       {PROGRAM} [option ...] -c code [argument ...]
       {PROGRAM} [option ...] [- [argument ...]]"""

# The modules whose frames lie between python and the program.
BETWEEN = {__name__, 'runpy', 'zipimport', 'importlib._bootstrap',
           'importlib._bootstrap_external'}


def main():
    """Do what the command line says."""
    options, run, program = _read(sys.argv[1:])
    if run is _run_script:
        _check_script(_absolute(program[0][0]))
    _patch(options)
    _observe(options)
    try:
        run(_new_main(), *program)
    except SystemExit:
        raise
    except BaseException as error:
        _show_without_us(error)
        raise


# The command line.

def _read(argv):
    """Our options, the function that runs the program, and its arguments."""
    own, program = _split(argv)
    parser = _parser()
    options = parser.parse_args(own)
    if not program or program[0] == '-':
        return options, _run_stdin, [program or ['']]
    option, attached = program[0][:2], program[0][2:]
    if option not in ('-c', '-m'):
        return options, _run_script, [program]
    if attached:
        program[1:1] = [attached]
    elif not program[1:]:
        parser.error(f'argument expected for the {option} option')
    run = _run_code if option == '-c' else _run_module
    return options, run, [program[1], [option, *program[2:]]]


def _split(argv):
    """Our options, which end where the program begins; the program."""
    i = 0
    while i < len(argv):
        if argv[i] == '--':
            return argv[:i], argv[i + 1:]
        if argv[i][:1] != '-' or argv[i][:2] in ('-', '-c', '-m'):
            return argv[:i], argv[i:]
        i += 2 if _takes_next(argv, i) else 1
    return argv, []


def _takes_next(argv, i):
    """Whether the option at i has its argument in the next word."""
    if argv[i] == '--gil-report':
        return argv[i + 1:] and argv[i + 1].endswith('.html')
    return argv[i] in ('--gil-priority', '--gil-signal', '--gil-trace')


class _Parser(argparse.ArgumentParser):

    def error(self, message):
        _fail(f'{message} (try --help)')


def _parser():
    parser = _Parser(
        prog=PROGRAM, usage=USAGE, allow_abbrev=False,
        description='Run a Python program with the native types of '
                    'pyplusthread in threading and queue, and with the GIL '
                    'scheduled.  PYPLUSTHREAD=0 in the '
                    'environment runs it without them.')
    for argument, (module, *names) in NAMES.items():
        parser.add_argument(
            f'--no-{argument}'.replace('_', '-'), dest=argument,
            action='store_false',
            help=f'leave {module}.{", ".join(names)} as it is')
    parser.add_argument(
        '--gil-only', action='store_true',
        help='leave threading and queue as they are; the GIL is scheduled all '
             'the same')
    parser.add_argument(
        '--gil-priority', metavar='on|off|SHARE', type=_gil_priority,
        help='whether threads that come back from blocking calls get the GIL '
             'before CPU-bound ones, and the least share of the time that '
             'these keep (on: 0.3); as PYPLUSTHREAD_GIL_PRIORITY in the '
             'environment')
    parser.add_argument(
        '--gil-report', metavar='FILE.html', nargs='?', default=False,
        help='print at the end who held the GIL and who waited for it; with '
             'a file, make a page with charts, too')
    parser.add_argument(
        '--gil-trace', metavar='FILE',
        help='write at the end a timeline of the GIL, for Perfetto or '
             'chrome://tracing')
    parser.add_argument(
        '--loop-lateness', action='store_true',
        help='print at the end how late the event loops of asyncio ran: '
             'because of the GIL, and because of their own callbacks')
    parser.add_argument(
        '--doctor', action='store_true',
        help='print at the end in plain words what is wrong with the use of '
             'the GIL, and at which lines')
    parser.add_argument(
        '--gil-signal', metavar='SIGNAL', type=_signal,
        help='print and write all of this whenever that signal comes, too, '
             'for example USR2')
    parser.add_argument(
        '--fallback', action='store_true',
        help='run without the native types where they cannot be imported')
    version = getattr(pyplusthread, '__version__', '(compiled part missing)')
    parser.add_argument('--version', action='version',
                        version=f'pyplusthread {version}')
    return parser


def _gil_priority(text):
    try:
        return _priority.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(error) from None


def _signal(text):
    name = text.upper()
    number = getattr(signal, name if name[:3] == 'SIG' else f'SIG{name}', None)
    if (not isinstance(number, signal.Signals)
            or number in (signal.SIGKILL, signal.SIGSTOP)):
        raise argparse.ArgumentTypeError(
            f'{text!r} is not the name of a signal that can be handled')
    return number


def _fail(message):
    print(f'{PROGRAM}: {message}', file=sys.stderr)
    sys.exit(2)


def _patch(options):
    if pyplusthread._missing is None:
        if options.gil_priority is not None:
            enabled, cpu_share = options.gil_priority
            pyplusthread.set_gil_priority(enabled, cpu_share=cpu_share)
        if not options.gil_only:
            pyplusthread.patch(**{name: getattr(options, name)
                                  for name in NAMES})
    elif options.fallback:
        _forget_the_package()
    else:
        sys.exit(f'{PROGRAM}: {pyplusthread._missing}')


def _observe(options):
    """Begin what is to be reported at the end."""
    if (options.gil_report is False and options.gil_trace is None
            and not options.loop_lateness and not options.doctor):
        if options.gil_signal is not None:
            _fail('--gil-signal has nothing to show (try --help)')
        return
    if pyplusthread._missing is not None:  # and there is a fallback
        return
    from pyplusthread import (_doctor, _lateness, _locks, _report, _trace,
                              _watch)
    tools = []
    try:
        if options.gil_report is not False:
            tools.append(_report.Report(options.gil_report))
            tools.append(_locks.Locks())
        if options.gil_trace is not None:
            tools.append(_trace.Trace(options.gil_trace))
        if options.loop_lateness:
            tools.append(_lateness.Loops())
        if options.doctor:
            tools.append(_doctor.Doctor())
    except OSError as error:
        _fail(f"can't write {error.filename!r}: {error.strerror}")
    _watch.Watch(tools, options.gil_signal).begin()


def _forget_the_package():
    """The program's own "import pyplusthread" shall fail as it always does."""
    for name in list(sys.modules):
        if name.partition('.')[0] == 'pyplusthread':
            del sys.modules[name]


# The program.

def _new_main():
    """The namespace of a __main__ as python has it before a program runs."""
    module = sys.modules['__main__'] = types.ModuleType('__main__')
    module.__loader__ = importlib.machinery.BuiltinImporter
    module.__builtins__ = builtins
    if sys.version_info < (3, 14):
        module.__annotations__ = {}
    return vars(module)


def _absolute(path):
    return path if os.path.isabs(path) else os.path.join(os.getcwd(), path)


def _check_script(path):
    """There is nothing to report of a program that cannot be read.

    It is not opened, as it may be a pipe.
    """
    try:
        os.stat(path)
        if not os.access(path, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        _cannot_open(path, error)


def _cannot_open(path, error):
    _fail(f"can't open file {path!r}: {error.strerror}")


def _run_script(namespace, argv):
    sys.argv = argv
    path = _absolute(argv[0])
    if pkgutil.get_importer(path) is not None:  # a folder, a zip file
        _set_path(path, whatever_is_safe=True)
        runpy._run_module_as_main('__main__', alter_argv=False)
        return
    try:
        loader, compiled = _load(path)
    except OSError as error:
        _cannot_open(path, error)
    _set_path(os.path.dirname(os.path.realpath(path)))
    _set_file(namespace, path)
    namespace['__loader__'] = loader
    exec(compiled, namespace)


def _load(path):
    if path.endswith('.pyc'):
        loader = importlib.machinery.SourcelessFileLoader('__main__', path)
        return loader, loader.get_code('__main__')
    loader = importlib.machinery.SourceFileLoader('__main__', path)
    return loader, loader.source_to_code(loader.get_data(path), path)


def _run_module(_namespace, name, argv):
    sys.argv = argv
    runpy._run_module_as_main(name)


def _run_code(namespace, text, argv):
    sys.argv = argv
    _set_path('')
    if sys.version_info >= (3, 14):
        text = textwrap.dedent(text)
    # Tracebacks quote it, where they would look into a file.
    linecache.cache['<string>'] = (
        len(text), None, text.splitlines(keepends=True), '<string>')
    exec(compile(text, '<string>', 'exec', dont_inherit=True), namespace)


def _run_stdin(namespace, argv):
    sys.argv = argv
    _set_path('')
    if sys.stdin is None:
        return
    if sys.stdin.isatty():
        getattr(sys, '__interactivehook__', int)()
        import code     # a program may have a module of that name
        code.interact(local=namespace, exitmsg='')
        return
    text = sys.stdin.buffer.read()
    _set_file(namespace, '<stdin>')
    exec(compile(text, '<stdin>', 'exec', dont_inherit=True), namespace)


def _set_path(folder, whatever_is_safe=False):
    """Put folder in the place of the current one, first in sys.path."""
    if not getattr(sys.flags, 'safe_path', sys.flags.isolated):
        sys.path[0] = folder
    elif whatever_is_safe:
        sys.path.insert(0, folder)


def _set_file(namespace, path):
    namespace['__file__'] = path
    if sys.version_info < (3, 15):
        namespace['__cached__'] = None


# Its end.

def _show_without_us(error):
    """Have sys.excepthook, this once, show only the program's own frames."""
    hook = sys.excepthook
    traceback = error.__traceback__
    while traceback and _is_between(traceback.tb_frame):
        traceback = traceback.tb_next

    def show(kind, error, _):
        sys.excepthook = hook
        sys.last_traceback = traceback
        hook(kind, error.with_traceback(traceback), traceback)

    sys.excepthook = show


def _is_between(frame):
    return frame.f_globals.get('__name__') in BETWEEN
