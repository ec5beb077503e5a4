# SPDX-License-Identifier: MIT
"""The chart of who has the GIL when: stock above, ours below."""

import chart
from gil_cases import BASE, OURS

SECONDS = 0.03
UNSEEN = SECONDS / 2000 * 1e9  # ns: half a pixel
THREADS = 'CPU-bound', 'producer', 'consumer'
NAME = 'timeline.svg'


def _seen(spans):
    """The spans, joined where no gap would be seen between them."""
    seen = []
    for begin, end in spans:
        if seen and begin - seen[-1][1] < UNSEEN:
            seen[-1][1] = end
        else:
            seen.append([begin, end])
    return seen


def _block(name, spans):
    """In ms, with the thread's row."""
    yield f'${name} << END'
    for row, thread in enumerate(THREADS):
        for begin, end in _seen(spans[thread]):
            yield f'{row} {begin / 1e6:.4f} {end / 1e6:.4f}'
    yield 'END'


def _panels(results):
    names = [result['variant'].partition('-')[0] for result in results]
    titles = [f'"{result["variant"]}, turns of the consumer: '
              f'{len(result["spans"]["consumer"])}"' for result in results]
    data = [f'stop = {1e3 * SECONDS}', f'blocks = "{" ".join(names)}"',
            f'array titles[{len(titles)}] = [{", ".join(titles)}]']
    for name, result in zip(names, results):
        data += _block(name, result['spans'])
    return 'timeline.gp', data


def draw(bench, python, placements, path):
    """Measure and draw, in two CPUs if there are."""
    placement = 'two CPUs' if 'two CPUs' in placements else 'free'
    results = [bench.timeline(variant, placements[placement], SECONDS)
               for variant in (BASE, OURS)]
    chart.draw(_panels(results), path,
               'Who has the GIL: a pair over a Condition beside a CPU-bound '
               f'thread, {python}, {placement}', styles=())
