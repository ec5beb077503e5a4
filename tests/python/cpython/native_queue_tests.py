# SPDX-License-Identifier: MIT
"""CPython's test.test_queue, with the types of pyplusthread."""
from test import test_queue

import pyplusthread


class QueueTest(test_queue.CQueueTest):
    queue = pyplusthread


class LifoQueueTest(test_queue.CLifoQueueTest):
    queue = pyplusthread


class PriorityQueueTest(test_queue.CPriorityQueueTest):
    queue = pyplusthread


class FailingQueueTest(test_queue.CFailingQueueTest):
    queue = pyplusthread


class SimpleQueueTest(test_queue.CSimpleQueueTest):
    queue = pyplusthread
    test_simplequeue_sizeof = None  # 3.15: the size of stock's own struct
