# SPDX-License-Identifier: MIT
"""Manual pages from the comments of the public headers.

man.py VERSION TARGET HEADER...  TARGET/ppt_cond.3 for cond.h, and for each
                                 function in it a page that leads there
"""
import re
import shutil
import sys
from pathlib import Path

from house_format import PUBLIC, bare, blocks, field, is_code, is_field

HEAD = re.compile(r'/\*\n(.*?)\*/\n', re.DOTALL)
ITEM = re.compile(r'^/\*((?:.|\n)*?)\*/\n((?:[^\n/].*\n)+)', re.MULTILINE)
NAMES = {'pyplusthread': 'pyplusthread'}  # the others are ppt_<noun>
FUNCTION = re.compile(r'\b(ppt_\w+)\([^*]')


# Troff.

def escaped(text):
    """Text in which nothing means something to troff."""
    text = text.replace('\\', '\\e').replace('-', '\\-')
    return re.sub(r"^(?=[.'])", r'\\&', text)


def example(lines):
    return ['.PP', '.EX', *map(escaped, lines), '.EE']


def tagged(tag, lines):
    return ['.TP', f'.B "{escaped(tag)}"', *lines]


def described(block):
    """A block of a comment: a paragraph, code, or a field."""
    if is_code(block):
        return example(block)
    if not is_field(block):
        return ['.PP', *map(escaped, block)]
    name, pairs = field(block)
    text = [] if pairs[0][0] else pairs.pop(0)[1]
    rest = [line for pair in pairs for line in _pair(*pair)]
    return [*tagged(name, map(escaped, text)),
            *(['.RS', *rest, '.RE'] if rest else [])]


def _pair(value, lines):
    lines = map(escaped, lines)
    return ['.PP', *lines] if value is None else tagged(value, lines)


# A header.

def declaration(text):
    """What a reader has to know of it: no bodies, and no private fields."""
    text = re.sub('^(?:PPT_API | {8}(?= ))', '', text.rstrip(), flags=re.M)
    if text.startswith('static inline'):
        return re.split(r'\n\{', text)[0].replace('static inline ', '') + ';'
    if text.startswith('typedef') and '{' in text and not PUBLIC.match(text):
        return re.sub(r'\{(?:.|\n)*\}', '{ ... }', text)
    if text.startswith('#define'):
        return re.sub(r' +\\\n(?:.|\n)*| \{ .*', '', text)
    return text


def items(text):
    """Each comment that is not private, and what it describes."""
    for comment, declared in ITEM.findall(text):
        if not re.match(r'[\s*]*Private:', comment):
            yield comment, declaration(declared)


def paragraphs(comment):
    return [line for block in blocks(bare(comment.strip().split('\n')))
            for line in described(block)]


def page(path, version):
    """The page of a header: its name, its text, and the functions in it."""
    text = path.read_text(encoding='utf-8')
    head = HEAD.match(text)
    title, *rest = blocks(bare(head[1].strip().split('\n')))
    include, _, what = ' '.join(title).partition(' - ')
    declared = [*items(text[head.end():])]
    functions = FUNCTION.findall('\n'.join(text for _, text in declared))
    name = NAMES.get(path.stem, f'ppt_{path.stem}')
    names = ', '.join(dict.fromkeys([name, *functions]))
    lines = [f'.TH {name} 3 "" "libpyplusthread {version}"', '.nh', '.ad l',
             '.SH NAME', f'{names} \\- {escaped(what.rstrip("."))}',
             '.SH SYNOPSIS',
             *example([f'#include <{include}>', '',
                       'cc ... -lpyplusthread -pthread']),
             '.SH DESCRIPTION',
             *(line for block in rest for line in described(block))]
    for comment, text in declared:
        lines += ['.PP', '.EX', '.B', *example(text.split('\n'))[2:],
                  '.RS', *paragraphs(comment), '.RE']
    return name, '\n'.join(lines) + '\n', functions


def main(version, target, *headers):
    shutil.rmtree(target, ignore_errors=True)  # for its time, which ninja asks
    Path(target).mkdir(parents=True)
    for header in headers:
        name, text, functions = page(Path(header), version)
        texts = {function: f'.so man3/{name}.3\n' for function in functions}
        for file, text in {**texts, name: text}.items():
            Path(target, f'{file}.3').write_text(text, encoding='utf-8')


if __name__ == '__main__':
    main(*sys.argv[1:])
