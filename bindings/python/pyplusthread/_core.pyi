from pyplusthread import (
    Barrier as Barrier,
    BoundedSemaphore as BoundedSemaphore,
    BrokenBarrierError as BrokenBarrierError,
    Condition as Condition,
    Event as Event,
    Lock as Lock,
    RLock as RLock,
    Semaphore as Semaphore,
    __version__ as __version__,
    gil_info as gil_info,
    set_gil_priority as set_gil_priority,
)

_C_API: object
