# SPDX-License-Identifier: MIT
"""What includes what: no circle of files is allowed, nor one of folders.

A file and its header are one.

layers.py FOLDER...  the sources below each folder, taken together
"""
import graphlib
import re
import sys
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.MULTILINE)


def sources(folders):
    return [path for folder in folders
            for path in sorted(Path(folder).rglob('*.[ch]'))]


def module(path):
    """cond.c and cond.h are one, and so is a port with its contract."""
    parts = path.parts
    if 'port' in parts:
        return Path(*parts[:parts.index('port') + 1])
    return path.with_suffix('')


def found(name, path, paths):
    """The source that path means by name: beside it, or by its own end."""
    beside = (path.parent / name).resolve()
    ends = [other for other in paths
            if other.parts[-len(Path(name).parts):] == Path(name).parts]
    return [beside] if beside in paths else ends


def graph(folders):
    """Who includes whom: module to set of modules."""
    paths = {path.resolve() for path in sources(folders)}
    edges = {}
    for path in sorted(paths):
        mine = edges.setdefault(module(path), set())
        for name in INCLUDE.findall(path.read_text(encoding='utf-8')):
            mine.update(module(other) for other in found(name, path, paths))
        mine.discard(module(path))
    return edges


def folder(path):
    return path if path.is_dir() else path.parent


def of_folders(edges):
    """The same graph, each folder taken as one."""
    result = {}
    for path, others in edges.items():
        mine = result.setdefault(folder(path), set())
        mine.update(folder(other) for other in others)
        mine.discard(folder(path))
    return result


def check(edges):
    try:
        graphlib.TopologicalSorter(edges).prepare()
    except graphlib.CycleError as error:
        names = ' -> '.join(path.name for path in error.args[1])
        sys.exit(f'a circle: {names}')


def main(folders):
    edges = graph(folders)
    if not any(edges.values()):
        sys.exit(f'nothing is included below {", ".join(folders)}')
    check(edges)
    check(of_folders(edges))
    print(f'{len(edges)} modules, no circle')


if __name__ == '__main__':
    main(sys.argv[1:])
