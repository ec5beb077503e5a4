# SPDX-License-Identifier: MIT
"""Which implementations are tested, and what happens to a test that hangs.

Most tests ask for `impl`: they run for the running Python's threading, which
says what is right, and for pyplusthread. Those that ask for `native` promise
more than threading does. Another module can be tested too, a wrong one for
example: pytest --impl=mutant
"""
import faulthandler
import importlib
import os
import signal
import sys

import pytest

from support import QUEUES, WITH_TASKS, queues

# Their assertions say what differs, as those of tests do.
pytest.register_assert_rewrite('mains', 'observing', 'watching')

HANGS = 240  # seconds after which a test is killed, or has lasted too long

stderr = None


def pytest_addoption(parser):
    parser.addoption(
        '--impl', action='append', metavar='MODULE',
        help='what to test; by default threading and pyplusthread')


def pytest_configure(config):
    global stderr
    stderr = os.dup(2)  # pytest has not yet replaced it

    # Shells have it ignored in what they start in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.path.insert(0, os.path.dirname(__file__))


def pytest_generate_tests(metafunc):
    chosen = (metafunc.config.getoption('--impl')
              or ['threading', 'pyplusthread'])
    if 'native' in metafunc.fixturenames:
        metafunc.parametrize(
            'native', [name for name in chosen if name != 'threading'],
            indirect=True)
    elif 'impl' in metafunc.fixturenames:
        metafunc.parametrize('impl', chosen, indirect=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    lasts = item.get_closest_marker('lasts')
    limit = HANGS + (lasts.args[0] if lasts else 0)
    faulthandler.dump_traceback_later(limit, exit=True, file=stderr)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def impl(request):
    return importlib.import_module(request.param)


@pytest.fixture
def native(request):
    return importlib.import_module(request.param)


@pytest.fixture
def gil_priority(monkeypatch):
    """A test begins with the default, and leaves it."""
    import pyplusthread
    monkeypatch.delenv('PYPLUSTHREAD_GIL_PRIORITY', raising=False)
    pyplusthread.set_gil_priority(True, cpu_share=0.3)
    yield
    pyplusthread.set_gil_priority(True, cpu_share=0.3)


@pytest.fixture
def gil_unobserved():
    """gil_stats is off before and after a test, and others have ended."""
    from observing import let_others_end
    from pyplusthread import observe_gil
    observe_gil(False)
    let_others_end()
    yield
    observe_gil(False)


@pytest.fixture(scope='module')
def programs(tmp_path_factory):
    """A folder with programs of all kinds."""
    from mains import write_programs
    folder = tmp_path_factory.mktemp('programs')
    write_programs(folder)
    return folder


# Queues.

@pytest.fixture(params=QUEUES)
def kind(request, impl):
    return getattr(queues(impl), request.param)


@pytest.fixture(params=WITH_TASKS)
def tasks(request, impl):
    """A class whose queues have a bound, tasks, and parts."""
    return getattr(queues(impl), request.param)


@pytest.fixture
def fifo(impl):
    return queues(impl).Queue


@pytest.fixture
def simple(impl):
    return queues(impl).SimpleQueue
