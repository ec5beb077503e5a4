# SPDX-License-Identifier: MIT
"""The classes that are compared: the running Python's own, and ours.

A module stands for its classes, so that each loop runs with either.
"""

import contextlib
import importlib
import sys

MODULES = {'stock': 'threading', 'native': 'pyplusthread'}
NAMES = tuple(MODULES)


def load(name):
    """The module with the classes 'stock' or 'native'."""
    try:
        return importlib.import_module(MODULES[name])
    except ImportError as error:
        sys.exit(f'{name} classes: {error}')


def patched(module):
    """A context in which threading has module's classes."""
    return getattr(module, 'patched', contextlib.nullcontext)()
