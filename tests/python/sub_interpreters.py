# SPDX-License-Identifier: MIT
"""Sub-interpreters, by whatever module this Python has for them."""
import importlib
import sys


def _module():
    for name in '_interpreters', '_xxsubinterpreters':
        try:
            return importlib.import_module(name)
        except ImportError:
            pass
    return None


_interpreters = _module()

# Before 3.12 an isolated one has no threads, and none has its own GIL.
if _interpreters is None:
    KINDS = {}
elif sys.version_info < (3, 12):
    KINDS = {'shared': {'isolated': False}}
elif sys.version_info < (3, 13):
    KINDS = {'shared': {'isolated': False}, 'own': {'isolated': True}}
else:
    KINDS = {'shared': {'config': 'legacy'}, 'own': {'config': 'isolated'}}


def create(kind):
    """An interpreter that shares the GIL, or has its own."""
    return _interpreters.create(**KINDS[kind])


def execute(interpreter, code):
    error = _interpreters.run_string(interpreter, code)
    assert error is None, error


def destroy(interpreter):
    _interpreters.destroy(interpreter)


def run(code, kind):
    """Run it in an interpreter that begins and ends."""
    interpreter = create(kind)
    try:
        execute(interpreter, code)
    finally:
        destroy(interpreter)
