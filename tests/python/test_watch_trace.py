# SPDX-License-Identifier: MIT
"""--gil-trace: what is in the trace, and the story that it tells."""
import collections
import re

import pytest

from pyplusthread import _events, _trace
from support import needs_gil
from watching import PROGRAM, check_trace, exact, run

pytestmark = pytest.mark.unsanitized


def trace_of(tmp_path, program, *options):
    status, output, errors = run('--gil-trace', 't.json', *options, '-c',
                                 program, cwd=tmp_path)
    assert status == 0, errors
    assert f'the trace is {tmp_path}/t.json\n' in errors
    return check_trace((tmp_path / 't.json').read_text())


@needs_gil
def test_trace_has_holds_waits_and_requests(tmp_path):
    events = trace_of(tmp_path, PROGRAM + '''
import pyplusthread
runs = [True]
def compute_on():
    while runs:
        sum(range(100))
def each_has_waited_twice():
    threads = pyplusthread.gil_stats()['threads']
    return sum(each['forced'] >= 2 for each in threads) == 2
other = threading.Thread(target=compute_on, name='computing')
other.start()
end = time.monotonic() + 50
while not each_has_waited_twice() and time.monotonic() < end:
    pass
runs.clear()
other.join()
''')
    names = {event['args']['name']: event['tid'] for event in events
             if event['name'] == 'thread_name'}
    assert set(names) == {'computing', 'MainThread'}
    by_name = collections.defaultdict(set)
    for event in events:
        by_name[event['name']].add(event['tid'])
    assert by_name['holds the GIL'] == set(names.values())
    assert by_name['waits for the GIL'] == set(names.values())
    assert names['computing'] in by_name['held by MainThread']
    assert names['MainThread'] in by_name['held by computing']
    assert by_name['request']
    waits = [event['args']['held_by'] for event in events
             if event['name'] == 'waits for the GIL']
    assert 'computing' in waits


@needs_gil
def test_holds_of_a_trace_do_not_overlap_and_are_what_was_counted(tmp_path):
    events = trace_of(tmp_path, PROGRAM + '''
import pyplusthread
before = pyplusthread.gil_stats()
work()
after = pyplusthread.gil_stats()
print(after['held'] - before['held'], file=open('held', 'w'))
''')
    holds = sorted((exact(event['ts']), exact(event['ts'] + event['dur']))
                   for event in events if event['name'] == 'holds the GIL')
    assert all(one[1] <= other[0] for one, other in zip(holds, holds[1:]))
    held = float((tmp_path / 'held').read_text())
    if '"events_lost": 0' in (tmp_path / 't.json').read_text():
        assert sum(end - begin for begin, end in holds) >= held * 1e9


@needs_gil
def test_trace_keeps_the_last_events(tmp_path):
    events = trace_of(tmp_path, PROGRAM + '''
end = time.monotonic() + 60
reader, writer = os.pipe()
for _ in range(100000):
    os.write(writer, b'1')
    os.read(reader, 1)
threading.Thread(target=str, name='last').start()
''')
    assert re.search('"events_lost": [1-9]',
                     (tmp_path / 't.json').read_text())
    assert 'last' in [event['args']['name'] for event in events
                      if event['name'] == 'thread_name']


def story(*events):
    return _events.Story(b''.join(_events.EVENT.pack(*event)
                                  for event in events))


def test_story_tells_who_made_whom_wait():
    """1 holds, 2 wants and asks, 1 is forced off, 2 holds, 1 waits."""
    told = story((0, 1, _events.TAKE), (10, 2, _events.WANT),
                 (15, 2, _events.ASK), (20, 1, _events.FORCED),
                 (22, 2, _events.TAKE), (20, 1, _events.WANT),
                 (50, 2, _events.LET_GO), (51, 1, _events.TAKE),
                 (60, 1, _events.LET_GO))
    assert _events.blame(told) == {(2, 1): 10, (1, 2): 28}
    assert [(hold.thread, hold.begin, hold.end, hold.forced, hold.asked)
            for hold in told.holds] == [
        (1, 0, 20, True, (2, 15)), (2, 22, 50, False, None),
        (1, 51, 60, False, None)]


def test_story_without_its_begin_and_end():
    told = story((5, 2, _events.WANT), (7, 1, _events.LET_GO),
                 (9, 3, _events.TAKE), (12, 4, _events.WANT))
    assert _events.blame(told) == {(2, 3): 3}
    assert story().holds == []


def test_wait_has_few_parts_that_do_not_overlap():
    """One thread waits during 1000 holds, of which 3 are long, in turn."""
    at, events = 0, [(0, 1, _events.WANT)]
    for number in range(1000):
        length = 50 if number % 400 == 150 else 5
        events += [(at + 1, 2 + number % 5, _events.TAKE),
                   (at + length, 2 + number % 5, _events.LET_GO)]
        at += length
    told = story(*events, (at, 1, _events.TAKE), (at + 1, 1, _events.LET_GO))
    wait, = told.waits
    parts = told.parts(wait, 3)
    assert [len(holds) for holds, _, _ in parts] == [
        150, 1, 399, 1, 399, 1, 49]
    assert [end - begin for holds, begin, end in parts
            if len(holds) == 1] == [49] * 3
    assert all(one[2] <= other[1] for one, other in zip(parts, parts[1:]))
    assert (parts[0][1], parts[-1][2]) == (1, at)
    assert len(told.parts(wait, 1000)) == 1000
    assert sum(_events.blame(told).values()) == 1000 * 4 + 3 * 45


@needs_gil
def test_trace_does_not_grow_with_the_number_of_those_who_wait(tmp_path):
    events = trace_of(tmp_path, '''
import threading, time
all_run = threading.Barrier(60)
def work():
    all_run.wait()
    for _ in range(300):
        time.sleep(0.001)
        sum(range(3000))
threads = [threading.Thread(target=work) for _ in range(60)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
''')
    waits = sum(event['name'] == 'waits for the GIL' for event in events)
    parts = sum(event['name'][:8] == 'held by ' for event in events)
    assert 0 < parts <= (2 * _trace.LONGEST + 1) * waits
    assert 'held by others' in {event['name'] for event in events}
