# SPDX-License-Identifier: MIT
"""Find the CPythons of this machine: the newest of each minor version."""
import dataclasses
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

OLDEST = (3, 10)

PROBE = '''
import json, os, sys, sysconfig
print(json.dumps({
    'implementation': sys.implementation.name,
    'version': sys.version_info[:3],
    'free_threaded': bool(sysconfig.get_config_var('Py_GIL_DISABLED')),
    'executable': os.path.realpath(sys.executable),
    'headers': os.path.exists(
        os.path.join(sysconfig.get_path('include'), 'Python.h')),
    'release': sys.version.split()[0],
}))
'''


@dataclasses.dataclass
class Python:
    path: str
    version: tuple      # (3, 13)
    release: str        # '3.13.0'
    micro: tuple        # (3, 13, 0)
    name: str           # '3.13', '3.13t'
    headers: bool


def candidates():
    """Paths that may be a Python."""
    root = Path(os.environ.get('PYENV_ROOT', Path.home() / '.pyenv'))
    for folder in sorted(root.glob('versions/*/bin')):
        yield from sorted(folder.glob('python3.*'))
    for folder in os.get_exec_path():
        if os.path.isdir(folder):
            yield from sorted(Path(folder).glob('python3.*'))


def probe(path):
    """The Python at path, or None if it is none that can be tested."""
    try:
        done = subprocess.run([path, '-I', '-c', PROBE], timeout=60,
                              capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    version = tuple(found['version'][:2])
    if found['implementation'] != 'cpython' or version < OLDEST:
        return None
    name = '.'.join(map(str, version)) + 't' * found['free_threaded']
    return Python(str(path), version, found['release'],
                  tuple(found['version']), name, found['headers'])


def find(wanted=''):
    """The newest of each minor version, or of those that are wanted."""
    newest = {}
    for path in candidates():
        if not re.fullmatch(r'python3\.\d+t?', path.name):
            continue
        python = probe(path)
        if python is None:
            continue
        known = newest.get(python.name)
        if known is None or python.micro > known.micro:
            newest[python.name] = python
    if wanted:
        newest = {name: python for name, python in newest.items()
                  if name in wanted.split()}
    return sorted(newest.values(),
                  key=lambda python: (python.version, python.name))


def in_venv(folder):
    return str(folder / 'bin' / 'python')


def has_compiler():
    return shutil.which(os.environ.get('CC', 'cc').split()[0]) is not None
