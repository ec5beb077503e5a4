# SPDX-License-Identifier: MIT
"""gil_stats: programs whose answer is known by construction, and identities.

No test says how long something took, only what it took at least, and that
the times add up to the nanosecond.
"""
import ctypes
import inspect
import itertools
import os
import threading
import time

import pytest

import pyplusthread
from observing import Crowd, assert_it_adds_up, burn, named, of
from pyplusthread import (gil_stats, observe_gil, reset_gil_stats,
                          set_gil_priority)
from pyplusthread._stats import BUCKETS, COUNTS, HISTOGRAMS, Histogram, bound
from support import NO_GIL, Worker, join_all, needs_gil, until

pytestmark = pytest.mark.usefixtures('gil_unobserved')

usleep = ctypes.PyDLL(None).usleep  # it keeps the GIL


@pytest.fixture(params=[True, False], ids=['priority', 'stock'])
def priority(request):
    """The numbers are right whoever decides who gets the GIL."""
    set_gil_priority(request.param)
    yield
    set_gil_priority()


@needs_gil
@pytest.mark.parametrize('computing, blocking', [(0, 0), (1, 0), (0, 2),
                                                 (2, 2), (4, 8)])
def test_times_add_up_to_the_clocks(priority, computing, blocking):
    before = time.monotonic_ns()
    observe_gil()
    begin = time.monotonic_ns()
    with Crowd(computing, blocking):
        for _ in range(20):
            time.sleep(0.002)
            assert_it_adds_up()
    at_least = time.monotonic_ns() - begin
    numbers, tallies = assert_it_adds_up()
    assert at_least <= numbers['observed'] <= time.monotonic_ns() - before


@needs_gil
def test_counts_agree_with_the_histograms(priority):
    """Of threads that have ended; others may hold the GIL, or wait for it."""
    observe_gil()
    reset_gil_stats()
    with Crowd(2, 3):
        burn(0.1)
        until(lambda: gil_stats()['forced'] > 0)
    until(lambda: sum(each['ended'] for each in gil_stats()['threads']) >= 5)
    stats = gil_stats()
    for each in [stats, *stats['threads']]:
        ends = each['forced'] + each['voluntary']
        assert each['hold'].count + each['cpu_bound_hold'].count == ends
        assert 0 <= each['acquisitions'] - ends + 1 <= 2
        assert each['response'].count == each['forced']
        waits = each['wait'].count + each['cpu_bound_wait'].count
        assert waits <= each['acquisitions']
        held = each['held'] - each['hold'].sum - each['cpu_bound_hold'].sum
        waited = each['waited'] - each['wait'].sum - each['cpu_bound_wait'].sum
        assert held >= -1e-6 and waited >= -1e-6
        if each.get('ended'):
            assert held <= 1e-6 and waited <= 1e-6
    assert stats['waited'] >= stats['contended'] > 0


# Programs whose answer is known.

@needs_gil
def test_thread_that_computes_for_200_ms(priority):
    with gil_stats() as stats:
        named('computing', burn, 0.2).join()
    computing = of(stats, 'computing')
    # The rest: a thread that got no CPU is not seen to want the GIL.
    assert computing['held'] + computing['waited'] >= 0.1
    assert computing['held'] <= stats['held'] <= stats['observed']
    assert computing['threads'] == 1
    assert of(stats, 'MainThread')['native_id'] == threading.get_native_id()


@needs_gil
def test_c_call_that_keeps_the_gil_for_50_ms(priority):
    """Whoever waits meanwhile asks in vain, and that is seen."""
    def main_waited_for_it():
        thread = named('keeps', usleep, 50000)
        while thread.is_alive():
            time.sleep(0.0005)
        main = of(gil_stats(), 'MainThread')
        return any(is_seen(each, main) for each in gil_stats()['threads'])

    def is_seen(each, main):
        return (each['name'] == 'keeps' and each['held'] >= 0.05
                and each['cpu_bound_hold'].max >= 0.05
                and each['delayed'] > 0.02
                and each['response'].max > 0.01
                and each['requests_suffered'] > 0
                and main['requests_made'] > 0
                and (main['wait'] + main['cpu_bound_wait']).max > 0.02)

    observe_gil()
    until(main_waited_for_it)


TURNS = 300


@needs_gil
def test_three_that_play_ping_pong(priority):
    """Each turn is a read and a write, which let go of the GIL."""
    pipes = [os.pipe() for _ in range(3)]

    def play(source, sink):
        for _ in range(TURNS):
            os.read(source, 1)
            os.write(sink, b'1')

    with gil_stats() as stats:
        threads = [named(f'player-{i}', play, pipes[i][0],
                         pipes[(i + 1) % 3][1]) for i in range(3)]
        os.write(pipes[0][1], b'1')
        for thread in threads:
            thread.join()
    for fd in itertools.chain(*pipes):
        os.close(fd)
    for i in range(3):
        player = of(stats, f'player-{i}')
        assert player['acquisitions'] >= 2 * TURNS
        assert (2 * TURNS - player['forced'] <= player['voluntary']
                <= 2 * TURNS + 20)


@needs_gil
def test_thread_that_waits_is_seen_while_it_waits():
    """Its wait has not ended, and counts up to now."""
    runs = [True]
    observe_gil()

    def compute():
        while runs:
            pass

    crowd = [Worker(compute) for _ in range(2)]
    until(lambda: gil_stats()['cpu_bound_wait'].count > 0)
    runs.clear()
    join_all(crowd)
    assert_it_adds_up()


