"""The benchmarks: their threads end when told to, their scripts answer."""
import importlib
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

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
                                  'socket_calls', 'two_queues'])
def test_without_json_there_is_a_table(name):
    done = script(name, '--seconds', '0.02', '--repetitions', '1',
                  '--variants', 'stock')
    assert done.returncode == 0, done.stderr
    assert 'stock' in done.stdout


@pytest.mark.parametrize('name', ['giltest', 'event_case', 'timeline',
                                  'socket_calls', 'two_queues', 'contended'])
@pytest.mark.parametrize('option', [
    '--seconds=0', '--seconds=x', '--cpus=x', '--repetitions=0',
    '--variants=none', '--none'])
def test_bad_option_is_said_in_one_line(name, option):
    done = script(name, option)
    assert (done.returncode, done.stdout) == (2, '')
    assert done.stderr.count('\n') == 1


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
