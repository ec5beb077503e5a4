# SPDX-License-Identifier: MIT
"""tests/python/run.py: what it makes of a Python that lacks something."""
import importlib.util
import os
import sys
import types
import xml.etree.ElementTree as ET

import pytest

from support import HERE

pytestmark = pytest.mark.unsanitized  # nothing of it is compiled


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The module, which writes its results to tmp_path."""
    monkeypatch.setattr(sys, 'path', list(sys.path))
    spec = importlib.util.spec_from_file_location('run', HERE / 'run.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, 'RESULTS', tmp_path / 'results')
    return module


@pytest.fixture
def bench(tmp_path):
    """A Python whose package "test" holds what is made in lib/test."""
    (tmp_path / 'lib' / 'test').mkdir(parents=True)
    (tmp_path / 'lib' / 'test' / '__init__.py').touch()
    python = tmp_path / 'python'
    python.write_text('#!/bin/sh\n'
                      '[ "$1" != -I ] || shift\n'
                      f'PYTHONPATH={tmp_path}/lib exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return types.SimpleNamespace(
        name='fake', executable=str(python), env=dict(os.environ),
        python=types.SimpleNamespace(path=str(python), version=(3, 0)))


@pytest.mark.parametrize('there, lacking', [
    (['support'], ['test.lock_tests']),
    (['lock_tests'], ['test.support']),
    ([], ['test.lock_tests', 'test.support'])])
def test_cpythons_tests_are_skipped_where_they_are_not_all_there(
        run, bench, tmp_path, capsys, there, lacking):
    for name in there:
        (tmp_path / 'lib' / 'test' / f'{name}.py').touch()
    run.run_suites(bench, 'quick')
    case, = ET.parse(tmp_path / 'results' / 'fake-cpython.xml').iter(
        'testcase')
    assert case.find('failure') is None
    text = case.find('skipped').text
    assert [name for name in ('test.lock_tests', 'test.support')
            if name in text] == lacking
    assert f'no {", ".join(lacking)}' in capsys.readouterr().out
