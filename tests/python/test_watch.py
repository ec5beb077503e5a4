# SPDX-License-Identifier: MIT
"""--gil-report and --gil-trace: what they say, and that the program runs on.

The programs end in every way that a program can, and write where nothing can
be written; their own output and exit status must be what they are without.
"""
import collections
import html.parser
import os
import re
import signal
import types

import pytest

from pyplusthread import _page, _stats, _text, _watch
from support import NO_GIL, needs_gil
from watching import PROGRAM, WORK, check_trace, run

pytestmark = pytest.mark.unsanitized


class Page(html.parser.HTMLParser):
    """What is on a page; every tag must be closed."""

    EMPTY = {'meta', '!doctype'}

    def __init__(self, text):
        super().__init__()
        self.tags = collections.Counter()
        self.texts = []
        self.links = []
        self._open = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.links += [value for name, value in attrs
                       if name in ('src', 'href', 'xlink:href')]
        if tag not in self.EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self._open.pop()

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


# The report.

@needs_gil
def test_report_names_the_threads_and_what_they_waited():
    status, output, errors = run('--gil-report', '-c', WORK)
    assert (status, output) == (0, 'done\n')
    assert re.search(r'^the GIL in process \d+ \(-c\)$', errors, re.M)
    assert re.search(r'^observed \d.* held \d.* somebody waited \d', errors,
                     re.M)
    lines = errors.splitlines()
    head = next(i for i, line in enumerate(lines)
                if line.startswith('thread '))
    names = {line.split('  ')[0] for line in lines[head + 1:]}
    assert names == {'computing', '<b>&', 'blocking', 'MainThread'}


@needs_gil
@pytest.mark.parametrize('form', ['{} {}', '{}={}'])
def test_page_is_one_file_with_charts(tmp_path, form):
    option = form.format('--gil-report', 'page.html').split()
    status, output, errors = run(*option, '-c', WORK, cwd=tmp_path)
    assert (status, output) == (0, 'done\n')
    assert f'the page is {tmp_path}/page.html\n' in errors
    text = (tmp_path / 'page.html').read_text()
    page = Page(text)
    assert page.links == []
    assert not re.search(r'url\(|@import|<script|https?:', text)
    assert page.tags['svg'] >= 5
    assert page.tags['table'] == 2
    for name in 'computing', '<b>&', 'blocking', 'MainThread':
        assert name in page.texts
    assert 'width=device-width' in text
    assert 'nan' not in text and 'inf"' not in text


@needs_gil
def test_page_of_a_program_in_which_nobody_waited(tmp_path):
    status, _, errors = run('--gil-report=p.html', '-c', '', cwd=tmp_path)
    assert status == 0, errors
    page = Page((tmp_path / 'p.html').read_text())
    assert 'None did.' in page.texts and 'Nobody.' in page.texts


@needs_gil
def test_many_threads_of_a_kind_are_one_row(tmp_path):
    status, _, errors = run('--gil-report=p.html', '-c', PROGRAM + '''
for i in range(700):
    thread = threading.Thread(target=str, name=f'request-{i}')
    thread.start()
    thread.join()
''', cwd=tmp_path)
    assert status == 0
    assert re.search(r'^request-N \(\d+ threads\)  ', errors, re.M)
    assert re.search(r'^\d+ threads that have ended  ', errors, re.M)
    assert len(errors.splitlines()) < 15
    Page((tmp_path / 'p.html').read_text())


def test_waits_of_a_timeline_are_below_the_holds_of_the_same_time():
    """Nobody waits in the second half: the bins of the waits are narrower."""
    bins = [1.0] * 2 + [0.0] * (_stats.BINS - 2)
    row = types.SimpleNamespace(serials=[1], label='thread')
    snapshot = types.SimpleNamespace(
        numbers={'observed': 7.5},
        timelines={1: [(2.0, bins), (1.0, bins)]})
    drawn = ''.join(_page._timelines(snapshot, [row]))
    held, waited = re.findall(r'd="M0 16([^"]*)"', drawn)
    assert held == 'V8.00H1V8.00H2V16.00H3V16.00H4V16Z'
    assert waited == 'V32.00H1V16.00H2V16.00H3V16.00H4V16Z'


