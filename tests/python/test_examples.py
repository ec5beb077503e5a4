# SPDX-License-Identifier: MIT
"""The examples in Python, as a reader would run them."""
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys

import pytest

from support import HERE

pytest.importorskip('pyplusthread')

EXAMPLES = HERE.parents[1] / 'examples' / 'python'
LIMIT = 180  # seconds, after which it hangs


def run(script, *args, folder=EXAMPLES):
    """What an example prints."""
    done = subprocess.run([sys.executable, folder / script, *args], text=True,
                          capture_output=True, timeout=LIMIT, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ''
    return done.stdout


def test_bounded_queue():
    assert run('bounded_queue.py', '500') == 'sum of all items: 249500\n'


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_thread_pool_finishes_what_is_queued(number):
    with subprocess.Popen(
            [sys.executable, EXAMPLES / 'thread_pool.py', '120'], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == 'working\n'
            process.send_signal(number)
            printed, errors = process.communicate(timeout=LIMIT)
        finally:
            process.kill()
    assert errors == ''
    queued, done, dropped = map(int, re.findall(r'\d+', printed))
    assert (done, dropped) == (queued, 0)


def test_phases():
    assert run('phases.py', '20') == (
        'threads: ended, ended, ended, ended\n'
        'heat after 20 steps: 1000.000\n')


def test_phases_with_a_thread_that_does_not_come_back():
    assert run('phases.py', '--stuck') == (
        'threads: stopped, stopped, stopped, stopped\n')


def test_web_server_answers_beside_a_thread_that_computes():
    printed = run('web_server.py', '--measure', '5')
    assert re.fullmatch(
        r'stock: 5 answers, median .* ms, slowest .* ms; .* primes a second\n'
        r'priority: 5 answers, .*\n', printed)


@pytest.mark.unsanitized  # the compiler is not
def test_foreign_thread(tmp_path):
    """It is built by the command that its first lines give."""
    if shutil.which('cc') is None:
        pytest.skip('no C compiler')
    folder = shutil.copytree(EXAMPLES / 'foreign_thread', tmp_path / 'copy')
    command = re.search('    (cc .*)\n',
                        (folder / 'foreign_thread.py').read_text())[1]
    python = shlex.quote(sys.executable)
    subprocess.run(['sh', '-ec', command.replace('python', python, 1)],
                   cwd=folder, check=True, timeout=LIMIT,
                   env=dict(os.environ, CFLAGS=''))
    assert run('foreign_thread.py', '500', folder=folder) == (
        f'sum of the squares: {sum(i * i for i in range(500))}\n')
