"""The benchmarks' own threads: they end when they are told to."""
import importlib
import sys
import threading
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / 'bench' / 'python'


@pytest.fixture(scope='module')
def works():
    """The module of that name."""
    sys.path.insert(0, str(BENCH))
    try:
        return importlib.import_module('works')
    finally:
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


@pytest.mark.parametrize('look', range(1, 8))
@pytest.mark.parametrize('name', ['ConditionPair', 'LockPair'])
def test_pair_ends_whoever_sees_the_stop(impl, works, name, look):
    work = stops_at(getattr(works, name), look)(impl)
    threads = [threading.Thread(target=body, daemon=True)
               for body in work.bodies()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
