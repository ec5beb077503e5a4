# SPDX-License-Identifier: MIT
"""Who holds the GIL and who waits for it: gil_stats() and its like.

The compiled part counts, see src/cpython/observe.c.  Here its numbers get
names, and nanoseconds become seconds.
"""
import struct
import threading

from . import _core

# As src/cpython/tally.h has them.
COUNTS = ['acquisitions', 'forced', 'voluntary', 'requests_made',
          'requests_suffered', 'held', 'waited', 'delayed']
TIMES = {'held', 'waited', 'delayed'}
HISTOGRAMS = ['hold', 'cpu_bound_hold', 'wait', 'cpu_bound_wait', 'response']
BUCKETS = 160
HISTOGRAM = struct.Struct(f'={2 + BUCKETS}Q')
HEAD = struct.Struct(f'={len(COUNTS)}Q')
SIZE = HEAD.size + len(HISTOGRAMS) * HISTOGRAM.size
# As src/cpython/timeline.h.
BINS = 256
BIN = (1 << 20) * 1e-9
TIMELINE = struct.Struct(f'={1 + BINS}Q')

OF_THE_GIL = ['observed', 'contended', 'handing_over']


def bound(bucket):
    """The least length, in ns, that is beyond a bucket."""
    if bucket < 3:
        return bucket + 1
    power, quarter = divmod(bucket + 1, 4)
    return (4 + quarter) << power - 1


def _bucket(ns):
    """As src/cpython/tally.c has it."""
    if ns < 4:
        return ns
    high = ns.bit_length() - 1
    return min((high - 1) * 4 + (ns >> high - 2 & 3), BUCKETS - 1)


class Histogram:
    """How long holds or waits took: counts in buckets of logarithmic width.

    count    how many there were
    sum      how long they took together, in seconds
    max      how long the longest took, in seconds
    buckets  a dict: the upper bound of a bucket in seconds, and how many were
             shorter than it and not in a bucket before; empty buckets are
             left out

    A bucket is a quarter of its lower bound wide.  Histograms can be added
    up with +.
    """

    __slots__ = 'sum', 'max', '_counts'

    def __init__(self, counts=(), sum=0.0, max=0.0):
        self._counts = list(counts) or [0] * BUCKETS
        self.sum = sum
        self.max = max

    @property
    def count(self):
        return sum(self._counts)

    @property
    def buckets(self):
        return {bound(i) * 1e-9: count
                for i, count in enumerate(self._counts) if count}

    def quantile(self, q):
        """The time within which a part q of them, from 0 to 1, were done.

        In seconds: the upper bound of a bucket, or max; 0 if count is 0.
        """
        if not 0 <= q <= 1:
            raise ValueError('q must be at least 0 and at most 1')
        rest = q * self.count
        for i, count in enumerate(self._counts):
            rest -= count
            if count and rest <= 0:
                return min(bound(i) * 1e-9, self.max)
        return 0.0

    def __add__(self, other):
        if not isinstance(other, Histogram):
            return NotImplemented
        return Histogram([a + b for a, b in zip(self._counts, other._counts)],
                         self.sum + other.sum, max(self.max, other.max))

    def __eq__(self, other):
        if not isinstance(other, Histogram):
            return NotImplemented
        return (self._counts, self.sum, self.max) == (
            other._counts, other.sum, other.max)

    def __repr__(self):
        return (f'<Histogram of {self.count}: sum {self.sum:.6g} s, '
                f'max {self.max:.6g} s>')

    def _add(self, ns):
        self._counts[_bucket(ns)] += 1
        self.sum += ns * 1e-9
        self.max = max(self.max, ns * 1e-9)

    def _numbers(self, name):
        return {f'{name}_count': self.count, f'{name}_sum': self.sum,
                f'{name}_max': self.max, f'{name}_p50': self.quantile(0.5),
                f'{name}_p99': self.quantile(0.99)}

    def _since(self, before):
        counts = [a - b for a, b in zip(self._counts, before._counts)]
        longest = self.max
        if not any(counts):
            longest = 0.0
        elif longest == before.max:  # it may have been before
            highest = max(i for i, n in enumerate(counts) if n)
            longest = min(longest, bound(highest) * 1e-9)
        return Histogram(counts, max(0.0, self.sum - before.sum), longest)


def _histogram(packed, offset=0):
    sum, longest, *counts = HISTOGRAM.unpack_from(packed, offset)
    return Histogram(counts, sum * 1e-9, longest * 1e-9)


