# SPDX-License-Identifier: MIT
"""What Sphinx makes the site of; docs/run calls it."""
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BUILD = ROOT / 'build-docs'
sys.path.insert(0, str(HERE))

import house_format  # noqa: E402

project = 'libpyplusthread'
author = 'the authors of libpyplusthread'
copyright = 'the authors of libpyplusthread; licence: MIT'
release = re.search(r"version: '(.*?)'",
                    (ROOT / 'meson.build').read_text())[1]
version = release

extensions = ['myst_parser', 'house_format', 'sphinx.ext.autodoc']
myst_enable_extensions = ['deflist']
myst_heading_anchors = 3
exclude_patterns = ['_build', 'README.md']

# The headers, and the one of the Python package.
HEADERS = BUILD / 'headers'
house_format.copy(ROOT / 'include' / 'pyplusthread', HEADERS / 'pyplusthread')
house_format.copy(ROOT / 'bindings/python/pyplusthread/include', HEADERS)
hawkmoth_root = str(HEADERS)


def system_headers():
    """Where the C compiler has its own; libclang comes without."""
    done = subprocess.run(
        [*shlex.split(os.environ.get('CC', 'cc')), '-xc', '-E', '-v', '-'],
        input='', capture_output=True, text=True, check=True)
    return re.findall('^ (/.*)$', done.stderr, re.MULTILINE)


hawkmoth_autoconf = []
hawkmoth_clang = ['-std=c11', '-D_XOPEN_SOURCE=700', f'-I{HEADERS}',
                  f'-I{sysconfig.get_path("include")}',
                  *(f'-isystem{path}' for path in system_headers())]

autodoc_member_order = 'bysource'
highlight_language = 'none'

html_theme = 'furo'
html_title = f'libpyplusthread {release}'
html_static_path = ['_static']
html_css_files = ['site.css']
html_show_sphinx = False
html_copy_source = False


# Links to sources that are no pages of the site.

LINK = re.compile(r'\[([^\]]+)\]\((?!https?:|#|mailto:)([^)#]+)(#[^)]*)?\)')


def without_sources(text, folder):
    """Links of a document in folder: to pages as they are seen from docs/."""
    def replaced(match):
        path = (folder / match[2]).resolve()
        page = path if path.is_relative_to(HERE) else PAGES.get(path)
        if page is None:
            return match[1]
        return f'[{match[1]}]({os.path.relpath(page, HERE)}{match[3] or ""})'
    return LINK.sub(replaced, text)


PAGES = {ROOT / 'CONTRIBUTING.md': HERE / 'contributing.md',
         ROOT / 'CHANGES.md': HERE / 'changes.md',
         ROOT / 'examples' / 'README.md': HERE / 'examples.md'}


def on_source(app, name, content):
    folder = (HERE / name).parent
    if folder == HERE:
        content[0] = without_sources(content[0], HERE)


def on_include(app, path, name, content):
    folder = (app.srcdir / path).resolve().parent
    if str(path).endswith('.md'):
        content[0] = without_sources(content[0], folder)


LISTS = ['pyplusthread.gil_info', 'pyplusthread.gil_stats',
         'pyplusthread.loop_lateness', 'pyplusthread.lock_stats',
         'pyplusthread._stats.Histogram']


def on_docstring(app, what, name, obj, options, lines):
    if name in LISTS:
        lines[:] = house_format.names_and_texts(lines)
    # threading.Lock's methods, one a line.
    lines[:] = [re.sub(r'^(\w+\(\)) -- ', r'* \1: ', line) for line in lines]


def setup(app):
    app.connect('autodoc-process-docstring', on_docstring)
    app.connect('source-read', on_source)
    app.connect('include-read', on_include)
