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


def pkg_config(stage, *options):
    """The flags for what lies below stage instead of below /."""
    file, = stage.rglob('pyplusthread.pc')
    text = file.read_text(encoding='utf-8')
    prefix, = [line.partition('=')[2] for line in text.splitlines()
               if line.startswith('prefix=')]
    flags = run('pkg-config', *options,
                f'--define-variable=prefix={stage}{prefix}', 'pyplusthread',
                PKG_CONFIG_PATH=str(file.parent))
    return shlex.split(flags)


def staged(work, source, build):
    compiler = shlex.split(os.environ.get('CC', 'cc'))
    program = source / 'tests' / 'user' / 'main.c'
    stage = work / 'stage'
    run('ninja', '-C', build, 'install', DESTDIR=str(stage))
    shared, = stage.rglob('libpyplusthread.so.0')

    run(*compiler, '-std=c11', '-Wall', '-Wextra', '-Werror', program,
        '-o', work / 'with-shared', *pkg_config(stage, '--cflags', '--libs'),
        '-pthread')
    run(work / 'with-shared', LD_LIBRARY_PATH=str(shared.parent))
    run(*compiler, '-std=c11', program, '-o', work / 'with-static', '-static',
        *pkg_config(stage, '--cflags', '--libs', '--static'))
    run(work / 'with-static')


def subproject(work, source):
    project = work / 'project'
    shutil.copytree(source / 'tests' / 'user', project)
    (project / 'subprojects').mkdir()
    (project / 'subprojects' / 'pyplusthread').symlink_to(source)
    run('meson', 'setup', project / 'build', project)
    run('ninja', '-C', project / 'build')
    run(project / 'build' / 'user')


def main(what, *paths):
    paths = [pathlib.Path(path).resolve() for path in paths]
    with tempfile.TemporaryDirectory() as work:
        {'staged': staged,
         'subproject': subproject}[what](pathlib.Path(work), *paths)


if __name__ == '__main__':
    main(*sys.argv[1:])
