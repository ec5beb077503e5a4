# SPDX-License-Identifier: MIT
"""The comments of the public headers, as Sphinx and hawkmoth read them.

The headers keep a plain format: /* */ comments, each before what it describes,
with fields (Requires, Returns, Orders, ...) whose texts are aligned.  Hawkmoth
reads /** */ comments in reStructuredText.  So marked() makes a copy of a header
with such comments, and convert() turns their text into reStructuredText when
hawkmoth hands it over.  man.py makes manual pages of the same blocks.
"""
import re
from pathlib import Path

FIELD = re.compile(r'([A-Za-z][\w -]*?)  +(\S.*)')
ROW = re.compile(r'(\S*[^\s.:;,])  +(\S.*)')
NAME = re.compile(r'\bppt_[a-z0-9_]*[a-z0-9](?![*\w])')
TRAILING = re.compile(r'(    )(\w[\w ]*[;,]?) +/\* ((?:.|\n)*?) \*/\n')
LICENCE = re.compile(r'^Part of .*SPDX.*$\n?', re.MULTILINE)
HEAD = re.compile(r'/\*\n.*?\*/\n', re.DOTALL)
PUBLIC = re.compile(r'(?:typedef struct ppt_\w+_stats|enum) \{\n.*?\n\}',
                    re.DOTALL)
DECLARED = re.compile(r'( *)(?:PPT_API .*?|#define |\w[\w ]* \(\*)(\w+)')


# A copy of a header.

def marked(text):
    """A header's text with comments that hawkmoth reads."""
    text = PUBLIC.sub(_members, text)
    text = _head_below_includes(text)
    text = re.sub(r'^typedef (struct|union) ppt_\w+ \{', r'typedef \1 {', text,
                  flags=re.MULTILINE)
    text = re.sub(r'^( *)/\*(?=\s)(?![\s*]*Private:)', r'\1/**', text,
                  flags=re.MULTILINE)
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
    """A comment is that of all names that follow without an empty line."""
    lines, margin, first = [], None, None
    for line in text.split('\n'):
        comment = re.match('( *)/[*]([*]?)', line)
        name = DECLARED.match(line)
        if comment or not line.strip():
            margin = comment[1] if comment and comment[2] else None
            first = None
        elif name and name[1] == margin:
            if first:
                lines.append(f'{margin}/** See {first}. */')
            first = first or name[2]
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
    return [line for block in blocks(bare(lines))
            for line in [*_block(block), '']]


def bare(lines):
    """Without the margin of the comment, and without the licence."""
    text = '\n'.join(re.sub(r'^ ?\*( |$)', '', line).rstrip()
                     for line in lines)
    return LICENCE.sub('', text).split('\n')


def blocks(lines):
    """Paragraphs, code, and fields with what is indented below them."""
    block = []
    for line in lines:
        begins = line and not line[0].isspace() and (
            FIELD.fullmatch(line) or (block and not _goes_on(block)))
        if block and (begins or (not line and not is_code(block))):
            yield _without_end(block)
            block = []
        if line or block:
            block = [*block, line]
    if block:
        yield _without_end(block)


def is_code(block):
    return block[0].startswith('    ')


def is_field(block):
    return FIELD.fullmatch(block[0]) is not None


def _goes_on(block):
    """Whether a line at the margin belongs to the block."""
    return not (is_code(block) or is_field(block))


def _without_end(block):
    while block and not block[-1]:
        block = block[:-1]
    return block


def field(block):
    """The name of a field, and its text: pairs of a value or None, and the
    lines that say what it means."""
    match = FIELD.fullmatch(block[0])
    column = match.start(2)
    pairs = []
    for line in [match[2], *(_cut(line, column) for line in block[1:])]:
        row = ROW.fullmatch(line)
        if row:
            pairs.append((row[1], [row[2]]))
        elif pairs and (line[0].isspace() or pairs[-1][0] is None):
            pairs[-1][1].append(line.strip())
        else:
            pairs.append((None, [line.strip()]))
    return match[1], pairs


def _cut(line, column):
    return line[column:] if not line[:column].strip() else line.strip()


def _block(block):
    if is_code(block):
        return ['.. code-block:: c', '', *block]
    if not is_field(block):
        return [_inline(line.strip()) for line in block]
    name, pairs = field(block)
    text = [line for pair in pairs for line in [*_pair(*pair), '']]
    return [f'**{name}**', *(f'    {line}'.rstrip() for line in text)]


def _pair(value, lines):
    lines = [_inline(line) for line in lines]
    if value is None:
        return lines
    return [f'``{value}``', *(f'    {line}' for line in lines)]


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
