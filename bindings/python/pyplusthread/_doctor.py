# SPDX-License-Identifier: MIT
"""--doctor: what is wrong with a program's use of the GIL, in plain words.

A thread of its own is woken when a thread was forced off the GIL, and looks at
which line that one stands: see src/cpython/witness.c.  For two seconds it
pauses the GIL's priority again and again, to tell what that is good for.
"""
import _thread
import collections
import linecache
import os
import sys
import time

from . import _core, _locks, _stats, _watch
from ._text import command, duration, percent, printable

SECOND = 1_000_000_000
LOOK = SECOND // 20     # ns, after which it sees whether it is to end
LONG = 1.0              # s; its thread ends sooner, if it can end at all
TRIAL = 0.25            # s, of priority on, and of off
TRIALS = 8
FRAMES = 3              # of a stack
BUSY = 0.8              # part of a response without a CPU, though ready to run
MANY = 4096             # places; those of further threads are added up

MUCH = _locks.MUCH
SHORT = _locks.SHORT
OFTEN = 5000            # releases in a second


class Place:
    """Where a thread stood that made others wait."""

    def __init__(self):
        self.count = 0
        self.response = 0.0     # s, in all
        self.on_cpu = 0.0       # s, of these
        self.ready = 0.0        # s, of these, ready to run without a CPU
        self.longest = 0.0

    def __iadd__(self, other):
        self.count += other.count
        self.response += other.response
        self.on_cpu += other.on_cpu
        self.ready += other.ready
        self.longest = max(self.longest, other.longest)
        return self


def _place_in(places, serial, stack):
    """Serial 0: other threads, as in a Snapshot."""
    if (serial, stack) not in places and len(places) >= MANY:
        serial = 0
    return places[serial, stack]


def _by_stack(places, serial=None):
    """The places of one thread, or those of all threads added up."""
    sums = collections.defaultdict(Place)
    for (each, stack), place in list(places.items()):
        if serial is None or serial == each:
            sums[stack] += place
    return sums


def _stack_of(ident):
    """The innermost frames of a thread, as (file, line, function).

    Without those of threading at its begin.
    """
    frame = sys._current_frames().get(ident)
    stack = []
    while (frame is not None and len(stack) < FRAMES
           and frame.f_globals.get('__name__') != 'threading'):
        stack.append((frame.f_code.co_filename, frame.f_lineno,
                      frame.f_code.co_name))
        frame = frame.f_back
    return tuple(stack)


class Witness:
    """Looks at threads that were forced off, and tries the priority.

    Its thread is none of threading's: a program that counts its threads, or
    joins all of them, must not find it.
    """

    def __init__(self):
        self.ident = None
        self.late = collections.defaultdict(Place)  # by (serial, stack)
        self.prompt = collections.defaultdict(Place)
        self.with_priority = _stats.Histogram()
        self.without = _stats.Histogram()
        self.ends = False
        self._begun = _thread.allocate_lock()
        self._ended = _thread.allocate_lock()
        self._trial = 0
        self._before = None
        self._next = time.monotonic() + TRIAL
        self._tries = _core.gil_info()['priority']

    def start(self):
        """From its return on nothing is charged to others because of it."""
        self._ended.acquire()
        self._begun.acquire()
        self.ident = _thread.start_new_thread(self._run, ())
        self._begun.acquire(timeout=LONG)

    def _run(self):
        _core._gil_name('pyplusthread doctor')
        try:
            _core._gil_witness(SECOND, 0)
            self._begun.release()
            self._work()
        finally:
            self._ended.release()

    def _work(self):
        while not self.ends:
            late = round(sys.getswitchinterval() * SECOND)
            seen = _core._gil_witness(late, LOOK)
            if seen is not None:
                self._look(late, *seen)
            if self._tries and time.monotonic() >= self._next:
                self._try()

    def _look(self, late, serial, ident, response, held, on_cpu, slept,
              unchanged):
        stack = _stack_of(ident) if unchanged else ()
        if not stack:
            return
        places = self.late if response >= late else self.prompt
        place = _place_in(places, serial, stack)
        place.count += 1
        place.response += response / SECOND
        place.on_cpu += max(0, on_cpu) / SECOND
        if on_cpu >= 0 and not slept:
            place.ready += (response - on_cpu) / SECOND
        place.longest = max(place.longest, held / SECOND)

    def _try(self):
        """A trial ends, and another one begins, or is over.

        There is nothing to try once the program has turned the priority off.
        """
        waits = self._waits_of_others()
        is_on = _core.gil_info()['priority']
        if self._before is not None and is_on:
            waited = waits._since(self._before)
            if self._trial % 2:
                self.without += waited
            else:
                self.with_priority += waited
        self._trial += 1
        self._before = waits
        self._next = time.monotonic() + TRIAL
        self._tries = is_on and self._trial <= TRIALS
        _core._gil_pause(self._tries and self._trial % 2 == 1)

    def _waits_of_others(self):
        snapshot = _stats.snapshot()
        waits = snapshot.total['wait']
        for serial, (_, ident, *_) in snapshot.threads.items():
            if ident == self.ident:
                waits = waits._since(snapshot.tallies[serial]['wait'])
        return waits

    def end(self):
        """Then it sees and switches nothing more."""
        self.ends = True
        self._ended.acquire(timeout=LONG)
        _core._gil_pause(False)


