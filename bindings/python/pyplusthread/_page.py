# SPDX-License-Identifier: MIT
"""The page of --gil-report: one file, with charts, that needs no other."""
from html import escape

from . import _events, _stats
from ._text import duration, printable, shortened

ROWS = 12       # of the timeline, and of who made whom wait
HEIGHT = 16     # of one half of a timeline

STYLE = '''
:root { color-scheme: light dark; --held: #2f6db5; --waited: #d9822b;
        --cpu: #8a5aa8; --line: #8884; --soft: #8881; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto;
       max-width: 70rem; padding: 1rem; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .3rem 0; }
small, .axis { color: GrayText; font-size: .85rem; }
.key { white-space: nowrap; margin-right: .5em; }
.key i { display: inline-block; width: .8em; height: .8em;
         margin-right: .3em; }
.row { display: grid; grid-template-columns: 12rem 1fr; gap: 0 .7rem;
       align-items: center; border-top: 1px solid var(--line); }
.row > span { overflow-wrap: anywhere; padding: .15rem 0; }
.axis { display: flex; justify-content: space-between; }
svg { display: block; width: 100%; background: var(--soft); }
.timeline { height: 34px; } .histogram { height: 160px; }
.held { fill: var(--held); } .waited { fill: var(--waited); }
.cpu { fill: var(--cpu); }
.scroll { overflow-x: auto; }
table { border-spacing: 0; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .6rem; text-align: right; white-space: nowrap;
         border-top: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; position: sticky;
                                 left: 0; background: Canvas;
                                 max-width: min(20rem, 52vw); overflow: hidden;
                                 text-overflow: ellipsis; }
@media (max-width: 40rem) { .row { grid-template-columns: 1fr; } }
'''


def page(snapshot, rows, headline, summary):
    """The parts of its text."""
    yield ('<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
           '\n<meta name="viewport" content="width=device-width, '
           f'initial-scale=1">\n<title>{escape(headline)}</title>\n'
           f'<style>{STYLE}</style>\n</head>\n<body>\n'
           f'<h1>{escape(_capital(headline))}</h1>\n')
    for line in summary:
        yield f'<p>{escape(_capital(line))}.</p>\n'
    yield from _timelines(snapshot, rows)
    yield from _waits(snapshot)
    yield from _blame(snapshot)
    yield from _threads(snapshot, rows)
    yield '</body>\n</html>\n'


def _capital(text):
    return text[:1].upper() + text[1:]


def _key(kind, words):
    return (f'<span class="key"><i style="background: var(--{kind})"></i>'
            f'{words}</span> ')


# The timeline.

def _width(snapshot):
    """That of the widest bin of all, which every timeline is drawn with."""
    return max(width for parts in snapshot.timelines.values()
               for width, _ in parts)


