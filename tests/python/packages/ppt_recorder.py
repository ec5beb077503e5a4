# SPDX-License-Identifier: MIT
"""A plugin of pytest that writes down what becomes of each test.

It writes what cpython/runner.py writes, and takes the same options, from the
variable PPT_TESTS.
"""
import argparse
import faulthandler
import json
import os
import shlex
import time

import pytest

LIMIT = 180  # seconds for one test


def ids(path):
    return set(open(path, encoding='utf-8').read().split('\n')) - {''}


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument('--patched', action='store_true')  # see run.py
    parser.add_argument('--list', action='store_true')
    parser.add_argument('--only', type=ids)
    parser.add_argument('--skip', type=ids, default=set())
    parser.add_argument('--out', required=True)
    return parser.parse_args(shlex.split(os.environ.pop('PPT_TESTS')))


class Recorder:

    def __init__(self):
        self.options = options()
        self.file = open(self.options.out, 'a', encoding='utf-8')
        self.stderr = os.dup(2)  # pytest has not yet replaced it

    def write(self, test, verdict, text='', seconds=0):
        json.dump({'test': test, 'verdict': verdict, 'text': text,
                   'seconds': seconds}, self.file)
        self.file.write('\n')
        self.file.flush()

    def wanted(self, item):
        return item.nodeid not in self.options.skip and (
            self.options.only is None or item.nodeid in self.options.only)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        items[:] = filter(self.wanted, items)
        if self.options.list:
            for item in items:
                self.write(item.nodeid, 'listed')
            items.clear()

    def pytest_collectreport(self, report):
        if report.failed and not self.options.list:
            self.write(report.nodeid or 'collection', 'failed',
                       str(report.longrepr))

    def pytest_runtest_logstart(self, nodeid):
        faulthandler.dump_traceback_later(LIMIT, exit=True, file=self.stderr)
        self.begin = time.monotonic()
        self.verdict, self.text = 'passed', ''
        self.write(nodeid, 'begun')

    def pytest_runtest_logreport(self, report):
        if report.failed or (report.skipped and self.verdict == 'passed'
                             and not hasattr(report, 'wasxfail')):
            self.verdict, self.text = report.outcome, str(report.longrepr)

    def pytest_runtest_logfinish(self, nodeid):
        faulthandler.cancel_dump_traceback_later()
        self.write(nodeid, self.verdict, self.text,
                   round(time.monotonic() - self.begin, 3))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session, exitstatus):
        if exitstatus in (pytest.ExitCode.TESTS_FAILED,
                          pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.OK


def pytest_configure(config):
    config.pluginmanager.register(Recorder())
