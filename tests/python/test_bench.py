# SPDX-License-Identifier: MIT
"""The benchmarks: their threads end when told to, their scripts answer."""
import importlib
import json
import math
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from support import needs_gil, until

BENCH = Path(__file__).parents[2] / 'bench' / 'python'


@pytest.fixture(scope='module')
def bench():
    """Imports one of the benchmarks' modules."""
    sys.path.insert(0, str(BENCH))
    yield importlib.import_module
    sys.path.remove(str(BENCH))


def stops_at(work_type, look):
    """The type, but stopped when a thread looks for the look'th time."""
    class Stopping(work_type):
        looks = 0

        @property
        def stopped(self):
            self.looks += 1
            return self.looks >= look

        @stopped.setter
        def stopped(self, value):
            pass

    return Stopping


def check_that_it_ends(work):
    threads = [threading.Thread(target=body, daemon=True)
               for body in work.bodies()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


@pytest.mark.parametrize('look', range(1, 8))
@pytest.mark.parametrize('name', ['ConditionPair', 'LockPair', 'Answers'])
def test_work_ends_whoever_sees_the_stop(impl, bench, name, look):
    check_that_it_ends(stops_at(getattr(bench('works'), name), look)(impl))


def test_independent_pairs_all_hand_over_and_each_has_one_cpu(impl, bench):
    work = bench('works').IndependentPairs(impl, cpus=[5, 6], pairs=3)
    threads = [threading.Thread(target=body, daemon=True)
               for body in work.bodies()]
    assert [work.cpu(index) for index in range(len(threads))] == [
        5, 5, 6, 6, 5, 5]
    for thread in threads:
        thread.start()
    until(lambda: all(pair.done for pair in work.pairs))
    work.stop()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert work.done == sum(pair.done for pair in work.pairs)


@pytest.mark.parametrize('look', range(1, 8))
def test_noted_pair_ends_whoever_sees_the_stop(impl, bench, look):
    pair = stops_at(bench('timeline').NotedPair, look)(impl)
    check_that_it_ends(pair)
    for spans in pair.producer.ended, pair.consumer.ended:
        times = [time for span in spans for time in span]
        assert times and times == sorted(times)


def script(name, *options):
    return subprocess.run([sys.executable, '-B', BENCH / f'{name}.py',
                           *options], capture_output=True, text=True,
                          timeout=120)


def objects(name, *options):
    """What the script says in JSON, by variant."""
    done = script(name, '--json', '--seconds', '0.02', *options)
    assert done.returncode == 0, done.stderr
    return {found['variant']: found
            for found in map(json.loads, done.stdout.splitlines())}


def test_giltest_measures_every_column(bench):
    rows = objects('giltest', '--repetitions', '1')
    columns = {key for key, *_ in bench('giltest').LINES}
    assert {'stock', 'stock-0.1ms', 'native'} <= rows.keys()
    for row in rows.values():
        assert columns <= row.keys()
        assert all(row[key] > 0 for key in columns)


def test_event_case_measures():
    rows = objects('event_case', '--repetitions', '1')
    assert {'stock', 'stock-0.1ms', 'native'} <= rows.keys()
    assert all(row['per_s'] > 0 for row in rows.values())


def test_socket_calls_measures_every_call(bench):
    rows = objects('socket_calls', '--repetitions', '1')
    assert {'stock', 'stock-0.1ms', 'native'} <= rows.keys()
    for row in rows.values():
        for call in bench('socket_calls').CALLS:
            assert row[f'{call}_us'] > 0
            assert row[f'{call}_us_beside_1'] > 0


def test_two_queues_measures_both():
    rows = objects('two_queues', '--repetitions', '1')
    assert {'stock', 'stock-0.1ms', 'native'} <= rows.keys()
    for row in rows.values():
        for queue in 'pool', 'pair':
            assert 0 < row[f'{queue}_p50_us'] <= row[f'{queue}_p99_us']


def test_timeline_has_the_spans_of_each_thread_in_order():
    rows = objects('timeline', '--variants=stock', '--variants=native')
    for row in rows.values():
        assert row['spans'].keys() == {'CPU-bound', 'producer', 'consumer'}
        for spans in row['spans'].values():
            times = [time for span in spans for time in span]
            assert times == sorted(times)


@pytest.mark.parametrize('name', ['giltest', 'event_case', 'timeline',
                                  'socket_calls', 'two_queues', 'beside',
                                  'complaints', 'overhead'])
def test_without_json_there_is_a_table(name):
    one = {'beside': ['--case=sleep', '--beside=1'],
           'complaints': ['--case=heartbeat', '--beside=1']}.get(name, [])
    done = script(name, '--seconds', '0.02', '--repetitions', '1',
                  '--variants', 'stock', *one)
    assert done.returncode == 0, done.stderr
    assert 'stock' in done.stdout


@pytest.mark.parametrize('name', ['giltest', 'event_case', 'timeline',
                                  'socket_calls', 'two_queues', 'contended',
                                  'beside', 'complaints', 'overhead',
                                  'observing'])
@pytest.mark.parametrize('option', [
    '--seconds=0', '--seconds=x', '--cpus=x', '--repetitions=0',
    '--variants=none', '--none'])
def test_bad_option_is_said_in_one_line(name, option):
    done = script(name, option)
    assert (done.returncode, done.stdout) == (2, '')
    assert done.stderr.count('\n') == 1


@pytest.mark.parametrize('name, option', [
    ('beside', '--beside=-1'), ('beside', '--beside=x'),
    ('beside', '--case=heartbeat'), ('complaints', '--case=udp'),
    ('complaints', '--beside=-1'), ('overhead', '--case=udp'),
    ('overhead', '--beside=1')])
def test_bad_case_is_said_in_one_line(name, option):
    done = script(name, option)
    assert (done.returncode, done.stdout) == (2, '')
    assert done.stderr.count('\n') == 1


CASES = [('beside', case) for case in (
    'udp', 'tcp', 'pipes', 'sleep', 'tick', 'condition', 'executor',
    'to-thread')] + [('complaints', case) for case in (
        'heartbeat', 'event-loop', 'tokens', 'timer')]


@pytest.mark.parametrize('name, case', CASES)
@pytest.mark.parametrize('beside', [0, 2])
def test_case_measures_beside_threads(name, case, beside):
    rows = objects(name, '--repetitions', '1', '--case', case,
                   '--beside', str(beside), '--variants', 'stock',
                   '--variants', 'native')
    assert rows.keys() == {'stock', 'native'}
    for row in rows.values():
        assert (row['case'], row['beside']) == (case, beside)
        assert row['per_s'] > 0 and row['cpu_us_per_op'] == pytest.approx(
            row['cpu_us_per_op'])
        assert 0 <= row['p50_us'] <= row['p99_us'] <= row['max_us']
        if beside:
            assert row['kept'] > 0 and 0 <= row['spread'] <= 1
        else:
            assert 'kept' not in row and 'spread' not in row


def test_all_cases_are_tested(bench):
    assert CASES == [(name, case) for name in ('beside', 'complaints')
                     for case in bench(name).CASES]


def test_overhead_measures_each_case(bench):
    for case in bench('overhead').CASES:
        rows = objects('overhead', '--repetitions', '1', '--case', case,
                       '--variants', 'stock', '--variants', 'native')
        assert rows.keys() == {'stock', 'native'}
        assert all(0 < row['least_ns'] <= row['ns'] for row in rows.values())


@needs_gil
@pytest.mark.parametrize('case', ['read', 'socket', 'condition'])
def test_observing_is_compared_with_not_observing(case):
    done = script('observing', '--json', f'--case={case}',
                  '--repetitions=4', '--seconds=0.02')
    assert (done.returncode, done.stderr) == (0, '')
    row = json.loads(done.stdout)
    assert row['case'] == case
    assert row['plain_per_s'] > 0 < row['observed_per_s']
    assert row['least'] <= row['cost'] <= row['most'] < 100


def test_stock_is_measured_without_the_package(bench, tmp_path):
    """Each variant has a process of its own: stock's imports nothing."""
    (tmp_path / 'pyplusthread.py').write_text('raise SystemExit("imported")')
    for name in 'beside', 'overhead':
        case = {'beside': ['--case=sleep', '--beside=1']}.get(name, [])
        done = subprocess.run(
            [sys.executable, '-B', BENCH / f'{name}.py', '--seconds=0.02',
             '--repetitions=1', '--variants=stock', *case], text=True,
            env={**os.environ, 'PYTHONPATH': str(tmp_path)},
            capture_output=True, timeout=120)
        assert (done.returncode, done.stderr) == (0, '')


def test_run_that_fails_is_said_in_one_line(tmp_path):
    (tmp_path / 'pyplusthread.py').write_text('raise ImportError("no")')
    done = subprocess.run(
        [sys.executable, '-B', BENCH / 'overhead.py', '--variants=native',
         '--case=read'], text=True, capture_output=True, timeout=120,
        env={**os.environ, 'PYTHONPATH': str(tmp_path)})
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr == 'read, native: native classes: no\n'


def test_work_costs_less_than_the_process_beside_others(bench):
    """Where a thread burns the CPU, that is not what a sleep costs."""
    sleep, burning = bench('threads').measure(
        [bench('beside').Sleeper(), bench('works').Burner()], 0.05)
    assert sleep.own_cpu_ns_per_op < sleep.cpu_ns_per_op
    assert burning.own_cpu_ns_per_op <= burning.cpu_ns_per_op


def test_cost_of_a_thread_that_has_ended_is_unknown(bench):
    work = bench('works').Burner()
    work.stopped = True
    work.clocks = bench('threads').own_clock()
    assert bench('threads').spent_ns(work) > 0
    thread = threading.Thread(target=lambda: work.clocks.extend(
        bench('threads').own_clock()))
    thread.start()
    thread.join()
    until(lambda: math.isnan(bench('threads').spent_ns(work)))


def test_only_what_began_and_ended_while_measured_counts(bench):
    times = [(0.5, 1.0), (1.0, 0.25), (1.5, 0.5), (1.75, 0.5)]
    assert bench('apart').within(times, 1.0, 2.0) == [0.25, 0.5]
    assert bench('apart').within(times, 5.0, 6.0) == [1.0, 0.25, 0.5, 0.5]


def test_quantiles_are_of_lateness(bench):
    times = [0.001 * (k + 1) for k in range(100)]
    assert bench('apart').quantiles_us(times, 0.002) == pytest.approx(
        {'p50_us': 49e3, 'p99_us': 98e3, 'max_us': 98e3})
    assert bench('apart').quantiles_us([0.001], 0.002)['max_us'] == 0


def test_variant_puts_back_what_it_set(bench):
    variants = bench('variants')
    pyplusthread = importlib.import_module('pyplusthread')

    def settings():
        info = pyplusthread.gil_info()
        return sys.getswitchinterval(), info['priority'], info['cpu_share']

    found = settings()
    pyplusthread.set_gil_priority(found[1], cpu_share=0.125)
    try:
        before = settings()
        for name, variant in variants.VARIANTS.items():
            if variants.obstacle(name) is not None:
                continue
            with variants.active(name):
                interval, priority, _ = settings()
                assert interval == pytest.approx(variant.interval or before[0])
                assert variant.priority == priority
            assert settings() == before
    finally:
        pyplusthread.set_gil_priority(found[1], cpu_share=found[2])