@needs_gil
def test_program_that_stops_to_observe_does_not_stop_the_report():
    status, output, errors = run('--gil-report', '-c', PROGRAM + '''
import pyplusthread
pyplusthread.observe_gil()
pyplusthread.observe_locks()
lock = threading.Lock()
pyplusthread.observe_gil(False)
pyplusthread.observe_locks(False)
work()
lock.acquire()
lock.acquire(timeout=0.05)
''')
    assert status == 0
    assert re.search(r'^computing  ', errors, re.M)
    assert '<string>' in errors.partition('the locks in process')[2]


# Ends of programs.

ENDS = [
    ('', 0, ''),
    ('sys.exit(3)', 3, ''),
    ('os._exit(4)', 4, ''),
    ('1 / 0', 1, 'ZeroDivisionError: division by zero\n'),
    ('os.kill(os.getpid(), signal.SIGTERM)', -signal.SIGTERM, ''),
    ('os.kill(os.getpid(), signal.SIGHUP)', -signal.SIGHUP, ''),
    ('os.kill(os.getpid(), signal.SIGINT)', -signal.SIGINT,
     'KeyboardInterrupt\n'),
]


@needs_gil
@pytest.mark.parametrize('end, expected, error', ENDS,
                         ids=[end[0][:30] for end in ENDS])
def test_it_reports_however_the_program_ends(tmp_path, end, expected, error):
    status, output, errors = run(
        '--gil-report=p.html', '--gil-trace=t.json', '-c',
        WORK + f'import signal\nsys.stdout.flush()\n{end}\n', cwd=tmp_path)
    assert (status, output) == (expected, 'done\n')
    assert error in errors
    assert errors.count('the GIL in process') == 1
    assert re.search(r'^computing  ', errors, re.M)
    Page((tmp_path / 'p.html').read_text())
    check_trace((tmp_path / 't.json').read_text())


@needs_gil
def test_server_with_a_handler_of_its_own_is_left_alone():
    status, output, errors = run('--gil-report', '-c', '''
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
os.kill(os.getpid(), signal.SIGTERM)
''')
    assert status == 7
    assert errors.count('the GIL in process') == 1


@needs_gil
@pytest.mark.parametrize('argv', ['None', '5', '()', '[None]'])
def test_it_reports_whatever_the_program_makes_of_argv(argv):
    status, output, errors = run('--gil-report', '-c',
                                 WORK + f'sys.argv = {argv}\n')
    assert (status, output) == (0, 'done\n')
    assert re.search(r'^computing  ', errors, re.M)


@needs_gil
def test_scripts_and_modules(tmp_path):
    (tmp_path / 'script.py').write_text(WORK)
    for command in ['script.py', 'a'], ['-m', 'script', 'b']:
        status, output, errors = run('--gil-report', *command, cwd=tmp_path)
        assert (status, output) == (0, 'done\n')
        assert 'script.py ' + command[-1] in errors


FORKS = {
    'fork': '''
import os
if os.fork() == 0:
    work()
    os._exit(0)
os.wait()
''',
    'multiprocessing': '''
import multiprocessing
child = multiprocessing.get_context('fork').Process(target=work)
child.start()
child.join()
''',
    'exit': '''
import os, sys
if os.fork() == 0:
    work()
    sys.exit(0)
os.wait()
''',
}


@needs_gil
@pytest.mark.parametrize('way', FORKS)
def test_child_has_a_part_of_its_own(tmp_path, way):
    status, output, errors = run(
        '--gil-report=p.html', '--gil-trace=t.json', '-c',
        PROGRAM + FORKS[way], cwd=tmp_path)
    assert status == 0
    processes = re.findall(r'the GIL in process (\d+)', errors)
    assert len(set(processes)) == len(processes) == 2
    child, = [pid for pid in processes
              if (tmp_path / f'p-{pid}.html').exists()]
    assert sorted(os.listdir(tmp_path)) == sorted(
        ['p.html', f'p-{child}.html', 't.json', f't-{child}.json'])
    childs = check_trace((tmp_path / f't-{child}.json').read_text())
    assert {event['pid'] for event in childs} == {int(child)}
    assert 'computing' in (tmp_path / f'p-{child}.html').read_text()
    assert 'computing' not in (tmp_path / 'p.html').read_text()


