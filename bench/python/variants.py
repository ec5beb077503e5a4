# SPDX-License-Identifier: MIT
"""What is compared where threads share the GIL: classes, and settings.

Run as a script, says in JSON for each what keeps it from being measured.
"""

import contextlib
import json
import sys
from dataclasses import dataclass

import classes


@dataclass(frozen=True)
class Variant:
    """A module's classes, and what is set while they are measured."""

    classes: str
    interval: float = None  # seconds; None: the interpreter's own
    priority: bool = False


VARIANTS = {
    'stock': Variant('stock'),
    'stock-0.1ms': Variant('stock', interval=1e-4),
    'stock-priority': Variant('stock', priority=True),
    'native': Variant('native'),
    'native-priority': Variant('native', priority=True),
}
NAMES = tuple(VARIANTS)


@contextlib.contextmanager
def _switch_interval(seconds):
    before = sys.getswitchinterval()
    sys.setswitchinterval(before if seconds is None else seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextlib.contextmanager
def _gil_priority(enabled):
    """Of all threads: once the package is there, stock's have it, too."""
    if enabled:
        classes.load('native')
    module = sys.modules.get(classes.MODULES['native'])
    if module is None:
        yield
        return
    before = module.gil_info()
    module.set_gil_priority(enabled)
    try:
        now = module.gil_info()
        if enabled and not now['priority']:
            sys.exit(f'GIL priority: {now["reason"]}')
        yield
    finally:
        module.set_gil_priority(before['priority'],
                                cpu_share=before['cpu_share'])


@contextlib.contextmanager
def active(name):
    """Have that variant in force: its module.  Then all is as before."""
    variant = VARIANTS[name]
    module = classes.load(variant.classes)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_switch_interval(variant.interval))
        stack.enter_context(_gil_priority(variant.priority))
        yield module


def patched(module):
    """A context in which threading has that variant's classes."""
    return classes.patched(module)


def obstacle(name):
    """Why that variant cannot be measured here; None: it can."""
    try:
        with active(name):
            return None
    except SystemExit as reason:
        return str(reason)


def possible():
    """The names of those that can be measured; says which cannot."""
    names = []
    for name in NAMES:
        reason = obstacle(name)
        if reason is None:
            names.append(name)
        else:
            print(f'{name} left out: {reason}', file=sys.stderr)
    return names


if __name__ == '__main__':
    print(json.dumps({name: obstacle(name) for name in NAMES}))
