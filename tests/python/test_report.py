# SPDX-License-Identifier: MIT
"""bench/run and bench/report: what they make of programs that fail."""
import importlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / 'bench'

pytestmark = pytest.mark.unsanitized  # nothing of it is compiled


@pytest.fixture
def report(monkeypatch):
    """Imports one of the report's modules."""
    monkeypatch.syspath_prepend(str(BENCH / 'report'))
    return importlib.import_module


def program(folder, name, text):
    """A program of that name, which is found first."""
    path = folder / name
    path.write_text(f'#!{sys.executable}\n{text}')
    path.chmod(0o755)
    return path


FORMATS = {
    '1': [{'command': 'ours', 'times': [0.25, 0.5]},
          {'command': 'theirs', 'times': [1.0]}],
    '2': [{'command': 'pptbench files', 'name': 'ours', 'measurements': [
              {'time_wall_clock': {'value': 0.25, 'unit': 'second'}},
              {'time_wall_clock': {'value': 0.5, 'unit': 'second'}}]},
          {'command': 'other files', 'name': 'theirs', 'measurements': [
              {'time_wall_clock': {'value': 1.0, 'unit': 'second'}}]}],
}


@pytest.mark.parametrize('version', FORMATS)
def test_times_of_every_hyperfine_are_read(report, tmp_path, monkeypatch,
                                           version):
    results = json.dumps({'results': FORMATS[version]})
    program(tmp_path, 'hyperfine', 'import sys\n'
            'path = sys.argv[sys.argv.index("--export-json") + 1]\n'
            f'open(path, "w").write({results!r})\n')
    monkeypatch.setenv('PATH', str(tmp_path), prepend=':')
    commands = {'ours': 'pptbench files', 'theirs': 'other files'}
    assert report('pptbench').hyperfine(
        commands, 2, str(tmp_path / 'hyperfine.json')) == {
            'ours': [0.25, 0.5], 'theirs': [1.0]}


def main_of(report, tmp_path, monkeypatch, **parts):
    """The exit status of the report with parts that do as these do."""
    for name, run in parts.items():
        monkeypatch.setattr(report(f'{name}_part'), 'run', run)
    spec = importlib.util.spec_from_file_location(
        'report_main', BENCH / 'report' / '__main__.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(sys, 'argv', ['report', '--c=c', '--python=python',
                                      '--server=server', str(tmp_path)])
    monkeypatch.setattr(module.signal, 'signal', lambda *ignored: None)
    return module.main()


def fails_with(error):
    def run(*_arguments):
        raise error
    return run


def test_part_that_fails_does_not_end_the_others(
        report, tmp_path, monkeypatch, capsys):
    failure = report('process').Failure('status 3: ab')
    status = main_of(report, tmp_path, monkeypatch,
                     c=fails_with(KeyError('times')),
                     python=lambda *_: ['python-table.md'],
                     server=fails_with(failure))
    said = ''.join(capsys.readouterr())
    assert status == 1
    assert 'python-table.md' in said
    assert "KeyError: 'times'" in said
    assert 'status 3: ab' in said


def test_parts_that_work_are_status_0(report, tmp_path, monkeypatch):
    assert main_of(report, tmp_path, monkeypatch, c=lambda *_: ['table.md'],
                   python=lambda *_: [], server=lambda *_: []) == 0


