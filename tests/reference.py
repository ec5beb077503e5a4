# SPDX-License-Identifier: MIT
"""Nothing public is missing from the reference.

reference.py site ROOT HTML         every name of the headers and of the Python
                                    package has an entry in the site
reference.py manual FOLDER HEADER...  every function has a manual page, and
                                    groff, where it is, warns of nothing
"""
import re
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

from symbols import declared

PRIVATE = re.compile(r'/\*[\s*]*Private:(?:.|\n)*?\*/\n(?:[^\n].*\n)+')
C_NAMES = re.compile(
    r'^#define ((?:PPT|PYPLUSTHREAD)_[A-Z]\w*)|^\} (\w+_(?:t|CAPI));'
    r'|^static inline [^(]*?\b(\w+)\(|^typedef [^;{]*\(\*(\w+)\)\('
    r'|^    (PPT_\w+),? ', re.MULTILINE)
MEMBERS = re.compile(r'^    [\w ]+ \(\*(\w+)\)\(', re.MULTILINE)
NOT_FOR_USERS = re.compile(r'PPT_API$|\w+_H$')
OLD = ['acquire_lock', 'isSet', 'locked_lock', 'notifyAll', 'release_lock']


# The site.

def entries(html):
    """The names that Sphinx's inventory lists."""
    data = (Path(html) / 'objects.inv').read_bytes()
    text = zlib.decompress(data.split(b'\n', 4)[4]).decode()
    return {re.sub(r'^@\w+\.', '', line.split()[0])  # of an anonymous enum
            for line in text.splitlines()}


def c_names(root):
    """What the headers define for users."""
    capi = root / 'bindings/python/pyplusthread/include/pyplusthread_capi.h'
    headers = [*sorted((root / 'include/pyplusthread').glob('*.h')), capi]
    for header in headers:
        text = PRIVATE.sub('', header.read_text(encoding='utf-8'))
        found = {name for match in C_NAMES.findall(text)
                 for name in match if name}
        yield from found | declared([header])
    yield from (f'PyPlusThread_CAPI.{name}'
                for name in MEMBERS.findall(capi.read_text(encoding='utf-8')))


def python_names():
    """What the package exports, and the methods of its types."""
    import pyplusthread
    for name in pyplusthread.__all__:
        yield f'pyplusthread.{name}'
        kind = getattr(pyplusthread, name)
        if isinstance(kind, type) and not issubclass(kind, Exception):
            yield from (f'pyplusthread.{name}.{method}'
                        for method in vars(kind) if method[0] != '_'
                        and callable(getattr(kind, method))
                        and method not in OLD)


def site(root, html):
    there = entries(html)
    wanted = {name for name in {*c_names(Path(root)), *python_names()}
              if not NOT_FOR_USERS.match(name)}
    if len(wanted) < 150:
        yield f'only {len(wanted)} names were found in the sources'
    yield from (f'no entry: {name}' for name in sorted(wanted - there))


# The manual.

def manual(folder, *headers):
    pages = {page.stem: page for page in Path(folder).glob('*.3')}
    for name in sorted(declared(headers)):
        if name not in pages:
            yield f'no manual page: {name}'
        elif f'{name}(' not in text_of(pages[name]):
            yield f'not in its manual page: {name}'
    if shutil.which('groff'):
        yield from warnings(page for page in pages.values()
                            if text_of(page) == page.read_text())


def text_of(page):
    """A page's text, or that of the page to which it leads."""
    text = page.read_text(encoding='utf-8')
    link = re.fullmatch(r'\.so man3/(\S+)\n', text)
    return (page.parent / link[1]).read_text() if link else text


def warnings(pages):
    for page in pages:
        done = subprocess.run(['groff', '-man', '-ww', '-z', page],
                              capture_output=True, text=True)
        yield from filter(None, (done.stdout + done.stderr).split('\n'))


def main(what, *arguments):
    sys.exit('\n'.join({'site': site, 'manual': manual}[what](*arguments))
             or None)


if __name__ == '__main__':
    main(*sys.argv[1:])
