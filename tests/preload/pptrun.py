# SPDX-License-Identifier: MIT
"""Run programs with pptrun, and see what becomes of them.  Prints TAP.

What each program does is at its head: calls.c, shared.c, other_libc.c.
"""
import argparse
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback

LIMIT = 120
COUNTS = ['waits', 'signals', 'broadcasts', 'timeouts', 'spins', 'passed on']
tests = []


def test(function):
    """What the function's name says is to be tested."""
    tests.append(function)
    return function


class Skipped(Exception):
    """The test cannot be made here, and why."""


def check(truth, *details):
    if not truth:
        raise AssertionError(*details)


def equal(value, wanted, *details):
    check(value == wanted, f'{value!r}, not {wanted!r}', *details)


def run(*command, **options):
    """Run a command, with all that it prints."""
    environment = {**os.environ, **options.pop('env', {})}
    options = {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE,
               'text': True, 'timeout': LIMIT, 'check': False, **options}
    return subprocess.run([str(word) for word in command],
                          stdin=subprocess.DEVNULL, env=environment,
                          **options)


def counts(text):
    """Each line of --stats: the program's name, and its counts that are not 0.

    What is no such line is kept, as it is.
    """
    pattern = r'pptrun: (\S+)\[\d+\]: ' + ', '.join(
        rf'(\d+) {name}' for name in COUNTS)
    rows = []
    for line in text.splitlines():
        match = re.fullmatch(pattern, line)
        rows.append(line if match is None else (match[1], {
            name: int(n) for name, n in zip(COUNTS, match.groups()[1:])
            if n != '0'}))
    return rows


# What pptrun leaves as it is

@test
def status_is_the_programs(here):
    equal(run(here.pptrun, here.calls, 'x').returncode, 7)
    equal(run(here.pptrun, '--', here.calls, 's').returncode, 0)


@test
def program_that_is_killed_is_seen_to_be_killed(here):
    equal(run(here.pptrun, here.calls, 'k').returncode, -signal.SIGTERM)
    done = run(here.pptrun, '--stats', here.calls, 'k')
    equal((done.returncode, done.stderr), (-signal.SIGTERM, ''))


@test
def arguments_and_name_are_the_programs(here):
    done = run(here.pptrun, 'sh', '-c', 'echo "$0,$1,$2"', '--stats', '', 'c')
    equal(done.stdout, '--stats,,c\n')
    done = run(here.pptrun, 'cat', '/proc/self/cmdline')
    equal(done.stdout, 'cat\0/proc/self/cmdline\0')


@test
def program_is_found_as_the_shell_finds_it(here):
    for folder in 'first', 'second':
        (here.work / folder).mkdir()
    (here.work / 'first' / 'tool').write_text('echo first\n', 'ascii')
    tool = here.work / 'second' / 'tool'
    tool.write_text('echo second\n', 'ascii')
    tool.chmod(0o755)
    path = f'/nowhere:{here.work}/first:{here.work}/second:{os.environ["PATH"]}'
    equal(run(here.pptrun, 'tool', env={'PATH': path}).stdout, 'second\n')
    done = run(here.pptrun, 'tool', env={'PATH': ':/usr/bin'},
               cwd=here.work / 'second')
    equal(done.stdout, 'second\n')


@test
def others_that_are_preloaded_come_first(here):
    show = 'sh', '-c', 'echo $LD_PRELOAD'
    equal(run(here.pptrun, *show).stdout, f'{here.library}\n')
    done = run(here.pptrun, *show, env={'LD_PRELOAD': str(here.other_libc)})
    equal(done.stdout, f'{here.other_libc}:{here.library}\n')


@test
def pptrun_under_pptrun_preloads_once(here):
    done = run(here.pptrun, here.pptrun, 'sh', '-c', 'echo $LD_PRELOAD')
    equal(done.stdout, f'{here.library}\n')


@test
def without_stats_nothing_is_printed_and_nothing_is_open(here):
    done = run(here.pptrun, 'ls', '/proc/self/fd')
    equal(done.stderr, '')
    equal(done.stdout, run('ls', '/proc/self/fd').stdout)


@test
def programs_inherit_no_descriptor(here):
    show = 'env', '-u', 'LD_PRELOAD', 'ls', '/proc/self/fd'
    done = run(here.pptrun, '--stats', *show)
    equal(done.stdout, run(*show).stdout)


# What it cannot run

def refused(here, status, reason, *command, **options):
    done = run(here.pptrun, *command, **options)
    equal(done.returncode, status, done.stderr)
    check(reason in done.stderr, done.stderr)
    check(done.stderr.startswith('pptrun: '), done.stderr)
    equal(done.stdout, '')


