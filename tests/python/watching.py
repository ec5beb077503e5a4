# SPDX-License-Identifier: MIT
"""Programs that run under --gil-report and --gil-trace, and their traces."""
import bisect
import collections
import json
import signal
import subprocess
import sys

from support import LIMIT

US = [sys.executable, '-m', 'pyplusthread']

# One thread computes, two let go of the GIL all the time.
PROGRAM = '''
import os, sys, threading, time

def compute(end):
    while time.monotonic() < end:
        sum(range(100))

def block(end):
    reader, writer = os.pipe()
    while time.monotonic() < end:
        os.write(writer, b'1')
        os.read(reader, 1)
        time.sleep(0.0002)

def work():
    end = time.monotonic() + 0.1
    threads = [threading.Thread(target=compute, args=(end,), name='computing'),
               threading.Thread(target=block, args=(end,), name='<b>&'),
               threading.Thread(target=block, args=(end,), name='blocking')]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
'''
WORK = PROGRAM + 'work()\nprint("done")\n'


def end_by_signals():
    """As from a terminal, not as from nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def run(*command, cwd=None, **options):
    """Exit status, output, errors."""
    done = subprocess.run([*US, *command], cwd=cwd, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=LIMIT,
                          preexec_fn=end_by_signals, **options)
    return done.returncode, done.stdout, done.stderr


PHASES = {'M', 'X', 's', 'f'}


def check_trace(text):
    """The trace-event format, as its documentation has it."""
    trace = json.loads(text)
    assert trace['displayTimeUnit'] in ('ms', 'ns')
    for event in trace['traceEvents']:
        assert event['ph'] in PHASES
        assert type(event['pid']) is int and type(event['tid']) is int
        assert type(event['name']) is str
        if event['ph'] != 'M':
            assert event['ts'] > 0
        if event['ph'] == 'X':
            assert event['dur'] >= 0
        if event['ph'] in 'sf':
            assert type(event['id']) is int
    check_slices_nest(trace['traceEvents'])
    check_arrows(trace['traceEvents'])
    return trace['traceEvents']


def exact(us):
    return round(us * 1000)


def slices(events, tid):
    """(begin, end) in ns, the outer ones first."""
    return sorted(((exact(event['ts']),
                    exact(event['ts']) + exact(event['dur']))
                   for event in events
                   if event['ph'] == 'X' and event['tid'] == tid),
                  key=lambda pair: (pair[0], -pair[1]))


def check_slices_nest(events):
    for tid in {event['tid'] for event in events}:
        outer = []
        for begin, end in slices(events, tid):
            while outer and outer[-1] <= begin:
                outer.pop()
            assert not outer or end <= outer[-1]
            outer.append(end)


def outer_slices(events, tid):
    """Those of a hold or a wait."""
    outer = []
    for begin, end in slices(events, tid):
        if not outer or begin >= outer[-1][1]:
            outer.append((begin, end))
    return outer


def check_arrows(events):
    """Each begins and ends within a slice of its thread."""
    ends = collections.defaultdict(list)
    outer = {tid: outer_slices(events, tid)
             for tid in {event['tid'] for event in events}}
    for event in events:
        if event['ph'] in 'sf':
            ends[event['id']].append(event['ph'])
            at = exact(event['ts'])
            mine = outer[event['tid']]
            i = bisect.bisect_right(mine, (at, float('inf')))
            assert mine[i - 1][0] <= at <= mine[i - 1][1]
    assert all(pair == ['s', 'f'] for pair in ends.values())
