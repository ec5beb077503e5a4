# SPDX-License-Identifier: MIT
"""What the linker sees.

symbols.py exports LIBRARY HEADER...  a shared library exports the functions
                                      that the headers declare, no others
symbols.py names ARCHIVE              a static library defines no names but
                                      ppt_*
symbols.py called PROGRAM HEADER...   a program of the shared library calls
                                      all functions that the headers declare
symbols.py replaced PROGRAM           a program uses none of the system's
                                      condition variables, but ours
symbols.py preload LIBRARY            a library to be preloaded exports the
                                      functions of pthread_cond_t, and brings
                                      no other library into a program
"""
import re
import subprocess
import sys


def symbols(*arguments):
    """The names that nm prints, without versions, whose own names are
    absolute (A), and what the compiler adds for unwinding."""
    output = subprocess.run(['nm', *arguments], check=True,
                            capture_output=True, text=True).stdout
    rows = [line.split() for line in output.splitlines()]
    return {row[-1].partition('@')[0] for row in rows
            if len(row) > 1 and row[-2] != 'A'
            and not row[-1].startswith('DW.ref.')}


def declared(headers):
    """The names of the functions that are marked with PPT_API."""
    names = set()
    for header in headers:
        with open(header, encoding='utf-8') as file:
            text = re.sub(r'/\*.*?\*/', '', file.read(), flags=re.DOTALL)
        names.update(re.findall(r'^PPT_API\b[^;(]*\b(\w+)\(', text,
                                flags=re.MULTILINE))
    return names


def exports(library, *headers):
    exported = symbols('-D', '--defined-only', library)
    wanted = declared(headers)
    return ([f'declared, not exported: {name}' for name in wanted - exported]
            + [f'exported, not declared: {name}'
               for name in exported - wanted])


def names(archive):
    return [f'not ours: {name}'
            for name in symbols('-g', '--defined-only', archive)
            if not name.startswith('ppt_')]


def called(program, *headers):
    return [f'never called: {name}'
            for name in declared(headers) - symbols('-u', program)]


def replaced(program):
    used = symbols('-u', program)
    wrong = [f'still used: {name}' for name in used
             if re.match(r'pthread_cond_', name)]
    if 'ppt_pthread_cond_wait' not in used:
        wrong.append('not used: ppt_pthread_cond_wait')
    return wrong


def needed(library):
    """The libraries that the dynamic linker loads for a library."""
    output = subprocess.run(['readelf', '-d', library], check=True,
                            capture_output=True, text=True).stdout
    return set(re.findall(r'\(NEEDED\).*\[([^.\]]*)', output))


def preload(library):
    wanted = {f'pthread_cond_{name}' for name in (
        'init', 'destroy', 'wait', 'timedwait', 'clockwait', 'signal',
        'broadcast')}
    exported = {name for name in symbols('-D', '--defined-only', library)
                if not name.startswith('GLIBC_')}
    return ([f'not exported: {name}' for name in wanted - exported]
            + [f'exported: {name}' for name in exported - wanted]
            + [f'needed: {name}'
               for name in needed(library) - {'libc', 'libpthread', 'libdl'}])


def main(what, *arguments):
    checks = {'exports': exports, 'names': names, 'called': called,
              'replaced': replaced, 'preload': preload}
    wrong = checks[what](*arguments)
    print('\n'.join(sorted(wrong)))
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
