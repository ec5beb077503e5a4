# SPDX-License-Identifier: MIT
"""Methods and attributes that a user puts in the place of ours.

The same is done to an object of threading's and to one of ours, and both
must make the same of it.
"""
import gc
import threading
import weakref
from unittest import mock

import pytest

from overrides import Logged, logged, same
from support import Worker, join_all, until, waiters


@pytest.fixture(params=['main', 'worker'])
def run(request, impl):
    """Compare in the main thread, which waits differently, and another."""
    if request.param == 'main':
        return lambda body: same(body, impl)
    return lambda body: same(
        lambda module, log: Worker(body, module, log).join(), impl)


LOCKS = {'Lock': lambda module: module.Lock(),
         'RLock': lambda module: module.RLock(),
         'default': lambda module: None}
PRIVATE = ['_is_owned', '_release_save', '_acquire_restore']


@pytest.fixture(params=LOCKS)
def lock(request):
    return LOCKS[request.param]


def never():
    return 0


def use_condition(cond):
    with cond:
        cond.notify()
        cond.notify_all()
        return cond.wait(0), cond.wait_for(never, 0), cond.wait(0.001)


@pytest.mark.parametrize('name', ['wait', 'notify', 'notify_all', 'wait_for',
                                  'acquire', 'release', *PRIVATE])
@pytest.mark.parametrize('value', [True, False, None])
def test_attribute_of_a_condition_replaces_its_method(run, lock, name, value):
    def body(module, log):
        cond = module.Condition(lock(module))
        if name == '_release_save':
            function = lambda *args: cond._lock.release()
        elif name == '_acquire_restore':
            function = lambda *args: cond._lock.acquire() and None
        else:
            function = lambda *args: value
        with mock.patch.object(cond, name, logged(log, name, function)):
            results = use_condition(cond)
        if name == '_acquire_restore':  # its state has the thread's number
            log[:] = [(name, len(args)) for _, args in log]
        log.append(use_condition(cond))
        return results

    _, log = run(body)
    used = [each for each in log if each[0] == name]
    assert used or name in ('acquire', 'release', 'wait_for', 'notify_all')


@pytest.mark.parametrize('name', ['wait', 'notify', *PRIVATE])
def test_method_of_a_subclass_replaces_a_conditions(run, lock, name):
    """But not one that the lock has, too."""
    def body(module, log):
        def method(self, *args):
            log.append((name, args))
            return getattr(super(Sub, self), name)(*args)

        Sub = type('Sub', (module.Condition,), {name: method})
        return use_condition(Sub(lock(module)))

    run(body)


@pytest.mark.parametrize('timeout', [0, 0.125, 5, -1, None])
def test_wait_for_gives_the_timeout_to_an_overridden_wait(run, timeout):
    def body(module, log):
        answers = [False, True]
        cond = module.Condition()
        cond.wait = logged(log, 'wait')
        return cond.wait_for(lambda: answers.pop(0), timeout)

    _, log = run(body)
    assert log == [('wait', (timeout,))]


@pytest.mark.parametrize('name', ['wait', 'notify', *PRIVATE])
def test_class_of_a_condition_may_be_changed_for_a_while(run, lock, name):
    def body(module, log):
        cond = module.Condition(lock(module))
        use_condition(cond)
        original = getattr(module.Condition, name)
        for _ in range(2):
            log.append('changed')
            with mock.patch.object(module.Condition, name,
                                   logged(log, name, original)):
                log.append(use_condition(cond))
            log.append(use_condition(cond))
        log[:] = [entry if entry[0] != name else (name, entry[1][1:])
                  for entry in log
                  if entry[0] != name or entry[1][0] is cond]  # not others'

    run(body)


def test_overridden_is_owned_decides_who_may_notify(run, lock):
    def body(module, log):
        cond = module.Condition(lock(module))
        for owned in True, 1, '', None, []:
            cond._is_owned = logged(log, '_is_owned', lambda: owned)
            for method in cond.notify, cond.notify_all:
                try:
                    log.append(method())
                except RuntimeError as error:
                    log.append(str(error))

    run(body)


def test_overridden_is_owned_may_raise(run, lock):
    def body(module, log):
        def raises():
            raise KeyError('owned')

        cond = module.Condition(lock(module))
        cond._is_owned = raises
        for call in (cond.notify, cond.notify_all, cond.wait,
                     lambda: cond.wait_for(int, 1)):
            with pytest.raises(KeyError):
                call()

    run(body)


def test_wait_for_a_lock_that_is_not_held_after_all_is_refused(run):
    def body(module, log):
        cond = module.Condition(module.Lock())
        cond._is_owned = lambda: True
        with pytest.raises(RuntimeError, match='release unlocked lock'):
            cond.wait(0.001)
        assert not cond._lock.locked()

    run(body)


def test_waits_with_overridden_lock_methods_are_notified(impl):
    """State that _release_save returns arrives at _acquire_restore."""
    def save():
        cond._lock.release()
        return 'state'

    def restore(state):
        states.append(state)
        cond._lock.acquire()

    def wait():
        with cond:
            return cond.wait()

    states = []
    cond = impl.Condition(impl.Lock())
    cond._release_save, cond._acquire_restore = save, restore
    workers = []
    for number in range(3):
        workers.append(Worker(wait))
        until(lambda: waiters(cond) == number + 1)
    with cond:
        cond.notify(2)
    join_all(workers[:2])
    assert waiters(cond) == 1
    with cond:
        cond.notify_all()
    assert join_all(workers) == [True] * 3
    assert states == ['state'] * 3


