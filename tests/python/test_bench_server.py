# SPDX-License-Identifier: MIT
"""The benchmark's HTTP servers, and how it reads what its clients print."""
import contextlib
import http.client
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support import Worker, join_all, until

BENCH = Path(__file__).parents[2] / 'bench' / 'python'
MODULES = 'clients', 'servers', 'testserver'
VARIANTS = 'stock', 'stock-0.1ms', 'stock-priority', 'native-priority'
SERVERS = 'pool', 'threading', 'waitress', 'cheroot', 'gunicorn', 'asgi'

STUBBORN = '''
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('ready', flush=True)
time.sleep(60)
'''
AB = """\
Concurrency Level:      10
Time taken for tests:   1.000 seconds
Complete requests:      3346
Failed requests:        0
Total transferred:      3727672 bytes
Requests per second:    3345.84 [#/sec] (mean)
Time per request:       2.989 [ms] (mean)
"""
AB_PERCENTILES = """\
Percentage served,Time in ms
0,0.443
5,0.443
49,1.421
50,1.428
99,16.026
100,24.143
"""
WRK = """\
Running 1s test @ http://127.0.0.1:18999/
  1 threads and 10 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.91ms    1.61ms  14.23ms   87.95%
    Req/Sec     3.24k   687.33     4.23k    54.55%
  Latency Distribution
     50%  950.00us
     75%    1.96ms
     99%    1.25s
  3538 requests in 1.10s, 3.76MB read
Requests/sec:   3217.05
Transfer/sec:      3.42MB
"""


@pytest.fixture(scope='module')
def bench():
    """Those of its modules, by name."""
    sys.path.insert(0, str(BENCH))
    try:
        modules = {name: importlib.import_module(name) for name in MODULES}
    finally:
        sys.path.remove(str(BENCH))
    return lambda name: modules[name]


def fields(answers):
    return (answers.requests, answers.requests_per_s, answers.p50_ms,
            answers.p99_ms, answers.max_ms)


def test_ab_is_read(bench):
    answers = bench('clients').parse_ab(AB, AB_PERCENTILES)
    assert fields(answers) == (3346, 3345.84, 1.428, 16.026,
                               24.143)


def test_ab_of_few_requests_is_read(bench):
    """Where ab writes no 99th percentile the slowest answer stands for it."""
    few = AB_PERCENTILES.replace('99,16.026', '99,0.000')
    assert bench('clients').parse_ab(AB, few).p99_ms == 1.428


def test_wrk_is_read(bench):
    answers = bench('clients').parse_wrk(WRK)
    assert fields(answers) == pytest.approx((3538, 3217.05, 0.95, 1250, 14.23))


@pytest.mark.parametrize('old, new, complaint', [
    ('Failed requests:        0', 'Failed requests:        7',
     '7 failed requests'),
    ('Total', 'Non-2xx responses:      8\nTotal', '8 non-2xx responses'),
    ('Total', 'Write errors:           9\nTotal', '9 write errors'),
    ('Complete requests:      3346', 'Complete requests:      0',
     'nothing was answered'),
    ('Requests per second', 'Pages', 'printed nothing like'),
])
def test_what_ab_complains_of_is_an_error(bench, old, new, complaint):
    clients = bench('clients')
    with pytest.raises(clients.ClientError, match=complaint):
        clients.parse_ab(AB.replace(old, new), AB_PERCENTILES)


@pytest.mark.parametrize('line, complaint', [
    ('  Socket errors: connect 0, read 3, write 0, timeout 0\n',
     '^3 read errors$'),
    ('  Socket errors: connect 1, read 0, write 0, timeout 2\n',
     '^1 connect errors, 2 timeout errors$'),
    ('  Non-2xx or 3xx responses: 5\n', '^5 non-2xx$'),
])
def test_what_wrk_complains_of_is_an_error(bench, line, complaint):
    clients = bench('clients')
    with pytest.raises(clients.ClientError, match=complaint):
        clients.parse_wrk(WRK.replace('Requests/sec', line + 'Requests/sec'))


def status_of(port):
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
    try:
        connection.request('GET', '/')
        response = connection.getresponse()
        return response.status, len(response.read())
    finally:
        connection.close()


@pytest.mark.unsanitized
@pytest.mark.parametrize('variant, burners', [
    (variant, 0) for variant in VARIANTS] + [
        ('stock', 1), ('native-priority', 2)])
@pytest.mark.parametrize('server', SERVERS)
def test_server_answers_and_ends(bench, capfd, server, variant, burners):
    if bench('servers').lacks(server):
        pytest.skip(f'no {server}')
    with bench('testserver').serving(server, variant, burners) as (port,
                                                                   meter):
        before = meter.read()
        for _ in range(3):
            assert status_of(port) == (200, len(bench('servers').BODY))
        after = meter.read()
    assert before['at'] < after['at'] and before['cpu_ns'] < after['cpu_ns']
    assert len(after['done']) == len(after['spent_ns']) == burners
    assert all(was <= is_now for key in ('done', 'spent_ns')
               for was, is_now in zip(before[key], after[key]))
    with pytest.raises(ConnectionRefusedError):
        status_of(port)
    assert capfd.readouterr().err == ''


def ask_until_refused(port, answers):
    with contextlib.suppress(OSError, http.client.HTTPException):
        while status := status_of(port):
            answers.append(status)


