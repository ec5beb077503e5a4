# SPDX-License-Identifier: MIT
"""What threads do in the benchmarks, with stock or native classes."""

import functools
import queue

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


class IndependentPairs(Work):
    """Pairs that share nothing, each on one CPU: the CPUs in turn."""

    def __init__(self, module, cpus=(), pairs=1):
        super().__init__(cpus)
        self.pairs = [ConditionPair(module) for _ in range(pairs)]

    @property
    def done(self):
        """The items of all pairs."""
        return sum(pair.done for pair in self.pairs)

    @done.setter
    def done(self, nothing):
        pass

    def bodies(self):
        return [body for pair in self.pairs for body in pair.bodies()]

    def cpu(self, index):
        return super().cpu(index // 2)

    def stop(self):
        for pair in self.pairs:
            pair.stop()


class Stream(Work):
    """Producers put into one queue, and as many consumers take from it."""

    def __init__(self, module, cpus=(), bound=1, pairs=1):
        super().__init__(cpus)
        with patched(module):
            self.queue = queue.Queue(bound)
        self.counts = [0] * pairs

    @property
    def done(self):
        """The items that were taken; a count for each, lest one is lost."""
        return sum(self.counts)

    @done.setter
    def done(self, nothing):
        pass

    def bodies(self):
        return [body for number in range(len(self.counts))
                for body in (self.produce,
                             functools.partial(self.consume, number))]

    def produce(self):
        """Put until stopped; then have a consumer end."""
        while not self.stopped:
            self.queue.put(None)
        self.queue.put(self)

    def consume(self, number):
        """Take until there is nothing more to come."""
        while self.queue.get() is None:
            self.counts[number] += 1


class QuestionsAndAnswers(Work):
    """Each item of one SimpleQueue is answered in another one."""

    def __init__(self, module, cpus=()):
        super().__init__(cpus)
        with patched(module):
            self.questions = queue.SimpleQueue()
            self.answers = queue.SimpleQueue()

    def bodies(self):
        return [self.ask, self.answer]

    def ask(self):
        """Ask until stopped."""
        while not self.stopped:
            self.questions.put(None)
            self.answers.get()
            self.done += 1
        self.questions.put(self)

    def answer(self):
        """Answer what was asked."""
        while self.questions.get() is None:
            self.answers.put(None)


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
    """A thread has a ThreadPoolExecutor's workers call a function."""

    WORKERS = 1

    def __init__(self, module, cpus=()):
        super().__init__(cpus)
        self.module = module
        self.pinned = 0

    def bodies(self):
        return [self.call]

    def call(self):
        with patched(self.module), self.pool() as pool:
            while not self.stopped:
                self.call_once(pool)

    def pin_worker(self):
        """Each worker: the CPUs in turn, the caller has the first."""
        self.pinned += 1
        pin(self.cpu(self.pinned))

    def pool(self):
        # Its module makes a lock when it is imported.
        from concurrent.futures import ThreadPoolExecutor
        return ThreadPoolExecutor(self.WORKERS, initializer=self.pin_worker)

    def call_once(self, pool):
        """One call, and its result."""
        pool.submit(int).result()
        self.done += 1


class CallsOfEight(Calls):
    """The same with eight workers."""

    WORKERS = 8


class Mapped(Calls):
    """A thousand small calls at once."""

    WORKERS = 4
    CALLS = 1000

    def call_once(self, pool):
        """All of them; a call is an operation."""
        for _ in pool.map(abs, range(self.CALLS)):
            self.done += 1


class ThreadPoolMapped(Mapped):
    """The same in a multiprocessing.pool.ThreadPool."""

    def pool(self):
        from multiprocessing.pool import ThreadPool
        return ThreadPool(self.WORKERS, self.pin_worker)


class ToThread(Calls):
    """asyncio.to_thread, one call after the other."""

    AT_ONCE = 1

    def call(self):
        import asyncio
        with patched(self.module):
            asyncio.run(self.call_all())

    async def call_all(self):
        """Until stopped."""
        import asyncio
        asyncio.get_running_loop().set_default_executor(self.pool())
        while not self.stopped:
            await asyncio.gather(*(asyncio.to_thread(int)
                                   for _ in range(self.AT_ONCE)))
            self.done += self.AT_ONCE


class HundredToThread(ToThread):
    """A hundred at a time."""

    WORKERS = 6
    AT_ONCE = 100


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