def _tally(packed):
    """A dict from what the compiled part gives."""
    tally = {name: value * 1e-9 if name in TIMES else value
             for name, value in zip(COUNTS, HEAD.unpack_from(packed))}
    for i, name in enumerate(HISTOGRAMS):
        tally[name] = _histogram(packed, HEAD.size + i * HISTOGRAM.size)
    return tally


def _nothing():
    return _tally(bytes(SIZE))


def _difference(after, before):
    return {name: value._since(before[name]) if isinstance(value, Histogram)
            else max(type(value)(0), value - before[name])
            for name, value in after.items()}


def _sum(tallies):
    total = _nothing()
    for tally in tallies:
        for name in total:
            total[name] = total[name] + tally[name]
    return total


def _bins(packed):
    """(seconds of a bin, seconds within each of them)."""
    widening, *bins = TIMELINE.unpack(packed)
    return BIN * (1 << widening), [value * 1e-9 for value in bins]


class _Cached:
    """As functools.cached_property of Python 3.12.

    Before, that has a lock for all objects.  If a thread forks while another
    one counts, the lock stays held in the child.
    """

    def __init__(self, method):
        self.method = method

    def __get__(self, snapshot, _owner):
        value = self.method(snapshot)
        vars(snapshot)[self.method.__name__] = value
        return value


class Snapshot:
    """All numbers at one moment."""

    def __init__(self, copied):
        numbers, self._total, threads = copied
        self.since = numbers.pop('since')
        self.observing = numbers.pop('observing')
        self.lost = numbers.pop('lost')
        self.numbers = {name: numbers[name] * 1e-9 for name in OF_THE_GIL}
        self.threads = {each[0]: each[1:6] for each in threads}
        self._packed = {each[0]: each[6:] for each in threads}
        self._names = _names_of_living()

    @_Cached
    def total(self):
        return _tally(self._total)

    @_Cached
    def tallies(self):
        return {serial: _tally(packed[0])
                for serial, packed in self._packed.items()}

    @_Cached
    def timelines(self):
        return {serial: [_bins(part) for part in packed[1:]]
                for serial, packed in self._packed.items()}

    @_Cached
    def counts(self):
        """COUNTS alone, times in ns, which takes less time than tallies."""
        return {serial: HEAD.unpack_from(packed[0])
                for serial, packed in self._packed.items()}

    def name(self, serial):
        native_id, ident, ended, threads, name = self.threads[serial]
        if serial == 0:
            return f'{threads} threads that have ended'
        if not ended:
            name = self._names.get(ident, name)
        return name or _names_at_begin.get(native_id,
                                           f'thread {native_id}')

    def describe(self, serial):
        native_id, ident, ended, threads, _ = self.threads[serial]
        return {'name': self.name(serial), 'native_id': native_id or None,
                'ident': ident or None, 'ended': bool(ended),
                'threads': threads}


def snapshot():
    """What there is to know now; None if the GIL is not scheduled."""
    copied = _core._gil_copy(True)
    return None if copied is None else Snapshot(copied)


def total():
    """Only the sums of all threads, which takes less time."""
    return _tally(_core._gil_copy(False)[1])


def _names_of_living(number='ident'):
    """{number of a thread: its name}, where that is a text."""
    names = {}
    try:
        for thread in threading.enumerate():
            _add_name(names, thread, number)
    except RuntimeError:  # it was made within the call
        pass
    return names


def _add_name(names, thread, number):
    """A program's own class may have anything as its name, or raise."""
    try:
        key, name = getattr(thread, number), thread.name
    except Exception:
        return
    if isinstance(name, str):
        names[key] = name


# Names of threads that will have ended when somebody asks.

def _name_themselves():
    """Have each thread that begins say its name to the compiled part."""
    begin = getattr(threading.Thread, '_set_native_id', None)
    if begin is None or hasattr(begin, '_pyplusthread_begin'):
        return

    def _set_native_id(self):
        begin(self)
        name = getattr(self, '_name', None)
        if isinstance(name, str):
            _core._gil_name(name.encode('utf-8', 'replace').decode())

    _set_native_id._pyplusthread_begin = begin
    threading.Thread._set_native_id = _set_native_id


def _name_themselves_no_more():
    method = getattr(threading.Thread, '_set_native_id', None)
    begin = getattr(method, '_pyplusthread_begin', None)
    if begin is not None:
        threading.Thread._set_native_id = begin


