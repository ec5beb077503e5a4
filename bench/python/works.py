# SPDX-License-Identifier: MIT
"""What threads do in the benchmarks, with stock or native classes."""

from classes import patched
from threads import Work, pin


class _Pair(Work):
    """A producer hands items over to a consumer, one by one.

    The consumer sees that it is to stop, and tells the producer while that
    waits for its answer.  If each looked for itself, one might go and leave
    the other waiting.
    """

    def __init__(self, cpus=()):
        super().__init__(cpus)
        self.ended = False

    def bodies(self):
        return [self.produce, self.consume]

    def produce(self):
        """Hand items over until the consumer wants no more."""
        while not self.ended:
            self.put()

    def consume(self):
        """Take items until stopped."""
        while not self.ended:
            self.get()

    def put(self):
        raise NotImplementedError

    def get(self):
        """Take an item, call `count`, and let the producer go on."""
        raise NotImplementedError

    def count(self):
        self.done += 1
        self.ended = self.stopped


class ConditionPair(_Pair):
    """They share one slot, under a condition."""

    def __init__(self, module, cpus=()):
        super().__init__(cpus)
        self.cond = module.Condition()
        self.full = False

    def put(self):
        with self.cond:
            while self.full:
                self.cond.wait()
            self.full = True
            self.cond.notify()

    def get(self):
        with self.cond:
            while not self.full:
                self.cond.wait()
            self.full = False
            self.count()
            self.cond.notify()


class LockPair(_Pair):
    """The same over two locks, each let go by the other thread."""

    def __init__(self, module, cpus=()):
        super().__init__(cpus)
        self.empty = module.Lock()
        self.full = module.Lock()
        self.full.acquire()

    def put(self):
        self.empty.acquire()
        self.full.release()

    def get(self):
        self.full.acquire()
        self.count()
        self.empty.release()


class Rounds(Work):
    """Four threads meet at a barrier: one round."""

    PARTIES = 4

    def __init__(self, module, cpus=()):
        super().__init__(cpus)
        self.barrier = module.Barrier(self.PARTIES)
        self.broken = module.BrokenBarrierError

    def bodies(self):
        return [self.meet_and_count] + [self.meet] * (self.PARTIES - 1)

    def meet(self):
        try:
            while not self.stopped:
                self.barrier.wait()
        except self.broken:
            pass

    def meet_and_count(self):
        try:
            while not self.stopped:
                self.barrier.wait()
                self.done += 1
        except self.broken:
            pass

    def stop(self):
        super().stop()
        self.barrier.abort()


class Calls(Work):
    """A thread has a ThreadPoolExecutor's worker call a function."""

    def __init__(self, module, cpus=()):
        super().__init__(cpus)
        self.module = module

    def bodies(self):
        return [self.call]

    def call(self):
        with patched(self.module):
            # Its module makes a lock when it is imported.
            from concurrent.futures import ThreadPoolExecutor
            with ThreadPoolExecutor(1, initializer=pin,
                                    initargs=[self.cpu(1)]) as pool:
                while not self.stopped:
                    pool.submit(int).result()
                    self.done += 1


class Answers(Work):
    """A thread that never rests sets an event; another one answers.

    The one that asks looks whether it is to stop, also before the answer has
    come, and wakes the other, which looks for `ended` whenever it was woken.
    """

    def __init__(self, module, cpus=()):
        super().__init__(cpus)
        self.question = module.Event()
        self.answer = module.Event()
        self.ended = False

    def bodies(self):
        return [self.ask, self.respond]

    def ask(self):
        """Ask, and compute until the answer is there."""
        while not self.stopped:
            self.question.set()
            while not (self.answer.is_set() or self.stopped):
                for _ in range(100):
                    pass
            self.answer.clear()
            self.done += 1
        self.ended = True
        self.question.set()

    def respond(self):
        """Wait to be asked."""
        while True:
            self.question.wait()
            self.question.clear()
            if self.ended:
                return
            self.answer.set()


class Burner(Work):
    """A CPU-bound thread."""

    def bodies(self):
        return [self.burn]

    def burn(self):
        while not self.stopped:
            for _ in range(1000):
                pass
            self.done += 1000
