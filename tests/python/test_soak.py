# SPDX-License-Identifier: MIT
"""Everything at once: nobody stands still, and what was counted agrees.

PPT_TEST_MS says for how long.  soak.py has the workers, in a process of its
own: this one watches it, and needs none of what is tested for that.
"""
import ctypes
import mmap
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from soak import SLOTS
from support import HERE, NO_GIL

SECONDS = max(3, int(os.environ.get('PPT_TEST_MS', 500)) / 1000)
STILL = 30  # seconds in which a worker that does nothing has come to a stop
TICK = 0.1
IDLE_TICK = TICK / 5


def cpu_clock(process):
    """The clock of the CPU time that the process has used."""
    clock = ctypes.c_int()
    assert not ctypes.CDLL(None).clock_getcpuclockid(
        process.pid, ctypes.byref(clock))
    return clock.value


class Watch:
    """How long each worker has stood still, in CPU time of the process.

    Where the machine has no time for the process, its workers stand still and
    are well. A process that hangs uses no CPU time, so a tick counts for
    IDLE_TICK at least.
    """

    def __init__(self, path):
        path.write_bytes(bytes(8 * SLOTS))
        with open(path, 'r+b') as file:
            memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.counts = memoryview(memory).cast('q')
        self.seen = list(self.counts)
        self.moved_at = [0] * SLOTS
        self.now = self.cpu_time = 0

    def tick(self, clock):
        time.sleep(TICK)
        cpu_time = time.clock_gettime(clock)
        self.now += max(cpu_time - self.cpu_time, IDLE_TICK)
        self.cpu_time = cpu_time
        for slot, count in enumerate(self.counts):
            if count != self.seen[slot]:
                self.seen[slot] = count
                self.moved_at[slot] = self.now

    def still(self):
        """The workers that do not go on; 0, if the process does not end."""
        slots = [slot for slot in range(1, self.seen[0] + 1)
                 if self.seen[slot] != -1
                 and self.now - self.moved_at[slot] > STILL]
        if not slots and self.now - max(self.moved_at) > STILL:
            return [0]
        return slots


def native_stacks(process):
    """Where gdb is there: faulthandler has Python's only."""
    if shutil.which('gdb') is None:
        return ''
    return subprocess.run(
        ['gdb', '-p', str(process.pid), '-batch', '-ex',
         'thread apply all bt'], stdin=subprocess.DEVNULL, timeout=120,
        capture_output=True, text=True).stdout


def abort(process):
    """With the stacks of all its threads, and of its children's."""
    os.killpg(process.pid, signal.SIGABRT)
    process.wait()


def soak(folder, mode, seconds):
    """(status, output, the workers that stood still, stacks)"""
    counts, out = folder / 'counts', folder / 'out'
    watch = Watch(counts)
    words = [sys.executable, '-W', 'ignore', HERE / 'soak.py', counts,
             str(seconds), str(random.getrandbits(32)), mode]
    with open(out, 'w') as file:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL,
                                   stdout=file, stderr=subprocess.STDOUT,
                                   start_new_session=True)
        still, stacks, clock = [], '', cpu_clock(process)
        try:
            while process.poll() is None and not still:
                watch.tick(clock)
                still = watch.still()
            if still:
                stacks = native_stacks(process)
        finally:
            if process.poll() is None:
                abort(process)
    return process.returncode, out.read_text(), still, stacks


@pytest.mark.slow
@pytest.mark.lasts(SECONDS)
@pytest.mark.parametrize('mode', ['patched', 'gil-only'])
def test_nobody_stands_still(native, mode, tmp_path):
    if NO_GIL and mode == 'gil-only':
        pytest.skip('there is no GIL')
    status, output, still, stacks = soak(tmp_path, mode, SECONDS / 2)
    assert not still, f'{still} stand still\n{output}\n{stacks}'
    assert status == 0, output
    assert output.endswith('agreed\n')
