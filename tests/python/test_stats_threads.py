# SPDX-License-Identifier: MIT
"""gil_stats: threads that come, end and fork, and other interpreters."""
import ctypes
import sys
import threading

import pytest

from observing import Crowd, assert_it_adds_up, burn, named, of
from pyplusthread import gil_stats, observe_gil
from support import in_child, needs_gil, python, until

pytestmark = pytest.mark.usefixtures('gil_unobserved')


@needs_gil
def test_many_threads_are_summed_up():
    """No thread is lost, and no more than so many are on record."""
    with gil_stats() as stats:
        for _ in range(900):
            named('short', str).join()
        assert_it_adds_up()
    assert len(stats['threads']) < 600
    others, = [each for each in stats['threads'] if each['threads'] > 1]
    assert others['name'] == f'{others["threads"]} threads that have ended'
    assert others['native_id'] is others['ident'] is None
    # Threads of earlier tests may end meanwhile.
    assert sum(each['threads'] for each in stats['threads']) >= 901
    for name in 'acquisitions', 'voluntary':
        assert sum(each[name] for each in stats['threads']) == stats[name]


@needs_gil
def test_thread_that_has_ended_is_still_there():
    """On some versions join returns before its very end."""
    observe_gil()
    named('ends', burn, 0.001).join()
    until(lambda: of(gil_stats(), 'ends')['ended'])


@needs_gil
@pytest.mark.parametrize('name', ['Zoë', 'x' * 300, 'é' * 60, '', '\udcff',
                                  'a\0b'])
def test_names_are_kept_when_a_thread_has_ended(name):
    with gil_stats() as stats:
        native_id = []
        named(name, lambda: native_id.append(
            threading.get_native_id())).join()
    found, = [each['name'] for each in stats['threads']
              if each['native_id'] == native_id[0]]
    expected = name.encode('utf-8', 'replace')[:95].decode(errors='ignore')
    expected = expected.partition('\0')[0]
    if name:
        assert found == expected
    else:
        assert found


@needs_gil
def test_name_of_a_living_thread_is_the_present_one():
    observe_gil()
    main = threading.main_thread()
    name = main.name
    main.name = 'renamed'
    try:
        assert of(gil_stats(), 'renamed')['ident'] == main.ident
    finally:
        main.name = name


class Unnamed(threading.Thread):
    """Its name is none, or cannot be had."""

    value = None

    @property
    def name(self):
        if self.value is None:
            raise KeyError('name')
        return self.value


@needs_gil
@pytest.mark.parametrize('value', [None, 5, b'bytes'])
def test_thread_whose_name_is_no_text_has_the_one_it_began_with(value):
    goes_on = threading.Event()
    thread = Unnamed(target=goes_on.wait)
    thread._name = 'at first'
    thread.value = value
    observe_gil()
    thread.start()
    try:
        assert of(gil_stats(), 'at first')['ident'] == thread.ident
    finally:
        goes_on.set()
        thread.join()


@needs_gil
def test_thread_that_began_before_the_block_it_ends_in_has_its_name():
    goes_on = threading.Event()
    thread = named('earlier', goes_on.wait)
    with gil_stats() as stats:
        goes_on.set()
        thread.join()
        until(lambda: of(gil_stats(), 'earlier')['ended'])
    assert of(stats, 'earlier')['ended']


@needs_gil
def test_threading_is_as_before_afterwards():
    before = threading.Thread._set_native_id
    with gil_stats():
        with gil_stats():
            pass
        assert threading.Thread._set_native_id is not before
    assert threading.Thread._set_native_id is before


@needs_gil
def test_foreign_threads_are_seen():
    callback = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(
        lambda _: ids.append(threading.get_native_id()))
    libc = ctypes.CDLL(None)
    ids = []
    with gil_stats() as stats:
        thread = ctypes.c_ulong()
        assert libc.pthread_create(ctypes.byref(thread), None, callback,
                                   None) == 0
        assert libc.pthread_join(thread, None) == 0
    found, = [each for each in stats['threads']
              if each['native_id'] == ids[0]]
    assert found['acquisitions'] > 0


# Fork.

def check_child():
    stats = gil_stats()
    assert [each['name'] for each in stats['threads']] == ['MainThread']
    assert_it_adds_up()
    named('childs', burn, 0.01).join()
    assert of(gil_stats(), 'childs')['held'] > 0
    assert_it_adds_up()
    observe_gil(False)
    assert not gil_stats()['observing']


@needs_gil
@pytest.mark.unsanitized
@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_child_of_a_fork_has_its_own_numbers():
    observe_gil()
    with Crowd(2, 2):
        for _ in range(5):
            in_child(check_child)
    assert_it_adds_up()


def check_child_of_what_was_observed():
    stats = gil_stats()
    assert not stats['observing'] and stats['reason'] is None
    assert (stats['observed'], stats['held'], stats['threads']) == (0, 0, [])
    with gil_stats() as inside:
        named('childs', burn, 0.01).join()
    assert of(inside, 'childs')['held'] > 0


@needs_gil
@pytest.mark.unsanitized
@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_child_that_is_forked_after_the_counting_has_nothing():
    with gil_stats():
        named('parents', burn, 0.01).join()
    held = of(gil_stats(), 'parents')['held']
    in_child(check_child_of_what_was_observed)
    assert of(gil_stats(), 'parents')['held'] == held > 0


@needs_gil
@pytest.mark.skipif(sys.version_info < (3, 13), reason='no such module')
def test_interpreter_with_its_own_gil_has_its_own_numbers():
    """It is not observed, and its threads are not among ours."""
    interpreters = pytest.importorskip('_interpreters')
    with gil_stats() as stats:
        before = stats.copy()
        other = interpreters.create('isolated')
        try:
            interpreters.exec(other, '''if True:
                import pyplusthread, threading
                assert not pyplusthread.gil_stats()['observing']
                with pyplusthread.gil_stats() as stats:
                    thread = threading.Thread(target=str, name='inner')
                    thread.start()
                    thread.join()
                assert 'inner' in [each['name'] for each in stats['threads']]
                assert not pyplusthread.gil_stats()['observing']
            ''')
        finally:
            interpreters.destroy(other)
        assert_it_adds_up()
    assert before == {}
    assert 'inner' not in [each['name'] for each in stats['threads']]


@needs_gil
def test_end_of_the_interpreter_while_it_is_observed():
    assert python('''
import threading, time
import pyplusthread

pyplusthread.observe_gil()
for _ in range(3):
    threading.Thread(target=lambda: [0 for _ in iter(int, 1)],
                     daemon=True).start()
time.sleep(0.02)
print(pyplusthread.gil_stats()['observing'])
''').stdout == 'True\n'


@needs_gil
def test_child_counts_that_was_forked_while_another_thread_counted():
    """Nothing stays locked there: see _stats._Cached."""
    done = python('''
import os, threading
from pyplusthread import _stats, observe_gil

def slow(packed):
    inside.set()
    go_on.wait()
    return tally(packed)

observe_gil()
inside, go_on = threading.Event(), threading.Event()
tally, _stats._tally = _stats._tally, slow
snapshot = _stats.snapshot()
thread = threading.Thread(target=lambda: snapshot.total)
thread.start()
inside.wait()
child = os.fork()
if child == 0:
    _stats._tally = tally
    _stats.snapshot().total
    os._exit(0)
_, status = os.waitpid(child, 0)
go_on.set()
thread.join()
print(status)
''', check=False)
    assert done.stdout == '0\n', done.stderr