@test
def missing_program_is_status_127(here):
    refused(here, 127, 'not found', 'no-such-program')
    refused(here, 127, 'not found', here.work / 'none')
    refused(here, 127, 'not found', '')


@test
def what_is_not_executable_is_status_126(here):
    text = here.work / 'text'
    text.write_text('true\n', 'ascii')
    refused(here, 126, os.strerror(13), text)
    refused(here, 126, os.strerror(13), here.work)
    refused(here, 126, os.strerror(13), 'text',
            env={'PATH': f'{here.work}:/nowhere'})


@test
def wrong_usage_is_status_125(here):
    refused(here, 125, 'no such option', '--statistics', here.calls)
    refused(here, 125, 'PROGRAM', '--stats')
    refused(here, 125, 'PROGRAM')
    refused(here, 125, 'PROGRAM', '--')


@test
def statically_linked_program_is_refused(here):
    if here.static is None:
        raise Skipped('no static programs')
    equal(run(here.static, 'x').returncode, 7)
    refused(here, 126, 'statically linked', here.static, 'x')


def patched(here, name, old, new):
    """A copy of a program, in which bytes are others."""
    path = here.work / name
    content = here.calls.read_bytes()
    check(old in content, old)
    path.write_bytes(content.replace(old, new, 1))
    path.chmod(0o755)
    return path


@test
def program_of_another_c_library_is_refused(here):
    linker = re.search(rb'/[!-~]*/ld[!-~]*\.so[!-~]*',
                       here.calls.read_bytes())[0]
    other = linker.replace(b'/ld-', b'/LD-')
    refused(here, 126, 'C library', patched(here, 'other', linker, other))


@test
def program_for_another_machine_is_refused(here):
    other = patched(here, 'narrow', b'\x7fELF\x02', b'\x7fELF\x01')
    refused(here, 126, 'another kind of machine', other)


@test
def program_with_more_rights_is_refused(here):
    if os.getuid() != 0:
        raise Skipped('only root can give rights away')
    path = here.work / 'setuid'
    shutil.copy(here.calls, path)
    path.chmod(0o4755)
    equal(run(here.pptrun, path, 'x').returncode, 7)
    os.chown(path, 1, 0)
    path.chmod(0o4755)
    refused(here, 126, 'rights', path, 'x')
    os.chown(path, 0, 1)
    path.chmod(0o2755)
    refused(here, 126, 'rights', path, 'x')


@test
def missing_library_is_status_125(here):
    if here.installed.exists():
        raise Skipped(f'there is {here.installed}')
    lonely = here.work / 'lonely'
    shutil.copy(here.pptrun, lonely)
    done = run(lonely, here.calls)
    equal((done.returncode, done.stderr),
          (125, f'pptrun: {here.installed}: {os.strerror(2)}\n'))


@test
def library_whose_name_ld_preload_cannot_hold_is_status_125(here):
    for character in ' :':
        folder = here.work / f'a{character}b'
        folder.mkdir()
        for file in here.pptrun, here.library:
            shutil.copy(file, folder)
        done = run(folder / here.pptrun.name, here.calls)
        equal(done.returncode, 125)
        check('no colon and no space' in done.stderr, done.stderr)


@test
def help_and_version(here):
    done = run(here.pptrun, '--help')
    equal((done.returncode, done.stderr), (0, ''))
    check(done.stdout.startswith('usage: pptrun '), done.stdout)
    check(re.fullmatch(r'pptrun \d+\.\d+\.\d+\n',
                       run(here.pptrun, '--version').stdout))


# --stats

def stats(here, *command, **options):
    done = run(here.pptrun, '--stats', here.calls, *command, **options)
    equal(done.returncode, 0, done.stderr)
    return counts(done.stderr)


@test
def stats_are_exact(here):
    equal(stats(here, 'ssbtttt'), [('calls', {
        'waits': 4, 'signals': 2, 'broadcasts': 1, 'timeouts': 4})])


@test
def stats_tell_what_was_passed_on(here):
    equal(stats(here, 'pps'), [('calls', {'signals': 1, 'passed on': 6})])


@test
def wait_that_is_woken_is_no_timeout(here):
    (_, seen), = stats(here, 'wwdd')
    seen.pop('spins', None)
    equal(seen, {'waits': 4, 'signals': 4})


@test
def spins_are_where_there_are_cpus_for_them(here):
    cpus = os.sched_getaffinity(0)
    (_, seen), = stats(here, 50 * 'w')
    equal('spins' in seen, len(cpus) > 1)
    (_, seen), = stats(here, 50 * 'w', preexec_fn=lambda: (
        os.sched_setaffinity(0, {min(cpus)})))
    equal(seen, {'waits': 50, 'signals': 50})