def test_lock_of_a_condition_may_be_assigned(impl):
    cond, lock = impl.Condition(), impl.Lock()
    cond._lock = lock
    assert cond._lock is lock
    with cond:
        assert lock.locked()
        assert repr(lock) in repr(cond)
    assert not lock.locked()


def test_what_is_no_lock_cannot_be_assigned(native):
    cond = native.Condition()
    before = cond._lock
    for value in None, 1, object():
        with pytest.raises((AttributeError, TypeError)):
            cond._lock = value
    with pytest.raises(AttributeError):
        del cond._lock
    assert cond._lock is before
    with cond:
        pass


def test_attributes_that_override_nothing_change_nothing(impl):
    class Sub(impl.Condition):
        pass

    for cls in impl.Condition, Sub:
        cond = cls(impl.Lock())
        cond.name = 'x'
        cond.lock = cond._lock
        assert use_condition(cond) == (False, 0, False)
        vars(cond).clear()
        if impl is not threading:
            assert use_condition(cond) == (False, 0, False)


def use_event(event):
    event.set()
    results = [event.wait(), event.is_set()]
    event.clear()
    return [*results, event.wait(0), event.wait(0.001), event.is_set()]


def use_semaphore(semaphore):
    with semaphore:
        results = [semaphore._value]
    return [*results, semaphore.acquire(), semaphore.acquire(False),
            semaphore.acquire(timeout=0.001), semaphore.release(),
            semaphore._value]


USES = {'Event': use_event, 'Semaphore': use_semaphore,
        'BoundedSemaphore': use_semaphore}


@pytest.mark.parametrize('name', USES)
def test_another_condition_may_be_assigned(run, name):
    def body(module, log):
        thing = getattr(module, name)()
        own = thing._cond
        results = [USES[name](thing)]
        thing._cond = other = Logged(own, log)
        assert thing._cond is other
        results.append(USES[name](thing))
        thing._cond = own
        log.append('own')
        results.append(USES[name](thing))
        thing._cond = other
        thing.__init__()
        assert thing._cond is not other
        return [*results, USES[name](thing)]

    _, log = run(body)
    assert log[-1] == 'own' and len(log) > 10


@pytest.mark.parametrize('name', USES)
@pytest.mark.parametrize('method', ['wait', 'notify', 'notify_all',
                                    *PRIVATE])
def test_attribute_of_the_condition_inside_replaces_its_method(run, name,
                                                               method):
    def body(module, log):
        thing = getattr(module, name)()
        original = getattr(thing._cond, method)
        with mock.patch.object(thing._cond, method,
                               logged(log, method, original)):
            results = USES[name](thing)
        log.append('no more')
        return results, USES[name](thing)

    _, log = run(body)
    assert log[-1] == 'no more'


@pytest.mark.parametrize('name', USES)
@pytest.mark.parametrize('method', ['wait', 'notify', 'notify_all'])
def test_class_of_the_condition_inside_may_be_changed(run, name, method):
    def body(module, log):
        def method_of(self, *args):
            log.append((method, args))
            return original(self, *args)

        thing = getattr(module, name)()
        results = [USES[name](thing)]
        original = getattr(module.Condition, method)
        with mock.patch.object(module.Condition, method, method_of):
            results.append(USES[name](thing))
        log.append('no more')
        return [*results, USES[name](thing)]

    run(body)


@pytest.mark.parametrize('name', ['Semaphore', 'BoundedSemaphore'])
@pytest.mark.parametrize('of_class', [False, True])
def test_overridden_release_ends_a_block(run, name, of_class):
    def body(module, log):
        semaphore = getattr(module, name)()
        target = getattr(module, name) if of_class else semaphore
        with mock.patch.object(target, 'release') as release:
            with semaphore:
                pass
        log.append(release.call_count)
        semaphore.release()
        with semaphore:
            pass
        return semaphore._value

    assert run(body) == (1, [1])


@pytest.mark.parametrize('module', ['threading', 'impl'])
def test_threads_meet_at_a_condition_that_was_assigned(impl, module):
    """As for two events that share one."""
    cond = (impl if module == 'impl' else threading).Condition(
        threading.Lock())
    one, two = impl.Event(), impl.Event()
    one._cond = two._cond = cond
    workers = []
    for number, event in enumerate([one, two]):
        workers.append(Worker(event.wait))
        until(lambda: waiters(cond) == number + 1)
    one.set()
    assert join_all(workers) == [True, True]
    semaphore = impl.Semaphore(0)
    semaphore._cond = cond
    worker = Worker(semaphore.acquire)
    until(lambda: waiters(cond) == 1)
    semaphore.release()
    assert worker.join() is True


def test_thread_that_waits_already_is_woken_after_an_override(impl):
    event = impl.Event()
    worker = Worker(event.wait)
    until(lambda: waiters(event) == 1)
    with mock.patch.object(event._cond, 'notify_all') as notify_all:
        event.set()
        assert notify_all.call_count == 1
        assert waiters(event) == 1
    event.set()
    assert worker.join() is True


def test_lock_of_the_condition_inside_stays(native):
    """Threads of C use it without the GIL."""
    for name in USES:
        thing = getattr(native, name)()
        lock = thing._cond._lock
        for value in native.Lock(), native.RLock(), threading.Lock():
            with pytest.raises(TypeError):
                thing._cond._lock = value
            with pytest.raises(TypeError):
                thing._cond.__init__(value)
        thing._cond.__init__()
        assert thing._cond._lock is lock
        USES[name](thing)


def test_assigned_condition_in_a_cycle_is_collected(impl):
    for name in USES:
        thing = getattr(impl, name)()
        thing._cond = thing
        reference = weakref.ref(thing)
        del thing
        gc.collect()
        assert reference() is None