# While the program runs.

ASKED = PROGRAM + '''
import signal

def ask(text):
    """Until that is in the file."""
    end = time.monotonic() + 50
    while time.monotonic() < end:
        os.kill(os.getpid(), signal.SIGUSR2)
        time.sleep(0.2)
        if os.path.exists('t.json') and text in open('t.json').read():
            return
    sys.exit('in vain')

work()
ask('blocking')
later = threading.Thread(target=str, name='later')
later.start()
ask('later')
print('done')
'''


@needs_gil
def test_signal_has_it_written_and_the_program_goes_on(tmp_path):
    status, output, errors = run(
        '--gil-trace=t.json', '--gil-report=p.html', '--loop-lateness',
        '--doctor', '--gil-signal', 'usr2', '-c', ASKED, cwd=tmp_path)
    assert (status, output) == (0, 'done\n'), errors
    assert errors.count('the GIL in process') >= 3
    assert errors.count('the doctor on') == errors.count('none ran') >= 3
    assert 'Error' not in errors
    check_trace((tmp_path / 't.json').read_text())


@needs_gil
def test_programs_own_handler_of_the_signal_is_left_to_it():
    status, output, errors = run(
        '--gil-report', '--gil-signal=SIGUSR2', '-c', '''
import os, signal
signal.signal(signal.SIGUSR2, lambda *_: print('mine'))
os.kill(os.getpid(), signal.SIGUSR2)
''')
    assert (status, output) == (0, 'mine\n')
    assert errors.count('the GIL in process') == 1


@needs_gil
def test_child_that_is_forked_while_another_thread_shows_ends(tmp_path):
    status, output, errors = run(
        '--gil-report=p.html', '--gil-signal=USR2', '-c', PROGRAM + '''
import signal
work()
for _ in range(5):
    os.kill(os.getpid(), signal.SIGUSR2)
    if os.fork() == 0:
        os._exit(0)
    os.wait()
''', cwd=tmp_path)
    assert status == 0
    assert len([*tmp_path.glob('p-*.html')]) == 5


# What goes wrong.

@pytest.mark.parametrize('options, hint', [
    (['--gil-trace'], '--gil-trace'),
    (['--gil-trace', '/no/such/folder/t.json', '-c', ''],
     "can't write '/no/such/folder/t.json'"),
    (['--gil-report', '/no/such/folder/p.html', '-c', ''],
     "can't write '/no/such/folder/p.html'"),
    (['--gil-report=/', '-c', ''], "can't write '/'"),
    (['--gil-report', '--gil-signal', 'KILL', '-c', ''], "'KILL' is not"),
    (['--gil-report', '--gil-signal', 'x', '-c', ''], "'x' is not the name"),
    (['--gil-signal', 'USR2', '-c', ''], 'nothing to show'),
    (['--gil-report', '/no/such/script.py'], "can't open file '/no/such"),
])
def test_mistake_is_one_line_before_the_program_runs(options, hint):
    status, output, errors = run(*options)
    assert (status, output) == (2, '')
    assert errors.startswith('python -m pyplusthread: ')
    assert errors.count('\n') == 1
    assert hint in errors


@needs_gil
@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='no /dev/full')
@pytest.mark.parametrize('option', ['--gil-report=/dev/full',
                                    '--gil-trace=/dev/full'])
def test_full_disk_is_one_line_and_the_programs_status_stays(option):
    status, output, errors = run(option, '-c', WORK + 'sys.exit(5)\n')
    assert (status, output) == (5, 'done\n')
    complaints = [line for line in errors.splitlines()
                  if line.startswith('python -m pyplusthread: ')]
    assert complaints == ["python -m pyplusthread: can't write '/dev/full': "
                          "No space left on device"]
    assert 'Traceback' not in errors


