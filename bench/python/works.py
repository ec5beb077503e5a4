"""What threads do in the benchmarks, with stock or native classes."""

from classes import patched
from threads import Work, pin


class ConditionPair(Work):
    """A producer and a consumer share one slot: an item handed over."""

    def __init__(self, module, cpus=()):
        super().__init__(cpus)
        self.cond = module.Condition()
        self.full = False

    def bodies(self):
        return [self.produce, self.consume]

    def produce(self):
        while not self.stopped:
            with self.cond:
                while self.full:
                    self.cond.wait()
                self.full = True
                self.cond.notify()

    def consume(self):
        while not self.stopped:
            with self.cond:
                while not self.full:
                    self.cond.wait()
                self.full = False
                self.done += 1
                self.cond.notify()


class LockPair(Work):
    """The same over two locks, each let go by the other thread."""

    def __init__(self, module, cpus=()):
        super().__init__(cpus)
        self.empty = module.Lock()
        self.full = module.Lock()
        self.full.acquire()

    def bodies(self):
        return [self.produce, self.consume]

    def produce(self):
        while not self.stopped:
            self.empty.acquire()
            self.full.release()

    def consume(self):
        while not self.stopped:
            self.full.acquire()
            self.done += 1
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


class Burner(Work):
    """A CPU-bound thread."""

    def bodies(self):
        return [self.burn]

    def burn(self):
        while not self.stopped:
            for _ in range(1000):
                pass
            self.done += 1000
