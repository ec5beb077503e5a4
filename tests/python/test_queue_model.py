# SPDX-License-Identifier: MIT
"""Any calls, and any threads: the module queue as a model."""
import queue

import pytest

from support import QUEUES, Worker, drained, join_all


def outcome(function, *args):
    try:
        return function(*args)
    except Exception as error:
        return type(error), str(error)


def any_examples(number):
    """However slow the machine is."""
    from hypothesis import HealthCheck, settings
    return settings(deadline=None, max_examples=number, database=None,
                    suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize('name', QUEUES)
def test_it_does_what_the_module_queue_does(native, name):
    """Any sequence of calls that do not wait."""
    hypothesis = pytest.importorskip('hypothesis')
    from hypothesis import strategies

    number = strategies.integers(-3, 3)
    steps = {
        'put_nowait': strategies.tuples(number),
        'get_nowait': strategies.tuples(),
        'qsize': strategies.tuples(), 'empty': strategies.tuples(),
        'put': strategies.tuples(number, strategies.just(False), number),
        'get': strategies.tuples(strategies.just(False), number)}
    if name != 'SimpleQueue':
        steps |= {'full': strategies.tuples(),
                  'task_done': strategies.tuples(),
                  'set maxsize': strategies.tuples(number),
                  'set unfinished_tasks': strategies.tuples(number),
                  'put timed': strategies.tuples(number)}
        if hasattr(queue, 'ShutDown'):
            steps['shutdown'] = strategies.tuples(strategies.booleans())
    step = strategies.one_of([
        strategies.tuples(strategies.just(method), arguments)
        for method, arguments in steps.items()])

    def do(box, method, args):
        if method.startswith('set '):
            return outcome(setattr, box, method[4:], *args)
        if method == 'put timed':
            return outcome(box.put, *args, True, 0)
        return outcome(getattr(box, method), *args)

    def look(box):
        return {each: outcome(getattr, box, each) if name == 'SimpleQueue'
                else getattr(box, each, None)
                for each in ('queue', 'unfinished_tasks', 'maxsize',
                             'is_shutdown') if name != 'SimpleQueue'}

    @any_examples(200)
    @hypothesis.given(number, strategies.lists(step, max_size=30))
    def check(maxsize, program):
        args = () if name == 'SimpleQueue' else (maxsize,)
        ours = getattr(native, name)(*args)
        theirs = getattr(queue, name)(*args)
        for method, arguments in program:
            assert (do(ours, method, arguments)
                    == do(theirs, method, arguments)), method
            assert look(ours) == look(theirs), method

    check()


@pytest.mark.parametrize('name', QUEUES)
def test_whatever_threads_do_what_was_put_is_there_once(native, name):
    """Any programs of several threads, none of which waits for ever."""
    hypothesis = pytest.importorskip('hypothesis')
    from hypothesis import strategies

    step = strategies.sampled_from(
        ['put', 'put', 'get', 'try get', 'try put', 'get soon', 'put soon'])
    programs = strategies.lists(strategies.lists(step, max_size=20),
                                min_size=2, max_size=5)

    def run(box, source, program, put, got):
        for number, what in enumerate(program):
            item = (number, source)
            try:
                if what.endswith('put') or what == 'put soon':
                    box.put(item, what != 'try put',
                            1e-5 if what == 'put soon' else 0.01)
                    put.append(item)
                else:
                    got.append(box.get(what != 'try get',
                                       1e-5 if what == 'get soon' else 0.01))
            except (queue.Empty, queue.Full):
                pass

    @any_examples(40)
    @hypothesis.given(strategies.integers(0, 3), programs)
    def check(bound, threads):
        box = getattr(native, name)(*[bound] * (name != 'SimpleQueue'))
        put, got = [], []
        join_all([Worker(run, box, source, program, put, got)
                  for source, program in enumerate(threads)])
        assert sorted(got + drained(box)) == sorted(put)
        if name != 'SimpleQueue':
            assert box.unfinished_tasks == len(put)

    check()