@test
def program_without_conditions_has_zeros(here):
    equal(stats(here, ''), [('calls', {})])


# Proves stats.c S3.
@test
def child_of_a_fork_counts_for_itself(here):
    equal(stats(here, 'sf'), [('calls', {'signals': 2}),
                              ('calls', {'signals': 1})])


@test
def executed_programs_count_for_themselves(here):
    """Those that have nothing to count do not speak."""
    shell = '; '.join(f'{here.calls} {letters}'
                      for letters in ['sss', '""', 'x', 'b'])
    done = run(here.pptrun, '--stats', 'sh', '-c', f'{shell}; exit 0')
    equal([row for row in counts(done.stderr) if row != ('sh', {})],
          [('calls', {'signals': 3}), ('calls', {'broadcasts': 1})])
    equal(stats(here, 'se', here.calls, 'ss'), [('calls', {'signals': 2})])


# Proves stats.c S1.
@test
def stats_come_though_the_standard_error_was_closed(here):
    equal(stats(here, 'sc'), [('calls', {'signals': 1})])


# Proves stats.c S1.
@test
def stats_go_into_no_file_of_the_program(here):
    log = here.work / 'log'
    log.touch()
    done = run(here.pptrun, '--stats', here.calls, 'sr', log)
    equal((done.returncode, done.stderr, log.read_text('ascii')), (0, '', ''))


# Proves stats.c S2.
@test
def broken_pipe_does_not_change_the_status(here):
    reader, writer = os.pipe()
    os.close(reader)
    for restore in False, True:
        done = run(here.pptrun, '--stats', here.calls, 'sx', stderr=writer,
                   restore_signals=restore)
        equal(done.returncode, 7)
    os.close(writer)


@test
def standard_error_may_be_closed_from_the_start(here):
    done = run('sh', '-c', '"$@" 2>&-', 'sh', here.pptrun, '--stats',
               here.calls, 'sx')
    equal(done.returncode, 7)


# Conditions that processes share

# Proves preload.c R1.
@test
def parent_and_child_share_a_condition(here):
    for option in [], ['--stats']:
        done = run(here.pptrun, *option, here.shared, 'fork', here.name())
        equal(done.returncode, 0, done.stderr)


# Proves preload.c R1.
@test
def programs_share_a_condition_whoever_made_it(here):
    ways = [], [here.pptrun]
    for maker in ways:
        for user in ways:
            name = here.name()
            words = [str(word) for word in [*user, here.shared, 'use', name]]
            with subprocess.Popen(words) as other:
                done = run(*maker, here.shared, 'make', name)
                equal((done.returncode, other.wait(LIMIT)), (0, 0),
                      maker, user)


# Proves preload.c R1.
@test
def all_is_left_to_a_c_library_that_is_unknown(here):
    """And both pptrun and --stats say so."""
    preload = {'LD_PRELOAD': f'{here.library}:{here.other_libc}'}
    done = run(here.pptrun, '--stats', here.calls, 'stbwx', env=preload)
    equal(done.returncode, 7, done.stderr)
    warning, line = done.stderr.splitlines()
    check('warning: the conditions of this C library are unknown' in warning)
    check(re.fullmatch(r'pptrun: calls\[\d+\]: [56] passed on: .* unknown',
                       line), line)
    done = run(here.pptrun, here.calls, 'x')
    equal(done.stderr, '')


class Here:
    """The programs, a folder, and names for shared memory."""

    def __init__(self, arguments, work):
        for name, value in vars(arguments).items():
            setattr(self, name, value and pathlib.Path(value).absolute())
        self.work = pathlib.Path(work)
        self.names = 0

    def name(self):
        self.names += 1
        return f'/ppt-test-{os.getpid()}-{self.names}'


def outcome(function, here):
    """ok, or not; and what is to be said of it."""
    try:
        function(here)
    except Skipped as skipped:
        return 'ok', f' # SKIP {skipped}'
    except Exception:
        print('# ' + traceback.format_exc().replace('\n', '\n# '))
        return 'not ok', ''
    return 'ok', ''


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ['pptrun', 'library', 'installed', 'calls', 'shared',
                 'other-libc', 'static']:
        parser.add_argument(f'--{name}')
    arguments = parser.parse_args()
    failed = False
    print(f'1..{len(tests)}')
    for number, function in enumerate(tests, 1):
        with tempfile.TemporaryDirectory() as work:
            verdict, remark = outcome(function, Here(arguments, work))
        print(f'{verdict} {number} - {function.__name__}{remark}', flush=True)
        failed = failed or verdict != 'ok'
    return failed


if __name__ == '__main__':
    sys.exit(main())
