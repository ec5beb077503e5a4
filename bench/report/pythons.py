# SPDX-License-Identifier: MIT
"""The CPythons on this machine, and the package installed for one."""

import functools
import glob
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass

from process import Failure, run

OLDEST = (3, 10)
WANTED = (3, 11), (3, 13)
COUNT = 2
PIP = '-m', 'pip', '--quiet', '--disable-pip-version-check', 'install'

PROBE = '''
import importlib.util, json, os, platform, sys, sysconfig
header = os.path.join(sysconfig.get_path("include"), "Python.h")
missing = [name for name in ("venv", "ensurepip")
           if importlib.util.find_spec(name) is None]
if not os.path.exists(header):
    missing.append("headers")
print(json.dumps({
    "name": platform.python_implementation(),
    "version": sys.version_info[:3],
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "missing": missing}))
'''


class Unprepared(Exception):
    """What an interpreter lacks cannot be had."""


@dataclass(order=True, frozen=True)
class Python:
    """An interpreter."""

    version: tuple
    path: str
    name: str
    free_threaded: bool
    missing: tuple

    @property
    def minor(self):
        """As in 3.11, or 3.13t."""
        return ('.'.join(map(str, self.version[:2]))
                + 't' * self.free_threaded)

    def __str__(self):
        words = [self.name, '.'.join(map(str, self.version))]
        if self.free_threaded:
            words.append('free-threaded')
        return ' '.join(words)


def _probe(path):
    """The interpreter at path, or None."""
    try:
        out = subprocess.run([path, '-c', PROBE], capture_output=True,
                             text=True, check=True, timeout=20).stdout
        facts = json.loads(out)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    facts.update(version=tuple(facts['version']),
                 missing=tuple(facts['missing']))
    return Python(path=path, **facts)


def _candidates():
    pyenv = os.environ.get('PYENV_ROOT') or os.path.expanduser('~/.pyenv')
    folders = glob.glob(os.path.join(pyenv, 'versions', '*', 'bin'))
    folders += os.environ.get('PATH', '').split(os.pathsep)
    return sorted({os.path.realpath(path) for folder in folders
                   for path in glob.glob(os.path.join(folder,
                                                      'python3.[0-9]*'))
                   if re.fullmatch(r'python3\.\d+t?',
                                   os.path.basename(path))})


def choose(count=COUNT):
    """Those to measure, oldest first; and why others are left out.

    A free-threaded one is measured only if there are not enough others.
    """
    newest = {}
    notes = []
    found = [_probe(path) for path in _candidates()]
    for python in sorted(filter(None, found)):
        if python.name != 'CPython' or python.version < OLDEST:
            continue
        if python.missing:
            notes.append(f'{python} left out: no '
                         + ', no '.join(python.missing))
        else:
            newest[python.version[:2], python.free_threaded] = python
    if not newest:
        notes.append('Python left out: no CPython of at least '
                     '{}.{} with venv, pip and headers'.format(*OLDEST))
    preferred = sorted(newest, key=lambda kind: (
        not kind[1], kind[0] in WANTED, kind))
    return [newest[kind] for kind in sorted(preferred[-count:])], notes


def _venv(python, folder):
    """The path of a Python in a venv that has pyperf."""
    own = os.path.join(folder, 'bin', 'python')
    there = _probe(own)
    try:
        if there is None or there.version != python.version:
            run([python.path, '-m', 'venv', '--clear', folder], 120)
    except Failure as failure:
        raise Unprepared(str(failure).splitlines()[-1]) from None
    require(own, 'pyperf')
    return own


def require(own, package):
    """Have a package of others in that Python's venv."""
    try:
        run([own, *PIP, package], 120)
    except Failure as failure:
        raise Unprepared(str(failure).splitlines()[-1]) from None


@functools.cache
def install(python, root):
    """The path of a Python in a venv that has the package, as a release."""
    folder = os.path.join(root, f'build-bench-python-{python.minor}')
    build = os.path.join(folder, 'build')
    own = _venv(python, os.path.join(folder, 'venv'))
    shutil.rmtree(build, ignore_errors=True)
    run([own, *PIP, '--no-deps', '--force-reinstall',
         '--config-settings', f'build-dir={build}', root], 300)
    return own
