# SPDX-License-Identifier: MIT
"""Install the library somewhere else, and build a stranger's program on it.

install.py staged SOURCE BUILD   through pkg-config, shared and static
install.py subproject SOURCE     as a subproject of the stranger's
"""
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

from symbols import replaced


def run(*command, **environment):
    """Run a command; show it and stop the test where it fails."""
    command = [str(word) for word in command]
    print('$', shlex.join(command), flush=True)
    done = subprocess.run(command, env={**os.environ, **environment},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    print(done.stdout, flush=True)
    if done.returncode != 0:
        sys.exit(1)
    return done.stdout


def pkg_config(stage, *options, package='pyplusthread'):
    """The flags for what lies below stage instead of below /."""
    file, = stage.rglob('pyplusthread.pc')
    text = file.read_text(encoding='utf-8')
    prefix, = [line.partition('=')[2] for line in text.splitlines()
               if line.startswith('prefix=')]
    flags = run('pkg-config', *options,
                f'--define-variable=prefix={stage}{prefix}', package,
                PKG_CONFIG_PATH=str(file.parent))
    return shlex.split(flags)


def build(stage, program, source, package):
    """A stranger's program, linked with the shared and the static library."""
    compiler = shlex.split(os.environ.get('CC', 'cc'))
    shared, = stage.rglob('libpyplusthread.so.0')
    run(*compiler, '-std=c11', '-Wall', '-Wextra', '-Werror', source,
        '-o', f'{program}-with-shared',
        *pkg_config(stage, '--cflags', '--libs', package=package),
        '-pthread')
    run(f'{program}-with-shared', LD_LIBRARY_PATH=str(shared.parent))
    run(*compiler, '-std=c11', source, '-o', f'{program}-with-static',
        '-static', *pkg_config(stage, '--cflags', '--libs', '--static',
                               package=package))
    run(f'{program}-with-static')


def are_ours(program):
    """Stop the test where a program has conditions that are not ours."""
    wrong = replaced(program)
    if wrong:
        sys.exit('\n'.join(wrong))


def staged(work, source, build_folder):
    stage, user = work / 'stage', source / 'tests' / 'user'
    run('ninja', '-C', build_folder, 'install', DESTDIR=str(stage))
    build(stage, work / 'main', user / 'main.c', 'pyplusthread')
    build(stage, work / 'old', user / 'old.c', 'pyplusthread-pthread')
    are_ours(work / 'old-with-shared')
    page, = stage.rglob('man3/ppt_cond_wait.3')
    print(page)
    for pptrun in stage.rglob('bin/pptrun'):
        run(pptrun, '--version')
        library, = stage.rglob('libpyplusthread-preload.so')
        page, = stage.rglob('pptrun.1*')
        print(library, page)


def subproject(work, source):
    project = work / 'project'
    shutil.copytree(source / 'tests' / 'user', project)
    (project / 'subprojects').mkdir()
    (project / 'subprojects' / 'pyplusthread').symlink_to(source)
    run('meson', 'setup', project / 'build', project)
    run('ninja', '-C', project / 'build')
    run(project / 'build' / 'user')
    run(project / 'build' / 'old')
    are_ours(project / 'build' / 'old')


def main(what, *paths):
    paths = [pathlib.Path(path).resolve() for path in paths]
    with tempfile.TemporaryDirectory() as work:
        {'staged': staged,
         'subproject': subproject}[what](pathlib.Path(work), *paths)


if __name__ == '__main__':
    main(*sys.argv[1:])
