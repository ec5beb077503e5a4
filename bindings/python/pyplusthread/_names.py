"""What can be patched: the argument of patch(), and the name in threading."""

NAMES = {
    'lock': 'Lock',
    'rlock': 'RLock',
    'condition': 'Condition',
    'semaphore': 'Semaphore',
    'bounded_semaphore': 'BoundedSemaphore',
    'event': 'Event',
    'barrier': 'Barrier',
}
