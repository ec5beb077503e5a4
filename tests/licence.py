"""Each source says its licence.

licence.py ROOT [--write]   --write adds it where it is missing

Skipped (status 77) where git does not know the sources: in an archive of
them, or without git.
"""
import re
import subprocess
import sys
from pathlib import Path

TAG = 'SPDX-License-Identifier: MIT'
KINDS = {'.c', '.cc', '.h', '.py', '.pyi', '.sh', '.pml', '.pl', '.java', '.S'}
WITHOUT_END = {'run', 'meson.build', 'meson_options.txt', 'programs'}
ELSEWHERE = re.compile(r'tests/(dropin/|preload/programs\.pl)')


def sources(root):
    """Those that git knows; the small inputs of tests are not among them."""
    try:
        listed = subprocess.run(['git', 'ls-files', '-z'], cwd=root,
                                check=True, stdout=subprocess.PIPE,
                                text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        print('skipped:', error)
        sys.exit(77)
    for name in filter(None, listed.split('\0')):
        path = root / name
        if ((path.suffix in KINDS or path.name in WITHOUT_END)
                and path.is_file() and path.stat().st_size
                and not ELSEWHERE.match(name)):
            yield path


def tagged(path, text):
    """The text with a tag in its first comment, or above all."""
    if path.suffix in ('.c', '.cc', '.h', '.S', '.java', '.pml'):
        head = re.match(r'/\*\n(?:.*\n)*? \*/\n', text)
        if head:
            return text[:head.end() - 4] + f' *\n * {TAG}\n */\n' \
                + text[head.end():]
        return f'/* {TAG} */\n{text}'
    first, rest = re.match(r'((?:#!.*\n)?)((?:.|\n)*)', text).groups()
    return f'{first}# {TAG}\n{rest}'


def main(root, *options):
    root = Path(root).resolve()
    missing = [path for path in sources(root)
               if TAG not in path.read_text(encoding='utf-8')]
    if options == ('--write',):
        for path in missing:
            path.write_text(tagged(path, path.read_text(encoding='utf-8')),
                            encoding='utf-8')
    else:
        sys.exit('\n'.join(f'{path.relative_to(root)}: no {TAG}'
                           for path in missing) or None)


if __name__ == '__main__':
    main(*sys.argv[1:])
