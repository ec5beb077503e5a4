# SPDX-License-Identifier: MIT
"""What the folder of the drop-in changes in a program, and what it leaves.

dropin.py CASE INCLUDE LIBRARY COMPILER...

CASE is a function below, or the name of a program in PROGRAMS.  INCLUDE is
the folder of our headers, LIBRARY the static library.
"""
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

from symbols import symbols

SOURCES = pathlib.Path(__file__).resolve().parent / 'dropin'

# A program, its sources, and flags of its own.
PROGRAMS = {
    'gnu': ['gnu.c', '-std=c11'],
    'xopen': ['xopen.c', '-std=c11'],
    'names': ['names.c', '-std=c89', '-Wno-pragmas'], # Clang: not extern
    'c89': ['c89.c', '-std=c89'],
    'c99': ['c89.c', '-std=c99'],
    'types': ['types.c', 'types_main.c', '-std=c99'],
}

# The language, the standards, and the macros that choose declarations.
DIALECTS = [(language, standard, macro)
            for language, standards in [
                ('c', ['c89', 'c99', 'c11', 'gnu89', 'gnu17']),
                ('c++', ['c++11']),
                ('assembler-with-cpp', ['gnu11'])]
            for standard in standards
            for macro in ['PLAIN', '_GNU_SOURCE', '_XOPEN_SOURCE=700',
                          '_POSIX_C_SOURCE=199506L']]

# What configure scripts look for.
FUNCTIONS = ['clock_gettime', 'pthread_cond_clockwait', 'pthread_cond_wait',
             'pthread_condattr_setclock', 'pthread_setaffinity_np',
             'sched_getaffinity']


class Compiler:
    """The compiler, our headers, and a folder for what it makes."""

    def __init__(self, include, library, command, work):
        self.include, self.library = include, library
        self.command, self.work = command, work
        self.folder = f'-I{include}/pyplusthread/dropin'

    def run(self, *words, text=''):
        return subprocess.run([*self.command, *map(str, words)], input=text,
                              capture_output=True, text=True, check=False)

    def output(self, *words, text=''):
        """What it prints; the test fails where the compiler does."""
        done = self.run(*words, text=text)
        if done.returncode != 0:
            print('$', shlex.join(done.args), '\n' + done.stderr)
            sys.exit(1)
        return done.stdout

    def build(self, name, *words):
        """A program, without a warning."""
        program = self.work / name
        self.output('-Wall', '-Wextra', '-pedantic', '-Werror', '-o', program,
                    *[SOURCES / word if (SOURCES / word).exists() else word
                      for word in words], self.library, '-pthread')
        return program


def conditions(program):
    """The functions on conditions that a program uses or has linked."""
    return {name for name in symbols('-g', program)
            if re.match(r'(ppt_)?pthread_cond_', name)}


def execute(program):
    return subprocess.run([program], check=True, capture_output=True,
                          text=True, timeout=20).stdout


def program(compiler, name):
    """As the system has it, and with the folder: the same, but ours."""
    plain = compiler.build('plain', *PROGRAMS[name])
    ours = compiler.build('ours', *PROGRAMS[name], compiler.folder)
    yield execute(plain) == execute(ours), 'it does what it did'
    yield (any(used.startswith('ppt_') for used in conditions(ours)),
           'it uses ours')
    yield (not any(used.startswith('pthread_') for used in conditions(ours)),
           "it uses none of the system's")


def header(compiler, dialect, *options):
    """<pthread.h> in a dialect: its lines, without spaces."""
    language, standard, macro = dialect
    text = compiler.output('-E', '-P', *options, '-x', language,
                           f'-std={standard}', f'-D{macro}', '-',
                           text='#include <pthread.h>\n')
    lines = [' '.join(line.split()) for line in text.splitlines()]
    return [line for line in lines if line]


def is_rename(line):
    return line.startswith('#pragma redefine_extname ')


def declarations(compiler):
    """<pthread.h> declares what the system's does, and nothing else."""
    for dialect in DIALECTS:
        plain = header(compiler, dialect)
        ours = header(compiler, dialect, compiler.folder)
        yield (plain == [line for line in ours if not is_rename(line)],
               f'{dialect}: {set(plain) ^ set(ours)}')
        yield (any(map(is_rename, ours)) == (dialect[0] == 'c'),
               f'{dialect}: renamed')
        macros = set(header(compiler, dialect, '-dM', compiler.folder)) \
            ^ set(header(compiler, dialect, '-dM'))
        yield (all(re.match('#define PYPLUSTHREAD_', line)
                   for line in macros), f'{dialect}: {macros}')


