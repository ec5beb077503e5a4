# SPDX-License-Identifier: MIT
"""The sources of programs of others, from Debian.

Where the system's own release does not have one, the newest of Debian may.
PPT_SOURCES names a folder in which sources lie already, each in a folder with
the package's name.
"""
import os
import pathlib
import re
import shutil
import subprocess
import tarfile


class Missing(Exception):
    """A source cannot be had here."""


def releases():
    """Where apt-get may find sources: the system's own, and Debian's sid."""
    listed = subprocess.run(
        ['apt-get', 'indextargets', 'Created-By: Packages', '--format',
         '$(ORIGIN) deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)'],
        stdout=subprocess.PIPE, text=True, check=True).stdout
    rows = [line.split() for line in listed.splitlines()
            if re.match(r'(Debian|Ubuntu) deb-src \S+ [^- ]+ ', line)]
    own = sorted({' '.join(words[1:]) for words in rows})
    newest = sorted({f'deb-src {words[2]} sid main' for words in rows
                     if words[0] == 'Debian' and 'security' not in words[2]})
    return own, newest


def apt(folder, lines, *command):
    """apt-get for sources, which leaves the system's own settings alone."""
    for name in 'lists/partial', 'cache/archives/partial':
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / 'sources.list').write_text('\n'.join([*lines, '']),
                                         encoding='utf-8')
    settings = {'Dir::Etc::SourceList': folder / 'sources.list',
                'Dir::Etc::SourceParts': '/dev/null',
                'Dir::State::Lists': folder / 'lists',
                'Dir::Cache': folder / 'cache',
                'APT::Sandbox::User': 'root'}
    subprocess.run(['apt-get', '-qq',
                    *[f'-o{name}={value}'
                      for name, value in settings.items()], *command],
                   cwd=folder, check=True, timeout=300)


def download(package, folder):
    """The archive of a source."""
    try:
        for lines in releases():
            try:
                apt(folder, lines, 'update')
                apt(folder, lines, 'source', '--tar-only', package)
                break
            except subprocess.SubprocessError:
                pass  # apt-get has said why
        else:
            raise Missing(f'no source of {package} can be fetched here')
    except OSError as error:
        raise Missing(f'no source of {package} can be fetched here: '
                      f'{error}') from None
    archive, = [path for path in folder.glob('*.orig.tar.*')
                if path.suffix != '.asc']
    return archive


def fetch(package, folder):
    """The folder of a source, a copy below folder."""
    target = folder / 'source'
    have = pathlib.Path(os.environ.get('PPT_SOURCES', folder)) / package
    if have.is_dir():
        return shutil.copytree(have, target / package, symlinks=True)
    with tarfile.open(download(package, folder)) as file:
        file.extractall(target)
    source, = target.iterdir()
    return source