def _aligned(snapshot, serials, which, width):
    """Sums of the serials' bins, as parts of a bin of that width."""
    total = [0.0] * _stats.BINS
    for serial in serials:
        narrow, bins = snapshot.timelines[serial][which]
        ratio = round(width / narrow)
        for i, value in enumerate(bins):
            total[i // ratio] += value
    used = max(1, round(snapshot.numbers['observed'] / width + 0.5))
    return [value / width for value in total[:used]]


def _area(values, up):
    """A path of steps, from the middle up or down."""
    path = [f'M0 {HEIGHT}']
    for i, value in enumerate(values):
        y = HEIGHT * min(1, value)
        y = HEIGHT - y if up else HEIGHT + y
        path.append(f'V{y:.2f}H{i + 1}')
    return ''.join([*path, f'V{HEIGHT}Z'])


def _timeline(held, waited):
    return (f'<svg class="timeline" viewBox="0 0 {len(held)} {2 * HEIGHT}" '
            f'preserveAspectRatio="none">'
            f'<path class="held" d="{_area(held, True)}"/>'
            f'<path class="waited" d="{_area(waited, False)}"/></svg>')


def _axis(end):
    marks = ''.join(f'<span>{duration(end * i / 4)}</span>' for i in range(5))
    return f'<div class="axis">{marks}</div>'


def _timelines(snapshot, rows):
    yield '<h2>When</h2>\n<p>' + _key('held', 'held the GIL')
    yield _key('waited', 'waited for it') + '</p>\n'
    width = _width(snapshot)
    for row in rows[:ROWS]:
        held, waited = (_aligned(snapshot, row.serials, which, width)
                        for which in (0, 1))
        yield (f'<div class="row"><span>{escape(shortened(row.label, 40))}'
               f'</span>{_timeline(held, waited)}</div>\n')
    yield f'<div class="row"><span></span>{_axis(len(held) * width)}</div>\n'


# How long threads waited.

def _bars(blocking, cpu_bound):
    """((from, until), how many of each), without the ends that are empty."""
    bars = []
    for i in range(0, _stats.BUCKETS, 2):
        low = _stats.bound(i - 1) * 1e-9 if i else 0.0
        counts = [sum(each._counts[i:i + 2]) for each in (blocking, cpu_bound)]
        bars.append(((low, _stats.bound(i + 1) * 1e-9), counts))
    used = [i for i, bar in enumerate(bars) if any(bar[1])]
    return bars[used[0]:used[-1] + 1] if used else []


def _bar(i, limits, counts, most):
    y = 100
    low, high = map(duration, limits)
    yield f'<g><title>{low} to {high}: {counts[0]} back from blocking calls, '
    yield f'{counts[1]} CPU-bound</title>'
    for kind, count in zip(('waited', 'cpu'), counts):
        height = 100 * count / most
        y -= height
        yield (f'<rect class="{kind}" x="{i + 0.05}" y="{y:.2f}" width="0.9" '
               f'height="{height:.2f}"/>')
    yield '</g>'


def _waits(snapshot):
    bars = _bars(snapshot.total['wait'], snapshot.total['cpu_bound_wait'])
    yield '<h2>How long threads waited</h2>\n'
    if not bars:
        yield '<p>None did.</p>\n'
        return
    most = max(sum(counts) for _, counts in bars)
    yield '<p>' + _key('waited', 'threads back from blocking calls')
    yield _key('cpu', 'CPU-bound threads')
    yield f'<small>highest bar: {most} waits</small></p>\n'
    yield (f'<svg class="histogram" viewBox="0 0 {len(bars)} 100" '
           f'preserveAspectRatio="none">')
    for i, (limits, counts) in enumerate(bars):
        yield from _bar(i, limits, counts, most)
    yield '</svg>\n<div class="axis">'
    ends = [bars[0][0][0], *(limits[1] for limits, _ in bars)]
    for i in range(5):
        yield f'<span>{duration(ends[i * (len(ends) - 1) // 4])}</span>'
    yield '</div>\n'


# Who made whom wait.

def _blame(snapshot):
    story = snapshot.story
    matrix = _events.blame(story)
    yield '<h2>Who made whom wait</h2>\n'
    if not matrix:
        yield '<p>Nobody.</p>\n'
        return
    if snapshot.missing:
        length = duration((story.end - story.begin) * 1e-9)
        yield f'<p><small>In the last {length}.</small></p>\n'
    waiters = _largest(matrix, 0)
    holders = _largest(matrix, 1)
    names = {each: escape(shortened(_name(snapshot, each), 24))
             for each in {*waiters, *holders}}
    yield '<div class="scroll"><table>\n<tr><th>waited \\ held</th>'
    yield ''.join(f'<th>{names[each]}</th>' for each in holders) + '</tr>\n'
    most = max(matrix.values())
    for waiter in waiters:
        yield f'<tr><td>{names[waiter]}</td>'
        for holder in holders:
            yield _cell(matrix.get((waiter, holder), 0), most)
        yield '</tr>\n'
    yield '</table></div>\n'


def _cell(ns, most):
    part = round(60 * ns / most)
    style = f'background: color-mix(in srgb, var(--waited) {part}%, Canvas)'
    return f'<td style="{style}">{duration(ns * 1e-9) if ns else ""}</td>'


def _largest(matrix, which):
    sums = {}
    for pair, ns in matrix.items():
        sums[pair[which]] = sums.get(pair[which], 0) + ns
    return sorted(sums, key=sums.get, reverse=True)[:ROWS]


def _name(snapshot, serial):
    if serial in snapshot.threads:
        return printable(snapshot.name(serial))
    return f'thread number {serial}'


# All threads.

HEAD = ['thread', 'held', '', 'waited', '', 'waits', 'half up to',
        '99 % up to', 'longest', 'others waited', 'takes', 'forced off']


def _threads(snapshot, rows):
    yield '<h2>Threads</h2>\n<div class="scroll"><table>\n<tr>'
    yield ''.join(f'<th>{name}</th>' for name in HEAD) + '</tr>\n'
    for row in rows:
        cells = row.cells(snapshot.numbers['observed'])
        yield f'<tr title="{escape(cells[0])}">'
        yield ''.join(f'<td>{escape(cell)}</td>' for cell in cells)
        yield '</tr>\n'
    yield '</table></div>\n'
