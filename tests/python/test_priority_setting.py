# SPDX-License-Identifier: MIT
"""The GIL's priority: how it is set, and what gil_info says of it."""
import inspect
import subprocess
import sys

import pytest

import pyplusthread
from pairs import COUNTS, TIMES, setting
from pyplusthread import gil_info, set_gil_priority
from support import LIMIT, NO_GIL, needs_gil, python

pytestmark = pytest.mark.usefixtures('gil_priority')


# set_gil_priority and gil_info.

def test_info_has_these_keys_and_types():
    info = gil_info()
    assert list(info) == ['priority', 'reason', 'cpu_share', *COUNTS, *TIMES]
    assert type(info['priority']) is bool
    assert type(info['cpu_share']) is float
    for names, kind in (COUNTS, int), (TIMES, float):
        for name in names:
            assert type(info[name]) is kind
            assert info[name] >= 0


@needs_gil
def test_it_is_on_by_default():
    assert setting() == (True, 0.3)
    assert gil_info()['reason'] is None


@pytest.mark.skipif(not NO_GIL, reason='there is a GIL')
@pytest.mark.parametrize('enabled', [True, False])
def test_without_a_gil_there_is_a_reason(enabled):
    set_gil_priority(enabled, cpu_share=0.5)
    assert setting() == (False, 0.5)
    assert gil_info()['reason'] == 'this interpreter has no GIL'


@needs_gil
@pytest.mark.parametrize('value', [False, 0, None, '', []])
def test_off_is_a_reason(value):
    set_gil_priority(value)
    assert setting() == (False, 0.3)
    assert gil_info()['reason'] == 'it was turned off'
    set_gil_priority()
    assert setting() == (True, 0.3)
    assert gil_info()['reason'] is None


@needs_gil
@pytest.mark.parametrize('value', [True, 1, 'off', [0]])
def test_enabled_is_any_truth_value(value):
    set_gil_priority(False)
    set_gil_priority(enabled=value)
    assert gil_info()['priority'] is True


def test_it_returns_nothing():
    assert set_gil_priority() is None
    assert set_gil_priority(False, cpu_share=0.5) is None


class Half:
    def __float__(self):
        return 0.5


@pytest.mark.parametrize('share', [0, 0.0, -0.0, False, 1e-6, 0.1, 0.29,
                                   0.57, 0.999999, Half()],
                         ids=lambda share: str(share)[:8])
def test_share_is_a_number_from_0_to_less_than_1(share):
    set_gil_priority(cpu_share=share)
    assert gil_info()['cpu_share'] == pytest.approx(float(share), abs=1e-6)
    set_gil_priority(False, cpu_share=share)
    assert gil_info()['cpu_share'] == pytest.approx(float(share), abs=1e-6)


def test_what_is_not_given_has_its_default():
    before = setting()
    set_gil_priority(False, cpu_share=0.5)
    set_gil_priority()
    assert setting() == before


class Odd:
    """Neither true nor false, nor a number."""

    def __bool__(self):
        raise KeyError

    def __float__(self):
        raise IndexError


@pytest.mark.parametrize('error, args, named', [
    (ValueError, [], {'cpu_share': 1}),
    (ValueError, [], {'cpu_share': 1.0}),
    (ValueError, [], {'cpu_share': float('inf')}),
    (ValueError, [], {'cpu_share': float('-inf')}),
    (ValueError, [], {'cpu_share': float('nan')}),
    (ValueError, [], {'cpu_share': -1}),
    (ValueError, [], {'cpu_share': -1e-9}),
    (ValueError, [True], {'cpu_share': 30}),
    (OverflowError, [], {'cpu_share': 10 ** 400}),
    (TypeError, [], {'cpu_share': '0.5'}),
    (TypeError, [], {'cpu_share': None}),
    (TypeError, [], {'cpu_share': 0.5j}),
    (IndexError, [True], {'cpu_share': Odd()}),
    (KeyError, [Odd()], {}),
    (KeyError, [Odd()], {'cpu_share': 0.2}),
    (TypeError, [True, 0.5], {}),
    (TypeError, [True, 0.5, 0.5], {}),
    (TypeError, [True, 0.5], {'cpu_share': 0.5}),
    (TypeError, [True], {'enabled': True}),
    (TypeError, [True], {'share': 0.5}),
], ids=lambda value: getattr(value, '__name__', None))
@pytest.mark.parametrize('enabled', [True, False])
def test_mistake_changes_nothing(enabled, error, args, named):
    set_gil_priority(enabled, cpu_share=0.25)
    before = setting()
    with pytest.raises(error):
        set_gil_priority(*args, **named)
    assert setting() == before