class Doctor:
    """The tool for Watch."""

    events = 0
    needs_gil = False

    def __init__(self):
        self._pid = os.getpid()
        self._witness = None

    def begin(self):
        _locks._begin()
        if _stats.snapshot() is not None:
            self._witness = Witness()
            self._witness.start()

    def end(self):
        if os.getpid() == self._pid and self._witness is not None:
            self._witness.end()

    def show(self, snapshot):
        if os.getpid() != self._pid:
            return  # a child has no witness
        advice = list(_locks.advice())
        if self._witness is not None:
            advice[:0] = Diagnosis(snapshot, self._witness).all()
        head = f'the doctor on {command()}, process {os.getpid()}'
        _watch.say('\n' + '\n\n'.join([head, *(advice or [HEALTHY])]))


HEALTHY = ('Nothing is wrong: threads hardly waited for the GIL, and for '
           'the locks.')


CALLS_IN_C = (
    'C code kept the GIL {}  Nobody can ask such a call to let go; the '
    'scheduler does not help.  Let it release the GIL (Py_BEGIN_ALLOW_THREADS '
    'in C, "with nogil" in Cython, ctypes.CDLL instead of PyDLL), or call it '
    'in a process of its own.  Where a line has no such call, and had no CPU '
    'for most of the time, the machine has too much else to do.')
BUSY_MACHINE = (
    'The machine was busy: threads without a CPU kept the GIL {}  For most of '
    'this time they were ready to run, so it is not their lines that keep the '
    'GIL.  Give the program more CPUs, or the machine less to do.')


def _is_busy(places, serial=None):
    """Whether it was the machine that made responses late."""
    sums = _by_stack(places, serial).values()
    return (sum(place.ready for place in sums)
            > BUSY * sum(place.response for place in sums))


def _is_bytecode(tally):
    """It responds to a request within microseconds."""
    return tally['response'].quantile(0.5) < SHORT