# What is public.

class GilStats(dict):
    """What gil_stats() returns: a dict, which can stand in a with statement.

    with gil_stats() as stats:
        ...
    print(stats['waited'])      # of the block
    """

    __slots__ = ('_before',)

    def __enter__(self):
        self.clear()
        _begin()
        self._before = snapshot()
        return self

    def __exit__(self, *_):
        after = snapshot()
        _end()
        self.update(_as_dict(after, self._before))

    def numbers(self):
        """The same without the threads, as numbers only, under plain names.

        For systems that know nothing else: a Histogram such as wait becomes
        wait_count, wait_sum, wait_max, wait_p50 and wait_p99.
        """
        plain = {}
        for name, value in self.items():
            if isinstance(value, Histogram):
                plain |= value._numbers(name)
            elif isinstance(value, (int, float)):
                plain[name] = value
        return plain


def gil_stats():
    """Who held the GIL and who waited for it, as a dict.

    Counting begins with observe_gil(), or with a block
    "with gil_stats() as stats:", which has the numbers at its end.

    observing     whether the GIL is being observed now
    reason        why there are no numbers: there is no GIL, or it is not
                  scheduled; None if there are numbers
    observed      seconds since the counting began
    held          seconds in which a thread held the GIL
    idle          seconds in which nobody held it: held + idle = observed
    contended     seconds in which at least one thread waited for it
    handing_over  the part of these seconds in which nobody held it
    waited        seconds that threads waited for it, added up
    delayed       the part of these seconds while another thread held it
    acquisitions  how often it was taken
    forced        how often a thread let go of it because it was asked
    voluntary     how often a thread let go of it by itself
    requests_made, requests_suffered
                  how often a thread was asked to let go
    hold, cpu_bound_hold
                  Histograms of the holds: of threads that come back from
                  blocking calls, and of CPU-bound threads
    wait, cpu_bound_wait
                  Histograms of the waits of these threads
    response      Histogram of the times from a request to the release
    threads       a list of dicts, one for each thread, by the time held:
                  name, native_id, ident, ended, threads (more than 1 if the
                  dict adds up threads that have ended), and the numbers
                  above for this thread; its delayed is what other threads
                  waited while this one held the GIL

    Its method numbers() returns all but the threads as plain numbers.
    """
    return GilStats(_as_dict(snapshot()))


def reset_gil_stats():
    """Set the numbers of gil_stats() to 0."""
    _core._gil_reset()


_is_on = False


def observe_gil(enabled=True):
    """Begin to count for gil_stats(), from 0, or stop.

    By default nothing is counted.  After a stop the numbers stay as they are.
    """
    global _is_on
    if bool(enabled) != _is_on:
        _is_on = not _is_on
        _begin() if _is_on else _end()


_observers = 0
_names_at_begin: dict = {}      # of threads that have not named themselves


def _begin():
    global _observers, _names_at_begin
    if _core._gil_observe(True):
        _observers += 1
        _name_themselves()
        if _observers == 1:
            _names_at_begin = _names_of_living('native_id')


def _end():
    global _observers
    if _core._gil_observe(False):
        _observers -= 1
        if not _observers:
            _name_themselves_no_more()


def _as_dict(after, before=None):
    if after is None:
        return {'observing': False, 'reason': _core.gil_info()['reason']
                or 'this thread holds no GIL that is scheduled'}
    if before is not None and before.since != after.since:
        before = None
    numbers, total, threads = _changes(after, before)
    threads = [after.describe(serial) | tally
               for serial, tally in threads.items()
               if tally['acquisitions'] or tally['waited'] or tally['held']]
    threads.sort(key=lambda each: each['held'], reverse=True)
    numbers['idle'] = numbers['observed'] - total['held']
    return ({'observing': after.observing, 'reason': None} | numbers | total
            | {'threads': threads})


def _changes(after, before):
    """The same, less what there was before."""
    if before is None:
        return dict(after.numbers), after.total, after.tallies
    numbers = {name: value - before.numbers[name]
               for name, value in after.numbers.items()}
    total = _difference(after.total, before.total)
    threads = {serial: _difference(tally, before.tallies.get(serial)
                                   or _nothing())
               for serial, tally in after.tallies.items()}
    if 0 in threads:  # some of these were on their own before
        rest = _sum(tally for serial, tally in threads.items() if serial)
        threads[0] = _difference(total, rest)
    return numbers, total, threads