@needs_gil
def test_program_that_closes_its_stderr_is_not_disturbed():
    status, output, errors = run('--gil-report', '-c', '''
import os, sys
sys.stderr.close()
os.close(2)
print('done')
''')
    assert (status, output, errors) == (0, 'done\n', '')


def strings(*parts):
    """They are written one by one; one that is callable is called."""
    for part in parts:
        yield part() if callable(part) else part


def test_file_that_is_not_written_to_its_end_stays_as_it_was(tmp_path):
    path = tmp_path / 't.json'
    path.write_text('before')
    path.chmod(0o640)
    seen = []
    output = _watch.Output(str(path))
    with pytest.raises(ZeroDivisionError):
        output.write(strings('x' * 100_000, lambda: 1 / 0))
    assert output.write(strings(
        'x' * 100_000, lambda: seen.append(path.read_text()) or 'y'))
    assert seen == ['before']
    assert path.read_text() == 'x' * 100_000 + 'y'
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ['t.json']


def test_link_and_pipe_stay_what_they_are(tmp_path):
    (tmp_path / 'target').touch()
    (tmp_path / 'link').symlink_to('target')
    assert _watch.Output(str(tmp_path / 'link')).write(['text'])
    assert (tmp_path / 'link').is_symlink()
    assert (tmp_path / 'target').read_text() == 'text'
    os.mkfifo(tmp_path / 'pipe')
    reader = os.open(tmp_path / 'pipe', os.O_RDONLY | os.O_NONBLOCK)
    assert _watch.Output(str(tmp_path / 'pipe')).write(['text'])
    assert os.read(reader, 100) == b'text'
    os.close(reader)
    assert sorted(os.listdir(tmp_path)) == ['link', 'pipe', 'target']


@needs_gil
def test_tool_that_fails_does_not_end_the_others(tmp_path):
    status, output, errors = run(
        '--gil-report', '--gil-trace=t.json', '--loop-lateness', '-c',
        WORK + '''
from pyplusthread import _locks, _report
_locks.Locks.show = _report.text = lambda *_: 1 / 0
''', cwd=tmp_path)
    assert (status, output) == (0, 'done\n')
    assert errors.count('ZeroDivisionError: division by zero\n') == 2
    assert 'none ran' in errors
    check_trace((tmp_path / 't.json').read_text())


@needs_gil
def test_file_that_got_the_number_of_stderr_is_left_alone(tmp_path):
    status, output, errors = run('--gil-report', '-c', '''
import os
os.close(2)
file = open('data', 'w')
assert file.fileno() == 2
file.write('mine')
file.flush()
''', cwd=tmp_path)
    assert (status, output, errors) == (0, '', '')
    assert (tmp_path / 'data').read_text() == 'mine'


@needs_gil
def test_report_goes_where_the_program_has_led_its_stderr(tmp_path):
    status, output, errors = run('--gil-report', '-c', '''
import os
os.dup2(os.open('log', os.O_WRONLY | os.O_CREAT), 2)
''', cwd=tmp_path)
    assert (status, output, errors) == (0, '', '')
    assert 'the GIL in process' in (tmp_path / 'log').read_text()


@pytest.mark.skipif(not NO_GIL, reason='there is a GIL')
def test_without_a_gil_the_program_runs_and_a_line_says_so(tmp_path):
    status, output, errors = run('--gil-report', '--gil-trace=t.json', '-c',
                                 WORK, cwd=tmp_path)
    assert (status, output) == (0, 'done\n')
    assert errors.startswith('python -m pyplusthread: the GIL cannot be '
                             'observed: this interpreter has no GIL\n')
    assert 'the GIL in process' not in errors


@pytest.mark.parametrize('seconds, text', [
    (0, '0'), (1e-9, '1 ns'), (9.99e-7, '999 ns'), (1.5e-6, '1.50 us'),
    (0.0123, '12.3 ms'), (0.1234, '123 ms'), (1, '1.00 s'), (3600, '3600 s')])
def test_durations(seconds, text):
    assert _text.duration(seconds) == text
