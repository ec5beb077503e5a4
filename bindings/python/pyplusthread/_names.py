# SPDX-License-Identifier: MIT
"""What can be patched: the argument of patch(), a module, and names in it."""

NAMES = {
    'lock': ('threading', 'Lock'),
    'rlock': ('threading', 'RLock'),
    'condition': ('threading', 'Condition'),
    'semaphore': ('threading', 'Semaphore'),
    'bounded_semaphore': ('threading', 'BoundedSemaphore'),
    'event': ('threading', 'Event'),
    'barrier': ('threading', 'Barrier'),
    'queue': ('queue', 'Queue', 'LifoQueue', 'PriorityQueue'),
    'simple_queue': ('queue', 'SimpleQueue'),
}