def test_info_takes_nothing_and_is_a_copy():
    with pytest.raises(TypeError):
        gil_info(1)
    gil_info()['cpu_share'] = 'mine'
    assert gil_info()['cpu_share'] == 0.3


@pytest.mark.parametrize('function, signature, words', [
    (set_gil_priority, '(enabled=True, *, cpu_share=0.3)',
     ['GIL', 'CPU-bound', '5 ms', 'cpu_share']),
    (gil_info, '()', ['GIL', *gil_info()]),
])
def test_signature_and_docstring(function, signature, words):
    assert str(inspect.signature(function)) == signature
    assert function.__name__ in pyplusthread.__all__
    for word in words:
        assert word in function.__doc__


# The environment and the command line.

TELL = '''
import pyplusthread
info = pyplusthread.gil_info()
print(info['priority'], info['cpu_share'])
'''


def told(priority, share):
    return f'{priority and not NO_GIL} {share}\n'


@pytest.mark.parametrize('text, priority, share', [
    ('', True, 0.3), ('on', True, 0.3), ('off', False, 0.3),
    ('0.5', True, 0.5), ('0', True, 0.0), ('1e-1', True, 0.1),
])
def test_environment_is_heeded(monkeypatch, text, priority, share):
    monkeypatch.setenv('PYPLUSTHREAD_GIL_PRIORITY', text)
    assert python(TELL).stdout == told(priority, share)


@pytest.mark.parametrize('text', ['nonsense', 'ON', '1', '-0.1', 'nan',
                                  'inf', '0.5x', ' '])
def test_nonsense_in_the_environment_is_a_warning(monkeypatch, text):
    monkeypatch.setenv('PYPLUSTHREAD_GIL_PRIORITY', text)
    done = python(TELL, check=False)
    assert done.returncode == 0
    assert done.stdout == told(True, 0.3)
    assert done.stderr.startswith('<string>:2: RuntimeWarning: ')
    assert done.stderr.count('Warning') == 1
    assert f'PYPLUSTHREAD_GIL_PRIORITY is ignored: {text!r}' in done.stderr


def program(*arguments):
    """Exit status, output, errors of python -m pyplusthread."""
    done = subprocess.run(
        [sys.executable, '-m', 'pyplusthread', *arguments], timeout=LIMIT,
        stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize('text, priority, share', [
    ('on', True, 0.3), ('off', False, 0.3), ('0.5', True, 0.5),
    ('0', True, 0.0)])
@pytest.mark.parametrize('form', ['{} {}', '{}={}'])
@pytest.mark.parametrize('environment', ['', '0.1', 'off'])
def test_command_line_is_heeded_first(monkeypatch, environment, form, text,
                                      priority, share):
    monkeypatch.setenv('PYPLUSTHREAD_GIL_PRIORITY', environment)
    option = form.format('--gil-priority', text).split()
    assert program(*option, '-c', TELL) == (0, told(priority, share), '')


@pytest.mark.parametrize('arguments, hint', [
    (['--gil-priority=nonsense', '-c', TELL], 'nonsense'),
    (['--gil-priority=', '-c', TELL], '--gil-priority'),
    (['--gil-priority=1', '-c', TELL], '1'),
    (['--gil-priority', '-0.5', '-c', TELL], '--gil-priority'),
    (['--gil-priority=-0.5', '-c', TELL], '-0.5'),
    (['--gil-priority', 'nan', '-c', TELL], 'nan'),
    (['--gil-priority', '-c', TELL], '--gil-priority'),
    (['--gil-priority'], '--gil-priority'),
], ids=lambda value: ' '.join(value[:2])[:24])
def test_mistake_on_the_command_line_is_one_line_and_status_2(arguments,
                                                              hint):
    status, output, errors = program(*arguments)
    assert (status, output) == (2, '')
    assert errors.count('\n') == 1
    assert errors.startswith('python -m pyplusthread: ')
    assert hint in errors


def test_help_names_the_option():
    status, output, errors = program('--help')
    assert (status, errors) == (0, '')
    assert '--gil-priority' in output
    assert 'PYPLUSTHREAD_GIL_PRIORITY' in output


def test_gil_only_leaves_threading_as_it_is():
    tell = TELL + 'print(pyplusthread.is_patched())'
    assert program('--gil-only', '-c', tell) == (
        0, told(True, 0.3) + 'False\n', '')
    assert program('--gil-only', '--gil-priority=0.5', '-c', tell) == (
        0, told(True, 0.5) + 'False\n', '')
