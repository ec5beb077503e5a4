# SPDX-License-Identifier: MIT
"""Put the native types into threading and queue, and take them out again.

Only the names in these modules change, by one assignment each.  What somebody
took from there before, with "from threading import Lock" or by making an
object, stays what it is.
"""
import _thread
import contextlib
import importlib
import os
import threading
import types

from . import _core, _dill
from ._names import NAMES

# The module that each name is in.
_home = {name: importlib.import_module(module)
         for module, *names in NAMES.values() for name in names}

_native = {name: getattr(_core, name) for name in _home}

# What was there at first, or what patch() found later.
_original = {name: getattr(home, name) for name, home in _home.items()}

# The blocks of patched() that threads are in, in the order of their begin:
# (the thread that began it, what it found).
_blocks: list = []
_blocks_lock = _thread.allocate_lock()


def patch(*, lock=True, rlock=True, condition=True, semaphore=True,
          bounded_semaphore=True, event=True, barrier=True, queue=True,
          simple_queue=True):
    """Replace threading.Lock and its family, and the queues, by native types.

    The argument queue is for queue.Queue, LifoQueue and PriorityQueue.

    A name whose argument is false is left as it is.  Existing objects, and
    names that other modules have imported from threading or queue, are left
    as they are too: call this first.

    Does nothing where the environment has PYPLUSTHREAD=0.

    Raises RuntimeError where gevent or eventlet has replaced the threads:
    native types would block all of its greenlets.
    """
    which = dict(locals())  # it grows while a debugger looks
    if is_turned_off():
        return
    _refuse_green_threads()
    _dill.register()
    for name in _chosen(**which):
        _put(name)


def _refuse_green_threads():
    if not isinstance(threading.get_ident, types.BuiltinFunctionType):
        raise RuntimeError(
            f'patch() comes too late: {threading.get_ident.__module__} has '
            f'made green threads of the threads, and native types would '
            f'block all of them')


def before_gevent(event):
    """gevent's plugin: its greenlets need the types that it finds stock."""
    if event.module_name == 'threading':
        unpatch()
    elif event.module_name == 'queue':
        for name in _chosen(queue=True, simple_queue=True):
            _take(name)


def unpatch(*, lock=True, rlock=True, condition=True, semaphore=True,
            bounded_semaphore=True, event=True, barrier=True, queue=True,
            simple_queue=True):
    """Give threading and queue back what patch() replaced.

    A name whose argument is false is left as it is, and so is a name that is
    not patched, or that something else has replaced since.
    """
    for name in _chosen(**locals()):
        _take(name)


@contextlib.contextmanager
def patched(*, lock=True, rlock=True, condition=True, semaphore=True,
            bounded_semaphore=True, event=True, barrier=True, queue=True,
            simple_queue=True):
    """A context manager that calls patch(), and undoes it in the end.

    Other threads see the change as well, since there is only one threading.
    If blocks overlap, the last one to end restores a name.  Raises what patch()
    raises.
    """
    which = dict(locals())  # it grows while a debugger looks
    with _blocks_lock:
        found = {name: _now(name) for name in _chosen(**which)}
        block = (_thread.get_ident(), found)
        _blocks.append(block)
        try:
            patch(**which)
        except BaseException:
            _end(block)
            raise
    try:
        yield
    finally:
        with _blocks_lock:
            _end(block)


def is_patched(name=None):
    """Whether a name ('Lock', 'Queue', ...) is patched: is the native type.

    Without a name: whether all names are.  Raises ValueError for any other
    name.
    """
    if name is not None:
        return _now(_known(name)) is _native[name]
    return all(is_patched(each) for each in _native)


def get_original(name):
    """The type that a name ('Lock', ...) has where it is not patched.

    Raises ValueError for any other name.
    """
    return _original[_known(name)]


def is_turned_off():
    """Whether the environment turns patch() off."""
    return os.environ.get('PYPLUSTHREAD') == '0'


def _chosen(**which):
    return [name for argument, wanted in which.items() if wanted
            for name in NAMES[argument][1:]]


def _now(name):
    return getattr(_home[name], name)


def _known(name):
    if name not in _native:
        raise ValueError(f'no name {name!r} to patch; '
                         f'there are {", ".join(_native)}')
    return name


def _end(block):
    """Restore what the block found, or have a later block do so."""
    position = next(i for i, each in enumerate(_blocks) if each is block)
    del _blocks[position]
    later = [found for _, found in _blocks[position:]]
    for name, value in block[1].items():
        heir = next((found for found in later if name in found), None)
        if heir is None:
            setattr(_home[name], name, value)
        else:
            heir[name] = value


def _forget_others():
    """In the child of a fork: blocks of threads that it has not."""
    _blocks_lock._at_fork_reinit()
    _blocks[:] = [each for each in _blocks if each[0] == _thread.get_ident()]


os.register_at_fork(after_in_child=_forget_others)


def _put(name):
    found = _now(name)
    if found is not _native[name]:
        _original[name] = found
        setattr(_home[name], name, _native[name])


def _take(name):
    if is_patched(name):
        setattr(_home[name], name, _original[name])
