"""bench/run and bench/report: what they make of programs that fail."""
import importlib
import importlib.util
import json
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
