# SPDX-License-Identifier: MIT
"""The comments of the public headers, as Sphinx and hawkmoth read them.

The headers keep a plain format: /* */ comments, each before what it describes,
with fields (Requires, Returns, Orders, ...) whose texts are aligned.  Hawkmoth
reads /** */ comments in reStructuredText.  So marked() makes a copy of a header
with such comments, and convert() turns their text into reStructuredText when
hawkmoth hands it over.
"""
import re
from pathlib import Path

FIELD = re.compile(r'([A-Za-z][\w -]*?)  +(\S.*)')
ROW = re.compile(r'(\S+)  +(\S.*)')
NAME = re.compile(r'\bppt_[a-z0-9_]*[a-z0-9](?![*\w])')
TRAILING = re.compile(r'(    )(\w[\w ]+\w;) +/\* ((?:.|\n)*?) \*/\n')
LICENCE = re.compile(r'^Part of .*SPDX.*$\n?', re.MULTILINE)
HEAD = re.compile(r'/\*\n.*?\*/\n', re.DOTALL)
STATS = re.compile(r'typedef struct ppt_\w+_stats \{\n.*?\n\}', re.DOTALL)


# A copy of a header.

def marked(text):
    """A header's text with comments that hawkmoth reads."""
    text = STATS.sub(_members, text)
    text = _head_below_includes(text)
    text = re.sub(r'^typedef (struct|union) ppt_\w+ \{', r'typedef \1 {', text,
                  flags=re.MULTILINE)
    text = re.sub(r'^/\*(?=\s(?! *Private:))', '/**', text, flags=re.MULTILINE)
    return _shared(text)


def _head_below_includes(text):
    """Else the head would be the comment of the first macro."""
    head = HEAD.match(text).end()
    first = text.find('\n/*', head) + 1
    if not first:
        return text
    return f'{text[head:first]}{text[:head]}\n{text[first:]}'


def _members(match):
    """The comment behind each member goes before it."""
    return TRAILING.sub(
        lambda member: '    /** {2} */\n    {1}\n'.format(
            *member.group(0, 2), re.sub(r'\s+', ' ', member.group(3))),
        match.group(0))


def _shared(text):
    """A comment is that of all functions that follow without an empty line."""
    lines, first, inside = [], None, False
    for line in text.split('\n'):
        if line.startswith('PPT_API'):
            name = re.search(r'(ppt_\w+)\(', line)
            if inside and name and first:
                lines.append(f'/** See {first}. */')
            elif name:
                first = name[1]
            inside = True
        elif not line.strip() or line.startswith('/*'):
            inside = False
        lines.append(line)
    return '\n'.join(lines)


def copy(source, target):
    """Copies of all headers of a folder."""
    target.mkdir(parents=True, exist_ok=True)
    for path in target.glob('*.h'):
        path.unlink()
    for path in Path(source).glob('*.h'):
        text = marked(path.read_text(encoding='utf-8'))
        (target / path.name).write_text(text, encoding='utf-8')


# The text of a comment.

def convert(lines):
    """A comment in the house's format, as reStructuredText."""
    text = LICENCE.sub('', '\n'.join(_bare(lines)))
    return [line for block in _blocks(text.split('\n'))
            for line in [*_block(block), '']]


def _bare(lines):
    """Without the margin of the comment."""
    return [re.sub(r'^ ?\*( |$)', '', line).rstrip() for line in lines]


def _blocks(lines):
    """Paragraphs, code, and fields with what is indented below them."""
    block = []
    for line in lines:
        begins = line and not line[0].isspace() and (
            FIELD.fullmatch(line) or (block and not _goes_on(block)))
        if block and (begins or (not line and not _is_code(block))):
            yield block
            block = []
        if line or block:
            block = [*block, line]
    if block:
        yield block


def _is_code(block):
    return block[0].startswith('    ')


def _goes_on(block):
    """Whether a line at the margin belongs to the block."""
    return not (_is_code(block) or FIELD.fullmatch(block[0]))


def _block(block):
    while block and not block[-1]:
        block = block[:-1]
    if _is_code(block):
        return ['.. code-block:: c', '', *block]
    field = FIELD.fullmatch(block[0])
    if field is None:
        return [_inline(line.strip()) for line in block]
    column = field.start(2)
    rest = [field[2], *(_cut(line, column) for line in block[1:])]
    return [f'**{field[1]}**', *('    ' + line for line in _rows(rest))]


def _cut(line, column):
    return line[column:] if not line[:column].strip() else line.strip()


def _rows(lines):
    """The text of a field: words, and values with what they mean."""
    result, row = [], False
    for line in lines:
        match = ROW.fullmatch(line)
        if match:
            result += ['', f'``{match[1]}``', f'    {_inline(match[2])}']
            row = True
        elif line[:1].isspace():
            result += [('    ' if row else '') + _inline(line.strip())]
        else:
            result += [''] * row + [_inline(line)]
            row = False
    return result[1:] if result[:1] == [''] else result


def names_and_texts(lines):
    """A docstring in which paragraphs are lists of names and their texts."""
    return [line for block in _blocks_of('\n'.join(lines))
            for line in [*(_names(block) if _is_list(block) else block), '']]


def _blocks_of(text):
    return [block.split('\n') for block in re.split(r'\n\s*\n', text.strip())]


def _is_list(block):
    return any(re.search(r'\S  +\S', line) for line in block)


def _names(block):
    result = []
    for line in block:
        name = re.fullmatch(r'(\w+(?:, \w+)*)(?: +(\S.*))?', line)
        if name:
            result += ['', f'``{name[1]}``']
            line = name[2] or ''
        result += ['    ' + line.strip()] if line.strip() else []
    return result


def _inline(text):
    """Names as references, and nothing else that means something."""
    text = re.sub(r'([*`|\\])', r'\\\1', text)
    text = re.sub(r'_(?=[^\w]|$)', r'\\_', text)
    return NAME.sub(_reference, text)


def _reference(match):
    name = match[0]
    kind = 'type' if name.endswith(('_t', '_fn')) else 'func'
    return f':c:{kind}:`{name}`'


# Sphinx.

def _on_docstring(app, lines, transform, options):
    lines[:] = convert(lines)


def setup(app):
    app.setup_extension('hawkmoth')
    app.connect('hawkmoth-process-docstring', _on_docstring)
    return {'parallel_read_safe': True}
