# SPDX-License-Identifier: MIT
"""The numbers for other systems: prometheus_client, and plain ones.

What a scrape says is read by prometheus_client's own parser.
"""
import json
import os
import threading
import time

import pytest

import pyplusthread
from pyplusthread import _stats, gil_stats, observe_gil, reset_gil_stats
from support import NO_GIL, in_child, needs_gil, python

prometheus_client = pytest.importorskip('prometheus_client')
from prometheus_client import parser  # noqa: E402
from prometheus_client.openmetrics import (  # noqa: E402
    exposition as openmetrics_exposition, parser as openmetrics_parser)
from pyplusthread.prometheus import (COUNTS, HISTOGRAMS,  # noqa: E402
                                     OF_THE_GIL, PREFIX, GilCollector)


class Scraper:
    """A registry with one collector."""

    def __init__(self, **options):
        self.registry = prometheus_client.CollectorRegistry()
        self.collector = GilCollector(**options)
        self.registry.register(self.collector)

    def text(self):
        return prometheus_client.generate_latest(self.registry).decode()

    def __call__(self):
        """{(name, (label, value), ...): value}"""
        return {(sample.name, *sample.labels.items()): sample.value
                for family in parser.text_string_to_metric_families(
                    self.text()) for sample in family.samples}


@pytest.fixture
def scraper():
    made = []

    def make(**options):
        made.append(Scraper(**options))
        return made[-1]

    observe_gil(False)
    yield make
    for each in made:
        each.collector.close()
    assert not _stats._observers


def run_threads(*names):
    for name in names:
        thread = threading.Thread(target=str, name=name)
        thread.start()
        thread.join()


def labels(samples, metric='thread_acquisitions'):
    return {key[1][1] for key in samples if key[0] == f'{PREFIX}{metric}_total'}


@needs_gil
def test_every_number_is_there_with_its_type_and_help(scraper):
    scrape = scraper()
    run_threads('one')
    families = {family.name: family for family in
                parser.text_string_to_metric_families(scrape.text())}
    expected = {PREFIX + name: 'counter' for name, *_ in [*OF_THE_GIL, *COUNTS]}
    expected |= {f'{PREFIX}thread_{name}': 'counter' for name, *_ in COUNTS}
    expected |= {PREFIX + name: 'histogram' for name, *_ in HISTOGRAMS}
    assert {name: family.type for name, family in families.items()} == expected
    assert all(family.documentation for family in families.values())
    assert {name for _, name, _ in COUNTS} == set(_stats.COUNTS)
    assert {name for *_, classes in HISTOGRAMS
            for name in classes.values()} == set(_stats.HISTOGRAMS)


@needs_gil
def test_openmetrics_has_it_too(scraper):
    scrape = scraper()
    run_threads('one')
    text = openmetrics_exposition.generate_latest(scrape.registry).decode()
    names = {family.name for family in
             openmetrics_parser.text_string_to_metric_families(text)}
    assert PREFIX + 'wait_seconds' in names
    assert PREFIX + 'held_seconds' in names


@needs_gil
def test_threads_add_up_to_all(scraper):
    scrape = scraper()
    for _ in range(3):
        run_threads(*[f'worker-{i}' for i in range(20)])
        samples = scrape()
        for name, *_ in COUNTS:
            parts = [value for key, value in samples.items()
                     if key[0] == f'{PREFIX}thread_{name}_total']
            assert sum(parts) == pytest.approx(
                samples[f'{PREFIX}{name}_total',], abs=1e-9)


@needs_gil
def test_scrapes_agree_with_gil_stats(scraper):
    scrape = scraper()
    run_threads('one')
    before, samples, after = gil_stats(), scrape(), gil_stats()
    for name, which, _ in [*OF_THE_GIL, *COUNTS]:
        value = samples[f'{PREFIX}{name}_total',]
        assert before[which] - 1e-9 <= value <= after[which] + 1e-9


@needs_gil
def test_buckets_are_cumulative_and_end_with_all(scraper):
    scrape = scraper()
    run_threads('one')
    samples = scrape()
    names = {key[0][:-len('_count')]: key[1:] for key in samples
             if key[0].endswith('_count')}
    assert len(names) == 3
    counts = 0
    for key, value in samples.items():
        if not key[0].endswith('_count'):
            continue
        name = key[0][:-len('_count')]
        buckets = [(float(dict(each[1:])['le']), count)
                   for each, count in samples.items()
                   if each[0] == f'{name}_bucket' and set(key[1:]) < {*each}]
        assert buckets == sorted(buckets)
        found = [count for _, count in buckets]
        assert found == sorted(found) and found[-1] == value
        assert buckets[-1][0] == float('inf')
        assert samples[(f'{name}_sum', *key[1:])] >= 0
        counts += value
    assert counts > 0


