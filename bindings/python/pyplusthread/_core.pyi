# SPDX-License-Identifier: MIT
import sys
from pyplusthread import (
    Barrier as Barrier,
    BoundedSemaphore as BoundedSemaphore,
    BrokenBarrierError as BrokenBarrierError,
    Condition as Condition,
    Empty as Empty,
    Event as Event,
    Full as Full,
    LifoQueue as LifoQueue,
    Lock as Lock,
    PriorityQueue as PriorityQueue,
    Queue as Queue,
    RLock as RLock,
    Semaphore as Semaphore,
    SimpleQueue as SimpleQueue,
    __version__ as __version__,
    gil_info as gil_info,
    set_gil_priority as set_gil_priority,
)

_C_API: object

if sys.version_info >= (3, 13):
    from pyplusthread import ShutDown as ShutDown