# On, off, reset, blocks.

@needs_gil
def test_nothing_is_counted_before_it_is_on():
    observe_gil()
    observe_gil(False)
    first = gil_stats()
    assert first['observing'] is False
    named('unseen', burn, 0.01).join()
    assert gil_stats() == first
    observe_gil()
    second = gil_stats()
    assert second['observing'] is True
    names = [each['name'] for each in second['threads']]
    assert 'MainThread' in names and 'unseen' not in names


@needs_gil
def test_on_and_off_twice_is_once():
    observe_gil()
    observe_gil()
    with gil_stats():
        pass
    assert gil_stats()['observing']
    observe_gil(False)
    assert not gil_stats()['observing']


@needs_gil
def test_reset_counts_from_0():
    observe_gil()
    named('before', burn, 0.05).join()
    with Crowd(2, 2):
        burn(0.02)
        reset_gil_stats()
        stats = gil_stats()
        assert_it_adds_up()
        assert stats['observed'] < time.monotonic()
        assert 'before' not in [each['name'] for each in stats['threads']]
    numbers, tallies = assert_it_adds_up()
    assert sum(tally['waited'] for tally in tallies) >= numbers['contended']


@needs_gil
def test_block_has_its_own_part():
    observe_gil()
    named('before', burn, 0.02).join()
    with gil_stats() as outer:
        with gil_stats() as inner:
            named('within', burn, 0.02).join()
        named('after', burn, 0.02).join()
    assert 'before' not in [each['name'] for each in outer['threads']]
    assert 'after' not in [each['name'] for each in inner['threads']]
    assert of(inner, 'within')['held'] == of(outer, 'within')['held']
    for stats in inner, outer:
        assert stats['held'] + stats['idle'] == pytest.approx(
            stats['observed'], abs=1e-6)
        assert sum(each['held'] for each in stats['threads']) == (
            pytest.approx(stats['held'], abs=1e-6))


@needs_gil
def test_block_in_which_it_is_reset_has_what_came_then():
    with gil_stats() as stats:
        named('before', burn, 0.01).join()
        reset_gil_stats()
        named('then', burn, 0.01).join()
    assert 'before' not in [each['name'] for each in stats['threads']]
    assert of(stats, 'then')['held'] > 0


@needs_gil
def test_block_with_an_exception_has_numbers_and_lets_it_pass():
    with pytest.raises(KeyError):
        with gil_stats() as stats:
            raise KeyError
    assert stats['held'] > 0
    assert not gil_stats()['observing']


@pytest.mark.skipif(not NO_GIL, reason='there is a GIL')
def test_without_a_gil_there_is_a_reason():
    observe_gil()
    with gil_stats() as stats:
        pass
    for each in stats, gil_stats():
        assert each == {'observing': False,
                        'reason': 'this interpreter has no GIL'}


# Histograms.

def test_bounds_grow_by_a_quarter_at_most():
    bounds = [bound(i) for i in range(BUCKETS)]
    assert bounds[:9] == [1, 2, 3, 4, 5, 6, 7, 8, 10]
    for low, high in itertools.pairwise(bounds[3:]):
        assert low < high <= 1.25 * low


def histogram(*lengths):
    """Lengths in ns, as the compiled part would count them."""
    counts = [0] * BUCKETS
    for length in lengths:
        counts[next(i for i in range(BUCKETS) if length < bound(i))] += 1
    return Histogram(counts, sum(lengths) * 1e-9, max(lengths) * 1e-9)


def test_quantiles():
    one = histogram(*range(100, 200))
    assert one.count == 100
    assert one.quantile(0.5) == pytest.approx(150e-9, rel=0.25)
    assert one.quantile(1) == one.max
    assert one.quantile(0) > 0
    assert Histogram().quantile(0.5) == 0
    for wrong in -0.1, 1.1, float('nan'):
        with pytest.raises(ValueError):
            one.quantile(wrong)


def test_histograms_add_up():
    one, other = histogram(5, 1000, 70000), histogram(1, 10 ** 9)
    assert one + other == histogram(5, 1000, 70000, 1, 10 ** 9)
    assert sum((one + other).buckets.values()) == 5
    with pytest.raises(TypeError):
        one + 1


@needs_gil
@pytest.mark.parametrize('seconds', [0, 0.001, 0.02])
def test_lengths_are_in_the_bucket_of_that_length(seconds):
    with gil_stats() as stats:
        named('keeps', usleep, round(seconds * 1e6)).join()
    keeps = of(stats, 'keeps')
    longest = max(keeps[name].max for name in ('hold', 'cpu_bound_hold'))
    highest = max((keeps['hold'] + keeps['cpu_bound_hold']).buckets)
    assert longest >= seconds
    assert highest / 1.26 <= longest <= highest


@pytest.mark.parametrize('function, signature, words', [
    (gil_stats, '()', ['GIL', 'with', 'observing', 'reason', 'observed',
                       'threads', *COUNTS, *HISTOGRAMS]),
    (observe_gil, '(enabled=True)', ['gil_stats']),
    (reset_gil_stats, '()', ['gil_stats']),
])
def test_signature_and_docstring(function, signature, words):
    assert str(inspect.signature(function)) == signature
    assert function.__name__ in pyplusthread.__all__
    for word in words:
        assert word in function.__doc__