@pytest.mark.parametrize('ns', [1, 1023, 1024, 4095, 4096, 10**9, 2**36])
def test_length_is_in_the_bucket_of_its_bound(ns):
    from pyplusthread.prometheus import _buckets
    counts = [0] * _stats.BUCKETS
    counts[next(i for i in range(_stats.BUCKETS)
                if ns < _stats.bound(i))] = 1
    for le, count in _buckets(_stats.Histogram(counts)):
        assert count == (ns * 1e-9 < float(le))


@needs_gil
def test_scrape_resets_nothing_and_no_counter_becomes_less(scraper):
    """Not when threads end, get names, are summed up, or counts are reset."""
    scrape = scraper()
    last = scrape()

    def check():
        nonlocal last
        samples = scrape()
        assert all(samples[key] >= value for key, value in last.items())
        last = samples

    run_threads('a', 'b')
    check()
    threading.main_thread().name, name = 'renamed', 'MainThread'
    check()
    threading.main_thread().name = name
    check()
    run_threads(*['short'] * 1100)  # more than are on record one by one
    check()
    reset_gil_stats()
    check()
    run_threads('c')
    check()
    assert {'a', 'b', 'c', 'renamed', 'short', 'MainThread',
            'ended'} >= labels(last) >= {'a', 'b', 'c', 'renamed', 'short'}


@needs_gil
def test_many_threads_have_few_labels(scraper):
    """The first come; of the rest, too, nothing is lost."""
    scrape = scraper(max_threads=3)
    run_threads(*[f'request-{i}' for i in range(50)], 'a', 'b', 'c')
    expected = {'MainThread', 'request-N', 'a', 'others'}
    assert labels(scrape()) == expected
    run_threads('d', 'a', 'c')
    samples = scrape()
    assert labels(samples) == expected
    assert samples[f'{PREFIX}thread_acquisitions_total',
                   ('thread', 'others')] >= 4


@needs_gil
def test_without_threads(scraper):
    assert PREFIX + 'thread_' not in scraper(max_threads=0).text()


@needs_gil
def test_two_collectors_count_on_their_own(scraper):
    one = scraper()
    run_threads('early')
    other = scraper()
    run_threads('late')
    assert 'late' in labels(one()) & labels(other())
    one.collector.close()
    one.collector.close()
    assert gil_stats()['observing']
    closed = one()
    run_threads('after')
    assert one() == closed
    assert 'after' in labels(other())


@needs_gil
@pytest.mark.unsanitized
@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_child_of_a_fork_counts_from_0(scraper):
    scrape = scraper()
    run_threads('parents')
    before = scrape()
    pid = os.getpid()

    def check():
        assert os.getpid() != pid
        run_threads('childs')
        samples = scrape()
        assert 'childs' in labels(samples) and 'parents' not in labels(samples)
        key = f'{PREFIX}observed_seconds_total',
        assert samples[key] < before[key] + time.monotonic()

    with scrape.collector._lock:  # as while another thread is scraping
        in_child(check)


@pytest.mark.skipif(not NO_GIL, reason='there is a GIL')
def test_without_a_gil_there_are_no_samples(scraper):
    assert scraper()() == {}


def test_package_does_not_need_prometheus_client():
    assert python('''
import sys
sys.modules['prometheus_client'] = None
import pyplusthread
try:
    import pyplusthread.prometheus
except ImportError:
    print('none')
''').stdout == 'none\n'


# Plain numbers.

@needs_gil
def test_plain_numbers():
    with gil_stats() as stats:
        run_threads('one')
    numbers = stats.numbers()
    assert json.loads(json.dumps(numbers)) == numbers
    assert set(numbers) == {
        name for name in stats if name not in ('reason', 'threads')
        and name not in _stats.HISTOGRAMS} | {
        f'{name}_{part}' for name in _stats.HISTOGRAMS
        for part in ('count', 'sum', 'max', 'p50', 'p99')}
    for name in _stats.COUNTS:
        assert numbers[name] == stats[name]
    assert numbers['hold_count'] == stats['hold'].count
    assert numbers['hold_p99'] == stats['hold'].quantile(0.99)


@pytest.mark.skipif(not NO_GIL, reason='there is a GIL')
def test_plain_numbers_without_a_gil():
    assert pyplusthread.gil_stats().numbers() == {'observing': False}