@pytest.mark.unsanitized
@pytest.mark.parametrize('variant', ['stock', 'native-priority'])
@pytest.mark.parametrize('server', SERVERS)
def test_server_ends_while_clients_ask(bench, capfd, server, variant):
    if bench('servers').lacks(server):
        pytest.skip(f'no {server}')
    for _ in range(3):
        with bench('testserver').serving(server, variant) as (port, _):
            answers = [[] for _ in range(10)]
            clients = [Worker(ask_until_refused, port, each)
                       for each in answers]
            until(lambda: all(answers))
        join_all(clients)
        assert capfd.readouterr().err == ''


TELL = '''
import sys, threading
package = sys.modules.get('pyplusthread')
print(round(1e6 * sys.getswitchinterval()),
      package is not None and package.gil_info()['priority'],
      threading.Condition.__module__, file=sys.stderr)
'''


@pytest.mark.unsanitized
@pytest.mark.parametrize('variant, told', [
    ('stock', '5000 False threading'),
    ('stock-0.1ms', '100 False threading'),
    ('stock-priority', '5000 {} threading'),
    ('native-priority', '5000 {} pyplusthread')])
def test_server_is_what_its_variant_says(bench, tmp_path, variant, told):
    """A server's module of that name tells what it finds when it serves."""
    script = bench('testserver')._command('pool', variant, 0)
    source = (BENCH / 'servers.py').read_text().replace(
        "        print(port, flush=True)\n        serve()\n",
        f'        exec({TELL!r})\n')
    changed = tmp_path / 'changed.py'
    changed.write_text(source)
    words = [str(changed) if str(word).endswith('servers.py') else str(word)
             for word in script if word != '--until-stdin-ends']
    done = subprocess.run(words, capture_output=True, text=True, timeout=60,
                          env={**os.environ, 'PYPLUSTHREAD': '1',
                               'PYTHONPATH': os.pathsep.join(
                              [str(BENCH), os.environ.get('PYTHONPATH', '')])})
    import pyplusthread
    scheduled = pyplusthread.gil_info()['reason'] is None
    assert done.stderr == told.format(scheduled) + '\n'


@pytest.mark.unsanitized
def test_server_that_does_not_end_is_killed(bench, capsys, monkeypatch):
    testserver = bench('testserver')
    monkeypatch.setattr(testserver, 'PATIENCE', 1)
    with subprocess.Popen([sys.executable, '-c', STUBBORN],
                          stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        testserver.end(process, 'it')
    assert process.returncode == -signal.SIGKILL
    assert capsys.readouterr().err == (
        'testserver.py: it: killed, since it did not end within 1 s\n')


@pytest.mark.unsanitized
def test_server_ends_with_whoever_started_it():
    with subprocess.Popen([sys.executable, BENCH / 'servers.py', 'pool',
                           '--until-stdin-ends'], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        assert int(process.stdout.readline())
        process.stdin.close()
        process.wait(60)


@pytest.mark.unsanitized
@pytest.mark.parametrize('client', ['ab', 'wrk'])
def test_client_is_answered(bench, client):
    if shutil.which(client) is None:
        pytest.skip(f'no {client}')
    with bench('testserver').serving('pool', 'native-priority') as (port, _):
        answers = bench('clients').run(client, f'http://127.0.0.1:{port}/',
                                       3, 1)
    assert answers.requests > 0
    assert 0 < answers.p50_ms <= answers.p99_ms <= answers.max_ms


@pytest.mark.unsanitized
@pytest.mark.parametrize('burners', [0, 2])
def test_cpu_time_and_what_is_kept_are_measured(burners):
    if shutil.which('ab') is None:
        pytest.skip('no ab')
    done = subprocess.run(
        [sys.executable, BENCH / 'testserver.py', '--server=pool',
         '--client=ab', '--parallel=3', f'--burner={burners}', '--seconds=1',
         '--variants=stock', '--json'], capture_output=True, text=True,
        timeout=120)
    assert (done.returncode, done.stderr) == (0, '')
    row = json.loads(done.stdout)
    assert row['cpu_us_per_op'] > 0
    assert ('kept' in row) == ('spread' in row) == (burners > 0)
    assert row.get('kept', 1) > 0 and 0 < row.get('spread', 1) <= 1


@pytest.mark.unsanitized
@pytest.mark.parametrize('client', ['ab', 'wrk'])
def test_client_without_server_is_an_error(bench, client):
    if shutil.which(client) is None:
        pytest.skip(f'no {client}')
    with bench('testserver').serving('pool', 'stock') as (port, _):
        pass
    clients = bench('clients')
    with pytest.raises(clients.ClientError, match=f'^{client}, 3 parallel'):
        clients.run(client, f'http://127.0.0.1:{port}/', 3, 1)


@pytest.mark.unsanitized
@pytest.mark.parametrize('arguments', [
    ['--server', 'apache'], ['--client', 'curl'], ['--parallel', '0'],
    ['--parallel', 'x'], ['--burner', '-1'], ['--variants', 'other'],
    ['--seconds', '0'], ['--seconds', '0.5'], ['--fast'], ['pool'],
])
def test_bad_option_is_refused_in_one_line(arguments):
    done = subprocess.run([sys.executable, BENCH / 'testserver.py',
                           *arguments], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 2
    assert done.stdout == ''
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith('testserver.py: ')
