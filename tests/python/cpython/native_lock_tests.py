# SPDX-License-Identifier: MIT
"""CPython's test.lock_tests, with the types of pyplusthread."""
from test import lock_tests

import pyplusthread


class LockTests(lock_tests.LockTests):
    locktype = pyplusthread.Lock


class RLockTests(lock_tests.RLockTests):
    locktype = pyplusthread.RLock


class ConditionAsRLockTests(lock_tests.RLockTests):
    locktype = pyplusthread.Condition

    def test_repr(self):
        self.skipTest('the repr of a Condition is not that of an RLock')

    def test_constructor_noargs(self):
        self.skipTest('a Condition takes an argument')

    def test_recursion_count(self):
        self.skipTest('a Condition has no _recursion_count')


class ConditionTests(lock_tests.ConditionTests):
    condtype = pyplusthread.Condition


class EventTests(lock_tests.EventTests):
    eventtype = pyplusthread.Event


class SemaphoreTests(lock_tests.SemaphoreTests):
    semtype = pyplusthread.Semaphore


class BoundedSemaphoreTests(lock_tests.BoundedSemaphoreTests):
    semtype = pyplusthread.BoundedSemaphore


class BarrierTests(lock_tests.BarrierTests):
    barriertype = pyplusthread.Barrier