class Diagnosis:
    """Paragraphs of plain words."""

    def __init__(self, snapshot, witness):
        self._snapshot = snapshot
        self._witness = witness
        self._observed = snapshot.numbers['observed']

    def all(self):
        yield from self._calls_in_c()
        yield from self._computing()
        yield from self._short_releases()

    def _tallies(self):
        """All but its own."""
        for serial, tally in self._snapshot.tallies.items():
            if self._snapshot.threads[serial][1] != self._witness.ident:
                yield serial, tally

    def _name(self, serial):
        return repr(printable(self._snapshot.name(serial)))

    def _is_much(self, seconds):
        return seconds > MUCH * self._observed

    def _late(self, tally):
        """(how often, seconds) of the responses that took too long."""
        interval = sys.getswitchinterval()
        buckets = tally['response'].buckets.items()
        return sum(count for bound, count in buckets if bound > 1.25 * interval)

    def _calls_in_c(self):
        count = self._late(self._snapshot.total)
        if not count:
            return
        longest = self._snapshot.total['response'].max
        how_often = (f'although others asked for it: {count} times for longer '
                     f'than the switch interval of '
                     f'{duration(sys.getswitchinterval())}, at most '
                     f'{duration(longest)}.')
        words = CALLS_IN_C
        if _is_busy(self._witness.late):
            words = BUSY_MACHINE
        yield (words.format(how_often) + '\n' + self._places(
            _by_stack(self._witness.late)))

    def _computing(self):
        for serial, tally in self._computers():
            yield (f'Thread {self._name(serial)} computes in '
                   f'{self._what_computes(tally)}: it held the GIL '
                   f'{percent(tally["held"], self._observed)} of the time, '
                   f'and others waited '
                   f'{duration(tally["delayed"])} for it in all.\n'
                   + self._places(_by_stack(self._witness.prompt, serial)))
        if any(True for _ in self._computers()):
            yield self._what_priority_is_good_for()

    def _computers(self):
        for serial, tally in self._tallies():
            if (self._is_prompt(serial, tally)
                    and self._is_much(tally['delayed'])
                    and tally['cpu_bound_hold'].sum > tally['hold'].sum):
                yield serial, tally

    def _is_prompt(self, serial, tally):
        """Else it is in calls of C that keep the GIL."""
        late = self._late(tally)
        prompt = tally['response'].count - late
        if _is_busy(self._witness.late, serial):
            late = 0
        return prompt > 3 and prompt >= late

    def _what_computes(self, tally):
        if _is_bytecode(tally):
            return 'bytecode'
        return 'bytecode, or in calls of C that end before the switch interval'

    def _what_priority_is_good_for(self):
        on, off = self._witness.with_priority, self._witness.without
        if not on.count or not off.count:
            return ('Whether the priority of threads back from blocking calls '
                    'helps could not be measured: the program ended too '
                    'soon, none waited, or it is off.')
        again = '  It is on again.' if _core.gil_info()['priority'] else ''
        return (f'For a moment the priority of threads back from blocking '
                f'calls was off, for comparison: 99 % of their waits took up '
                f'to {duration(off.quantile(0.99))}, and half of them up to '
                f'{duration(off.quantile(0.5))}; with it, up to '
                f'{duration(on.quantile(0.99))} and '
                f'{duration(on.quantile(0.5))}.{again}')

    def _short_releases(self):
        delayed = sum(tally['delayed'] for _, tally in self._tallies())
        for serial, tally in self._tallies():
            rate = tally['voluntary'] / self._observed
            by_others = delayed - tally['delayed']
            if (rate < OFTEN or tally['hold'].quantile(0.5) > SHORT
                    or not self._is_much(min(tally['waited'], by_others))):
                continue
            yield (f'Thread {self._name(serial)} lets go of the GIL '
                   f'{rate:.0f} times in a second, and half of its holds '
                   f'last up to {duration(tally["hold"].quantile(0.5))}.  '
                   f'It waited {duration(tally["waited"])} in all to have it '
                   f'again: larger pieces for each call that blocks (reads, '
                   f'sends, items) cost less.')

    def _places(self, places, most=5):
        ordered = sorted(places.items(), key=lambda pair: pair[1].count,
                         reverse=True)
        seen = sum(place.count for place in places.values())
        if not seen:
            return '  At which lines was not seen.'
        lines = [f'  Seen {seen} times at a line:']
        for stack, place in ordered[:most]:
            lines += self._place(stack, place)
        return '\n'.join(lines)

    def _place(self, stack, place):
        yield (f'  {place.count} times, the GIL held for up to '
               f'{duration(place.longest)}, on a CPU '
               f'{percent(place.on_cpu, place.response)} of the time after '
               f'the request:')
        for file, line, function in stack:
            yield f'    {file}:{line} in {function}'
            source = linecache.getline(file, line).strip()
            if source:
                yield f'      {source}'