def functions(compiler):
    """All functions that take a condition are renamed, to ours."""
    text = '\n'.join(header(compiler, ('c', 'gnu17', '_GNU_SOURCE'),
                            compiler.folder))
    takers = {match[1] for match in re.finditer(r'(\w+) ?\(([^()]*)\)', text)
              if 'pthread_cond_t' in match[2]}
    renames = dict(re.findall(r'#pragma redefine_extname (\w+) (\w+)', text))
    exported = symbols('-g', '--defined-only', compiler.library)
    yield 'pthread_cond_wait' in takers, 'the functions are found'
    for name in takers | set(renames):
        yield renames.get(name) == f'ppt_{name}', f'{name} is renamed'
        yield renames.get(name) in exported, f'{name} is there'


def probes(compiler):
    """configure finds with the folder what it finds without."""
    declared = 'int main(void) { return 0; }\n#include <pthread.h>\n' \
        '#include <time.h>\nvoid *const found[] = { %s };\n'
    linked = '%s\nint main(void) { return %s; }\n'
    for name in FUNCTIONS:
        for text in [declared % f'(void *){name}',
                     linked % (f'char {name}(void);', f'{name}()'),
                     linked % ('#include <pthread.h>', f'!{name}')]:
            answers = [compiler.run('-w', *options, '-x', 'c', '-',
                                    '-o', compiler.work / 'probe', '-x',
                                    'none', compiler.library, '-pthread',
                                    text=text).returncode
                       for options in ([], [compiler.folder])]
            yield answers[0] == answers[1], f'{text}: {answers}'


def library(compiler):
    """A library compiled without it may own a program's conditions."""
    source = SOURCES / 'library.c'
    theirs = compiler.work / 'library.o'
    compiler.output('-c', source, '-o', theirs)
    used = compiler.build('program', 'library_user.c', theirs,
                          compiler.folder)
    execute(used)
    yield {'pthread_cond_wait', 'ppt_pthread_cond_wait'} <= conditions(used), \
        'each uses its own'


def layout(compiler):
    """Type and initialiser are the system's, and fit ours."""
    execute(compiler.build('program', '-std=c11', 'layout.c',
                           f'-I{compiler.include}', compiler.folder))
    yield True, ''


def old_spelling(compiler):
    """It goes with the folder, too."""
    used = compiler.build('program', SOURCES.parent / 'dropin.c',
                          '-D_XOPEN_SOURCE=700', '-DPPT_REPLACE_PTHREAD_COND',
                          f'-I{compiler.include}', compiler.folder,
                          '-include', 'pyplusthread/pthread.h')
    execute(used)
    yield 'pthread_cond_wait' not in conditions(used), 'it uses ours'


def assembler(compiler):
    """Nothing changes where it is on the command line for all files."""
    compiler.output('-c', SOURCES / 'nothing.S', compiler.folder, '-o',
                    compiler.work / 'nothing.o')
    yield True, ''


def cxx(compiler):
    """C++ keeps the system's conditions.  The compiler is a C++ one."""
    used = compiler.build('program', '-std=c++11', 'keeps.cc',
                          compiler.folder)
    execute(used)
    yield (not any(name.startswith('ppt_') for name in conditions(used)),
           'it uses none of ours')


def refusals(compiler):
    """Where the system has renamed the functions itself, it says so."""
    done = compiler.run('-c', SOURCES / 'c89.c', compiler.folder,
                        '-D_REDIR_TIME64', '-o', compiler.work / 'refused.o')
    yield 'no drop-in for a 64-bit time_t' in done.stderr, 'it is refused'


CASES = [declarations, functions, probes, library, layout, old_spelling,
         assembler, cxx, refusals]


def main(case, include, archive, *command):
    cases = {function.__name__: function for function in CASES}
    with tempfile.TemporaryDirectory() as work:
        compiler = Compiler(include, archive, command, pathlib.Path(work))
        results = list(program(compiler, case) if case in PROGRAMS
                       else cases[case](compiler))
    wrong = [what for good, what in results if not good]
    print('\n'.join(wrong))
    return 1 if wrong or not results else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
