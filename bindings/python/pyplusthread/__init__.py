# SPDX-License-Identifier: MIT
"""Native Lock, RLock, Condition, Semaphore, BoundedSemaphore, Event, Barrier,
Queue, LifoQueue, PriorityQueue, SimpleQueue.

They take the place of the types of threading and queue that have these names:

    from pyplusthread import Condition

patch() puts them into those modules, for code that cannot be changed, and
"python -m pyplusthread script.py" does so for a whole program.

The import has threads that come back from blocking calls get the GIL before
CPU-bound ones, in the whole process: see set_gil_priority().  gil_stats() says
who holds it and who waits for it.
"""
import os
import sys

from . import _priority

__all__ = [
    'Barrier', 'BoundedSemaphore', 'BrokenBarrierError', 'Condition', 'Empty',
    'Event', 'Full', 'LifoQueue', 'Lock', 'PriorityQueue', 'Queue', 'RLock',
    'Semaphore', 'SimpleQueue',
    'get_include', 'get_original', 'gil_info', 'gil_stats', 'is_patched',
    'lock_stats', 'loop_lateness', 'observe_gil', 'observe_locks', 'patch',
    'patched', 'reset_gil_stats', 'set_gil_priority', 'unpatch',
    '__version__',
]


def get_include():
    """The folder of pyplusthread_capi.h, for extensions written in C."""
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), 'include')


def _advice(error):
    python = '{} {}.{}'.format(sys.implementation.name, *sys.version_info)
    return (f'the compiled part of pyplusthread cannot be imported by '
            f'{python}: {error}.  Install it in the folder of its sources: '
            f'{sys.executable} -m pip install --force-reinstall .')


def _is_the_program():
    """Whether "python -m pyplusthread" imports this, on its way to _run."""
    argv = getattr(sys, 'argv', [])
    return (argv[:1] == ['-m']
            and sys.orig_argv[-len(argv)].endswith(__name__))


_missing = None
try:
    from ._core import (Barrier, BoundedSemaphore, BrokenBarrierError,
                        Condition, Empty, Event, Full, LifoQueue, Lock,
                        PriorityQueue, Queue, RLock, Semaphore, SimpleQueue,
                        __version__, gil_info, set_gil_priority)
    from ._lateness import loop_lateness
    from ._locks import lock_stats, observe_locks
    from ._patch import get_original, is_patched, patch, patched, unpatch
    from ._stats import gil_stats, observe_gil, reset_gil_stats
except ImportError as error:
    _missing = ImportError(_advice(error), name=error.name, path=error.path)

# Of the module queue from Python 3.13 on.
if _missing is None and sys.version_info >= (3, 13):
    from ._core import ShutDown
    __all__.append('ShutDown')

# The program may have been told to do without: _run.py decides.
if _missing is None:
    _priority.apply_environment(set_gil_priority)
elif not _is_the_program():
    raise _missing
