# SPDX-License-Identifier: MIT
"""The programs in Python that the documents show."""
import re
import subprocess
import sys

import pytest

from support import HERE, NO_GIL

pyplusthread = pytest.importorskip('pyplusthread')

ROOT = HERE.parents[1]
DOCUMENTS = [ROOT / 'README.md', ROOT / 'bindings' / 'python' / 'README.md',
             *sorted((ROOT / 'docs').glob('*.md'))]


def programs():
    for path in DOCUMENTS:
        text = path.read_text(encoding='utf-8')
        for i, block in enumerate(re.findall(
                r'^```python\n(.*?)^```$', text, re.MULTILINE | re.DOTALL)):
            yield pytest.param(block, id=f'{path.relative_to(ROOT)}-{i}')


def test_there_are_programs():
    assert len([*programs()]) > 5


@pytest.mark.parametrize('program', [*programs()])
def test_program_runs(program):
    done = subprocess.run([sys.executable, '-c', program], text=True,
                          capture_output=True, timeout=180)
    if "No module named 'prometheus_client'" in done.stderr:
        pytest.skip('there is no prometheus_client')
    if NO_GIL and "KeyError: 'held'" in done.stderr:
        pytest.skip('there is no GIL')
    assert (done.returncode, done.stderr) == (0, ''), done.stderr


@pytest.mark.parametrize('name', pyplusthread.__all__)
def test_name_is_in_the_reference(name):
    text = (ROOT / 'docs' / 'reference' / 'python.md').read_text()
    assert re.search(rf':: pyplusthread\.{name}$', text, re.MULTILINE)