def test_interrupt_ends_all_parts(report, tmp_path, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        main_of(report, tmp_path, monkeypatch,
                c=fails_with(KeyboardInterrupt()),
                python=lambda *_: [], server=lambda *_: [])


@pytest.fixture
def row_of(report):
    """A row of requests per second, from {variant: its values}."""
    def make(values, **more):
        row = report('rows').Row('echo', 'free', '/s', 'stock', True)
        for variant, found in values.items():
            for value in found:
                row.add(variant, value, more.get(variant))
        return row
    return make


def cells_of(report, row, layout):
    """What the table has for each variant."""
    lines = report('table').short([row], layout).splitlines()
    titles, _, cells = ([cell.strip() for cell in line.split('|')[1:-1]]
                        for line in lines)
    return dict(zip(titles, cells))


def test_row_where_ours_are_slower_says_so(report, row_of):
    row = row_of({'stock': [100, 100], 'stock-0.1ms': [1000, 1000],
                  'stock-priority': [500, 500],
                  'native-priority': [975, 975]})
    cells = cells_of(report, row, report('table').RATE)
    assert cells['stock-priority'] == '500 /s 5.00x, slower: 0.50x stock-0.1ms'
    assert cells['native-priority'] == '975 /s 9.75x'  # within the noise
    assert cells['stock'] == '100 /s'
    assert 'slower' not in cells['stock-0.1ms']


def test_ours_slower_than_stock_alone_says_so(report, row_of):
    row = row_of({'stock': [100], 'native-priority': [90]})
    cells = cells_of(report, row, report('table').RATE)
    assert cells['native-priority'] == '90.0 /s 0.90x, slower: 0.90x stock'


@pytest.mark.parametrize('stock, ours', [
    ([100, 100, 10], [90, 90, 100]),  # by the ratios of most runs
    ([10, 100, 100], [100, 50, 60])])  # by the medians
def test_ours_slower_in_one_way_say_so(report, row_of, stock, ours):
    row = row_of({'stock': stock, 'native-priority': ours})
    cells = cells_of(report, row, report('table').RATE)
    assert 'slower' in cells['native-priority']


def test_ours_where_stock_did_nothing_are_not_slower(report, row_of):
    row = row_of({'stock': [0], 'native-priority': [5]})
    assert report('slower').worst(row, 'native-priority', ['stock']) is None


def test_each_quantile_that_is_later_says_so(report, row_of):
    row = row_of({'stock': [1], 'native-priority': [1]}, **{
        'stock': {'p50_us': 10, 'p99_us': 2000, 'max_us': 9000},
        'native-priority': {'p50_us': 11, 'p99_us': 1000, 'max_us': 9900}})
    cells = cells_of(report, row, report('table').LATE)
    assert cells['stock'] == '10.0 us / 2.00 ms / 9.00 ms'
    assert cells['native-priority'] == (
        '11.0 us slower / 1.00 ms / 9.90 ms slower')


class Scripts:
    """In place of the real ones: each answers the same figures."""

    raw = ()

    def __init__(self, variants):
        self.possible = variants
        self.asked = []

    def variants(self):
        return dict.fromkeys(self.possible)

    def threaded(self, script, *arguments, kind, cpus, seconds):
        self.asked.append((script, *arguments, kind))
        assert cpus == 'free' and seconds > 0
        return {'per_s': 10, 'p50_us': 1, 'p99_us': 2, 'max_us': 3,
                'kept': 40, 'spread': 0.9, 'cpu_us_per_op': 5, 'least_ns': 7}


@pytest.mark.parametrize('variants', [
    ('stock', 'stock-0.1ms', 'stock-priority', 'native-priority'),
    ('stock', 'stock-0.1ms')])
def test_matrix_has_each_case_beside_each_number(report, capsys, variants):
    scripts = Scripts(variants)
    plan = report('python_cases').FULL
    tables, rows = report('python_part')._matrix('Python', scripts, plan)
    cases = {words[1 + words.index('--case')]: words[0]
             for words in scripts.asked}
    assert [case for case in cases if cases[case] == 'beside.py'] == [
        'udp', 'tcp', 'pipes', 'condition', 'executor', 'to-thread', 'sleep',
        'tick']
    for case, script in cases.items():
        asked = [words for words in scripts.asked if case in words]
        assert {words[-1] for words in asked} == {
            name for name in variants
            if script != 'overhead.py' or name != 'stock-0.1ms'}
        numbers = {'beside.py': (0, 1, 2, 3, 8, 16),
                   'complaints.py': (1, 16)}.get(script)
        if numbers:
            assert {int(words[1 + words.index('--beside')])
                    for words in asked} == set(numbers)
            assert len(asked) == 5 * len(numbers) * len(variants)
    assert all(f'beside {n}' in ''.join(tables) for n in (1, 2, 3, 8, 16))
    assert capsys.readouterr().out


def test_servers_have_every_variant_and_number(report):
    cases = report('server_cases')
    names = report('matrix_cases').VARIANTS
    found = cases.make_cases(cases.FULL.servers, ('ab', 'wrk'), names,
                             cases.FULL)
    assert {(case.title, case.burners) for case in found} == {
        (server, burners) for burners in (0, 1, 2) for server in (
            'pool', 'threading', 'waitress', 'cheroot', 'gunicorn', 'asgi')}
    assert all(case.variants == list(names) for case in found)
    beside = [row for case in found for row in case.rows()
              if 'ab -c 10 beside' in row.case]
    assert len(beside) == 12 and all(len(row.targets) == 2 for row in beside)


def test_prefix_is_put_before_what_measures(report, monkeypatch):
    monkeypatch.setenv('PPT_BENCH_PREFIX', "env 'A=b c'")
    pybench = importlib.reload(report('pybench'))
    called = []
    monkeypatch.setattr(pybench, 'run', lambda command, limit:
                        called.append(command) or '{}')
    pybench.Pybench('python', 'scripts', None).threaded(
        'x.py', kind='stock', cpus='free', seconds=1)
    assert called[0][:3] == ['env', 'A=b c', 'python']
    monkeypatch.delenv('PPT_BENCH_PREFIX')
    assert importlib.reload(pybench).PREFIX == []


SETUP = '''
ppt_need()
{
    case "$*" in *%s*) exit 1 ;; esac
}
'''


@pytest.fixture
def bench_run(tmp_path, monkeypatch):
    """Runs a copy of bench/run; says what the report is called with."""
    (tmp_path / 'bench' / 'report').mkdir(parents=True)
    shutil.copy(BENCH / 'run', tmp_path / 'bench')
    (tmp_path / 'bench' / 'report' / '__main__.py').write_text(
        'import sys; print("report", *sys.argv[1:])')
    monkeypatch.setenv('PATH', str(tmp_path), prepend=':')
    monkeypatch.delenv('PPT_BUILD_DIR', raising=False)

    def run(*parts, lacks='nothing', meson='', ninja=''):
        (tmp_path / 'bench' / 'setup.sh').write_text(SETUP % lacks)
        program(tmp_path, 'meson', meson)
        program(tmp_path, 'ninja', ninja)
        done = subprocess.run(['sh', tmp_path / 'bench' / 'run', *parts],
                              capture_output=True, text=True, timeout=60)
        last = done.stdout.splitlines()[-1].split()
        assert last[0] == 'report', done.stderr
        return last[1:]

    return run


@pytest.mark.parametrize('trouble', [
    {'lacks': 'hyperfine'}, {'meson': 'exit("no compiler")'},
    {'ninja': 'exit(1)'}])
def test_c_that_cannot_be_built_does_not_end_the_others(bench_run, trouble):
    arguments = bench_run(**trouble)
    assert '--python' in arguments and '--server' in arguments
    assert '--c' not in arguments
    assert arguments[arguments.index('--failed') + 1] == 'c'


def test_what_is_built_is_reported(bench_run):
    arguments = bench_run('c', 'python')
    assert '--c' in arguments and '--python' in arguments
    assert '--server' not in arguments and '--failed' not in arguments


def test_part_that_could_not_be_built_is_status_1(tmp_path):
    done = subprocess.run([sys.executable, '-B', BENCH / 'report',
                           '--failed', 'c', tmp_path],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == 'bench/run: c could not be built\n'


@pytest.mark.parametrize('values', [[0.16, 40200], [55, 56], [3e5, 7e6], []])
def test_every_bar_of_a_chart_is_above_the_axis(report, values):
    low, high = report('chart').decades(values)
    assert all(2 * low <= value <= high / 10 for value in values)
    assert low < high


def test_each_plot_has_the_axis_of_its_own_data():
    for script in (BENCH / 'report').glob('*.gp'):
        text = script.read_text()
        axes = re.findall(r'^set yrange \[(\w+)_low:\1_high\]$', text, re.M)
        assert axes == re.findall(r'^plot [^$]*\$(\w+) [^"]*xtic\(1\)', text,
                                  re.M)
