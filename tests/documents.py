# SPDX-License-Identifier: MIT
"""Check the documents: links, commands, and programs that they show.

documents.py links ROOT              a link leads to a file, and to a heading
documents.py commands ROOT           files and options that are named exist
documents.py programs ROOT CC...     C programs compile, link and run
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from commands import run

FENCE = re.compile(r'^```([^\n]*)\n(.*?)^```$', re.MULTILINE | re.DOTALL)
CODE = re.compile(r'(`+)(.+?)\1', re.DOTALL)
LINK = re.compile(r'\]\(([^)\s]+)\)')
BUILT = re.compile(r'build|env$|results$|\.')

# The first word of a command, and where its options are written.
SCRIPTS = {
    'tests/run': ['tests/run'],
    'bench/run': ['bench/run'],
    'docs/run': ['docs/run'],
    'tests/cross/run': ['tests/cross/run'],
    'tests/models/run': ['tests/models/run'],
    'tests/python/run.py': ['tests/python/run.py'],
    'pptrun': ['src/preload/pptrun.c'],
    'pptbench': ['bench/options.c', 'bench/values.c', 'bench/main.c'],
    'python -m pyplusthread': ['bindings/python/pyplusthread/_run.py'],
}
OF_OTHERS = {'fast'}  # options of pyperf's, which a script hands on
PATH = re.compile(r'(?<![\w/.-])((?:bench|bindings|docs|examples|include|src'
                  r'|tests)/[\w./-]*\w)')
OPTION = re.compile(r'(?<=\s)--([a-z][a-z-]+)')
VARIABLE = re.compile(r'\b(?:PPT_[A-Z]+(?=[=`"])|PYPLUSTHREAD(?:_[A-Z]+)*)\b')


def documents(root):
    """All of them, with their texts."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not BUILT.match(name))
        for name in sorted(files):
            if name.endswith('.md'):
                path = Path(folder, name)
                yield path, path.read_text(encoding='utf-8')


# Links.

def slug(heading):
    """The anchor of a heading."""
    words = re.sub(r'[^\w\- ]', '', heading.replace('`', '').lower())
    return words.strip().replace(' ', '-')


def anchors(path):
    text = FENCE.sub('', path.read_text(encoding='utf-8'))
    return {slug(line) for line in re.findall(r'^#+ (.*)$', text, re.M)}


def without_code(text):
    return CODE.sub('', FENCE.sub('', text))


def link_failures(root):
    for path, text in documents(root):
        for link in LINK.findall(without_code(text)):
            if re.match(r'https?:', link):
                continue
            file, _, anchor = link.partition('#')
            target = path.parent / file if file else path
            if not target.exists():
                yield f'{path.relative_to(root)}: no file for {link}'
            elif anchor and anchor not in anchors(target):
                yield f'{path.relative_to(root)}: no heading for {link}'


# Commands.

def pieces(text):
    """What stands as code: blocks line by line, and words in sentences."""
    for info, block in FENCE.findall(text):
        if info in ('sh', 'text', ''):
            yield from block.replace('\\\n', ' ').split('\n')
    rest = FENCE.sub('', text)
    yield from re.findall(r'^ {4}(\S.*)$', rest, re.MULTILINE)
    for _, code in CODE.findall(rest):
        yield ' '.join(code.split())


def source_of(root, command):
    """The text in which the options of a command are; None: of no matter."""
    for name, files in SCRIPTS.items():
        if re.match(rf'(?:\S+=\S+ )*{re.escape(name)}(?: |$)', command):
            return '\n'.join((root / file).read_text() for file in files)
    match = re.match(r'(?:python )?((?:bench|tests)/python/\w+\.py) ', command)
    if match and (root / match[1]).exists():
        folder = (root / match[1]).parent
        return '\n'.join(path.read_text() for path in folder.glob('*.py'))
    return None


def own_options(command):
    """Those before a program that the command runs."""
    return OPTION.findall(re.split(r' \w+\.py\b| #| xz ', command + ' ')[0]
                          if command.startswith(('python -m', 'pptrun'))
                          else command.split(' #')[0])


def is_there(root, folder, name):
    """As a path from the root or the document's folder; built is as good."""
    return any((base / name).exists() or list(base.glob(name + '*'))
               for base in (root, folder)) or name.endswith('results')


def variables(root):
    """The environment variables that something reads."""
    files = subprocess.run(['grep', '-rhoE', '(PPT|PYPLUSTHREAD)[A-Z_]*',
                            'src', 'bench', 'tests', 'docs/run', 'bindings',
                            '--include=*.c', '--include=*.h', '--include=*.py',
                            '--include=run', '--include=*.sh',
                            '--include=*.build'],
                           cwd=root, capture_output=True, text=True)
    return set(files.stdout.split())


def command_failures(root):
    known = variables(root)
    for path, text in documents(root):
        where = path.relative_to(root)
        for piece in pieces(text):
            for name in PATH.findall(piece):
                if not is_there(root, path.parent, name):
                    yield f'{where}: no {name} in "{piece}"'
            source = source_of(root, piece)
            for option in own_options(piece) if source else []:
                if not (re.search(rf'(--|"){option}\b', source)
                        or option in OF_OTHERS
                        or option.startswith('no-')):
                    yield f'{where}: no option --{option} in "{piece}"'
            for name in VARIABLE.findall(piece):
                if name not in known:
                    yield f'{where}: nothing reads {name} in "{piece}"'


# Programs.

def program_failures(root, compiler):
    found = 0
    for path, text in documents(root):
        for info, block in FENCE.findall(text):
            if info == 'c' and 'int main(' in block:
                found += 1
                wrong = failure(block, compiler)
                if wrong:
                    yield f'{path.relative_to(root)}: {wrong}'
    if not found:
        yield 'no program in C is shown'


def failure(block, compiler):
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder, 'shown.c'), Path(folder, 'shown')
        source.write_text(block, encoding='utf-8')
        command = [source if word == 'SOURCE' else word for word in compiler]
        for words in [[*command, '-o', program], [program]]:
            done = run(*words, limit=120)
            if done.returncode:
                return done.stdout.decode('utf-8', 'replace')
    return None


def main(what, root, *compiler):
    root = Path(root).resolve()
    failures = {'links': link_failures, 'commands': command_failures,
                'programs': lambda root: program_failures(root, compiler)}
    sys.exit('\n'.join(failures[what](root)) or None)


if __name__ == '__main__':
    main(*sys.argv[1:])
