# SPDX-License-Identifier: MIT
"""Run unittest modules and write down what became of each test.

runner.py [--patched | --gil-only] [--list] [--only IDS] [--skip IDS]
          --out FILE NAME...

Each line of the output is a JSON object: {"test": id, "verdict": ...} when a
test begins ("begun") and when it has ended ("passed", "failed", "skipped");
with --list, "listed".
What kills the process is so known to have happened in the test that has not
ended. A test that takes longer than LIMIT is shown with the stacks of all
threads, and killed.
"""
import argparse
import faulthandler
import json
import os
import tempfile
import time
import unittest

LIMIT = 180  # seconds for one test


class Recorder(unittest.TestResult):
    """A result that is on the disk as soon as it is known."""

    def __init__(self, file):
        super().__init__()
        self.file = file
        self._reset()

    def _reset(self):
        self.begin = time.monotonic()
        self.bad = None

    def write(self, test, verdict, **details):
        json.dump({'test': test.id(), 'verdict': verdict, **details},
                  self.file)
        self.file.write('\n')
        self.file.flush()

    def startTest(self, test):
        super().startTest(test)
        faulthandler.dump_traceback_later(LIMIT, exit=True)
        self._reset()
        self.write(test, 'begun')

    def stopTest(self, test):
        super().stopTest(test)
        faulthandler.cancel_dump_traceback_later()
        verdict, text = self.bad or ('passed', '')
        self.write(test, verdict, text=text,
                   seconds=round(time.monotonic() - self.begin, 3))
        self._reset()  # CPython 3.12.1 does not start what it skips

    def _bad(self, test, verdict, text):
        if hasattr(test, '_testMethodName') or hasattr(test, 'test_case'):
            self.bad = self.bad or (verdict, text)
        else:  # setUpClass, setUpModule
            self.write(test, verdict, text=text, seconds=0)

    def addError(self, test, error):
        self._bad(test, 'failed', self._exc_info_to_string(error, test))

    addFailure = addError

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self._bad(test, 'failed', self._exc_info_to_string(error, test))

    def addSkip(self, test, reason):
        self._bad(test, 'skipped', reason)

    def addUnexpectedSuccess(self, test):
        self._bad(test, 'failed', 'unexpected success')


def flatten(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flatten(test)
        else:
            yield test


def load(names, wanted, unwanted):
    """The tests, each class's together, as unittest runs them."""
    tests = flatten(unittest.defaultTestLoader.loadTestsFromNames(names))
    return unittest.TestSuite(
        test for test in tests
        if test.id() not in unwanted and (not wanted or test.id() in wanted))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--patched', action='store_true')
    parser.add_argument('--gil-only', action='store_true')
    parser.add_argument('--list', action='store_true')
    parser.add_argument('--only', default='')
    parser.add_argument('--skip', default='')
    parser.add_argument('--out', required=True)
    parser.add_argument('names', nargs='+')
    options = parser.parse_args()

    if options.patched or options.gil_only:
        import pyplusthread
    if options.patched:
        pyplusthread.patch()
    import test.support
    test.support.use_resources = ['cpu', 'walltime']
    if 'test.test_ssl' not in options.names:  # the others mean loopback
        test.support.use_resources.append('network')

    def ids(path):
        return set(open(path, encoding='utf-8').read().split('\n')
                   if path else ()) - {''}

    suite = load(options.names, ids(options.only), ids(options.skip))
    with open(options.out, 'a', encoding='utf-8') as file:
        if options.list:
            for each in suite:
                Recorder(file).write(each, 'listed', text='', seconds=0)
            return
        os.chdir(tempfile.mkdtemp(prefix='ppt-'))
        suite.run(Recorder(file))


if __name__ == '__main__':
    main()
