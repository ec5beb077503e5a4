# SPDX-License-Identifier: MIT
"""Which test proves which promise: the tables in tests/README.md.

promises.py ROOT           each promise has a test; the tables are up to date
promises.py ROOT --write   write the tables

A public header promises each result of a function, each other field of a
comment (Orders, Fork), or, where there is neither, what the comment of a
function begins with.  In src the numbered statements are promises: P9, L4.

A test says in the comment above it what it proves, with braces as in a shell,
and a program that is one test at its head:

    /* Proves ppt_{lock,gil}_destroy EBUSY, lock.c L4. */

Each file begins with what it tests: that is the other table.
"""
import ast
import re
import sys
from itertools import groupby
from pathlib import Path

BEGIN, END = '<!-- promises: begin -->\n', '<!-- promises: end -->\n'

# Of the caller, or of releases to come.
NOT_OF_TESTS = {'Requires', 'Not promised', 'Guard', 'Objects', 'Growth'}

COMMENT = re.compile(r'^/\*(.*?)\*/\n((?:[^\n]+\n)*)', re.DOTALL | re.M)
DECLARED = re.compile(r'\b(ppt_\w+)\(|^\} (ppt_\w+);|\(\*(ppt_\w+)\)', re.M)
FIELD = re.compile(r'^([A-Z][\w-]+(?: [a-z]+)?)  +(\S.*(?:\n {8,}\S.*)*)',
                   re.MULTILINE)
RESULT = re.compile(r'^(0|E[A-Z]+|true|false|other)(?:$|  +)'
                    r'(.*(?:\n {2,}.*)*)', re.MULTILINE)
NUMBERED = re.compile(r'^(?: \*|/\*) {1,3}([A-Z]\d+)(?:: | {1,2})'
                      r'(.*(?:\n \*(?! +[A-Z]\d+[ :]) +\S.*)*)', re.MULTILINE)
PROVES = re.compile(r'\bProves (.+?)\.(?: |$)')
TEST = re.compile(r'^(/\*(?:(?!\*/).)*\*/)\n(?:START_TEST\((\w+)\)|#include)'
                  r'|^((?:# [^\n]*\n)+)(?:@[^\n]*\n)*def (\w+)',
                  re.DOTALL | re.MULTILINE)


def plain(comment):
    """The text of a comment, without what makes it one."""
    return re.sub(r'^(?: ?\*(?!/) ?|# ?|/\* ?)|(?: ?\*/)$', '', comment,
                  flags=re.MULTILINE)


def sentence(text):
    """The first one, on one line."""
    words = ' '.join(text.split())
    return re.split(r'\.(?: |$)', words)[0].rstrip(':')


# Promises: pairs of a name and what is promised.

def of_field(owner, name, text):
    results = RESULT.findall(re.sub(r'^ {10}', '', text, flags=re.MULTILINE))
    if name != 'Returns':
        yield f'{owner} {name}', text
    elif results:
        for result, meaning in results:
            yield f'{owner} {result}', meaning
    elif not text.startswith('as ppt_'):
        yield f'{owner} {name}', text


def of_comment(path, text, code):
    names = [next(filter(None, found))
             for found in DECLARED.findall(re.sub(r'/\*.*?\*/', '', code))]
    owner = names[0] if names else path.name
    fields = [pair for pair in FIELD.findall(text)
              if pair[0] not in NOT_OF_TESTS]
    found = [promise for field in fields
             for promise in of_field(owner, *field)]
    if not found and names and not code.startswith(('typedef', '#')):
        found = [(owner, text)]
    return found


def promises(root):
    """The files that promise something, and what."""
    headers = sorted((root / 'include' / 'pyplusthread').glob('*.h'))
    for path in headers:
        yield path, [
            promise for text, code in COMMENT.findall(path.read_text())
            for promise in of_comment(path, plain(text), code)]
    inside = sorted((root / 'src').rglob('*.c'))
    for path in [root / 'src' / 'port' / 'port.h', *inside]:
        head = path.read_text().split('#include "')[0] \
            if path.suffix == '.c' else path.read_text()
        yield path, [(f'{path.name} {number}', plain(text))
                     for number, text in NUMBERED.findall(head)]


# Proofs.

def expanded(name):
    match = re.match(r'(.*?)\{(.*?)\}(.*)', name)
    if not match:
        return [name]
    return [other for part in match[2].split(',')
            for other in expanded(match[1] + part + match[3])]


def named(comment):
    """What a comment says that its test proves."""
    found = PROVES.search(' '.join(plain(comment).split()))
    return [name for one in re.split(r', (?![^{]*\})', found[1] if found
                                     else '') if one
            for name in expanded(one)]


def proofs(root):
    """From the name of a promise to its tests, each with its program."""
    result = {}
    for path in sorted([*root.glob('tests/**/*.c'),
                        *root.glob('tests/**/*.py')]):
        for comment, test, remark, function in TEST.findall(
                path.read_text(encoding='utf-8')):
            for name in named(comment or remark):
                result.setdefault(name, []).append(
                    (path.stem, test or function or path.stem))
    return result


# The tables.

def cell(tests):
    return '; '.join(
        f'`{program}`: ' + ', '.join(f'`{test}`' for _, test in group)
        for program, group in groupby(tests, key=lambda test: test[0]))


def rows(root, found):
    for path, of_path in promises(root):
        if of_path:
            yield f'| **{path.relative_to(root)}** | |'
        for name, text in of_path:
            what = ': ' + sentence(text) if text else ''
            yield f'| `{name}`{what} | {cell(found.get(name, []))} |'


def head(path):
    """What a file begins with."""
    text = path.read_text(encoding='utf-8')
    if path.suffix == '.py':
        return ast.get_docstring(ast.parse(text))
    text = re.sub(r'\A/\* SPDX.*\n', '', text)
    return plain(re.match(r'/\*.*?\*/', text, re.DOTALL)[0]).strip()


def files(root):
    tests = root / 'tests'
    build = (tests / 'meson.build').read_text()
    yield from sorted(tests / name for name in
                      set(re.findall(r"files\('(\w+\.py)'", build)))
    for folder in tests, tests / 'preload', tests / 'python':
        yield from sorted(path for path in folder.iterdir()
                          if re.match(r'(test|stress)_.*\.(c|py)', path.name))


def tables(root, found):
    """Their lines."""
    yield from ['| promise | tests |', '|---|---|', *rows(root, found), '']
    yield from ['| file | what it tests |', '|---|---|']
    for path in files(root):
        yield (f'| `{path.relative_to(root / "tests")}` |'
               f' {sentence(head(path))} |')


def failures(root, found):
    known = {name for _, of_path in promises(root) for name, _ in of_path}
    for name in sorted(known - set(found)):
        yield f'no test says that it proves {name}'
    for name in sorted(set(found) - known):
        yield f'{found[name][0][1]} proves {name}, which nobody promises'


def main(root, *options):
    root = Path(root).resolve()
    readme = root / 'tests' / 'README.md'
    found = proofs(root)
    before, rest = readme.read_text(encoding='utf-8').split(BEGIN)
    old, after = rest.split(END)
    new = '\n'.join([*tables(root, found), ''])
    wrong = list(failures(root, found))
    if '--write' in options:
        readme.write_text(before + BEGIN + new + END + after,
                          encoding='utf-8')
    elif new != old:
        wrong.append('the tables in tests/README.md are old: '
                     'python3 tests/promises.py . --write makes them anew')
    sys.exit('\n'.join(wrong) or None)


if __name__ == '__main__':
    main(*sys.argv[1:])
