"""Count the test cases of all builds: the last words of tests/run.

tally.py BUILD...   folders of builds; one without a log did not succeed
"""
import json
import pathlib
import re
import sys

CASE = re.compile(r'(?P<verdict>ok|not ok) \d+ - (?P<words>.*)')


def cases(test):
    """(passed, what) of each case of a program, or of a single test."""
    found = [(match['verdict'] == 'ok', match['words'])
             for match in map(CASE.match, test['stdout'].splitlines())
             if match]
    passed = test['result'] in ('OK', 'EXPECTEDFAIL')
    if not found or passed != all(good for good, _ in found):
        found.append((passed, f'{test["result"]} ({test["returncode"]})'))
    return found


def logs(build):
    """The results of all tests of a build, as meson wrote them."""
    rows = []
    for log in (build / 'meson-logs').glob('testlog*.json'):
        with open(log, encoding='utf-8') as file:
            rows.extend(json.loads(line) for line in file)
    return rows


def main(*builds):
    passed = skipped = 0
    failed = []
    for build in map(pathlib.Path, builds):
        tests = logs(build)
        if not tests:
            failed.append(f'{build.name}: nothing was tested')
        for test in tests:
            if test['result'] == 'SKIP':
                skipped += 1
                continue
            results = cases(test)
            passed += sum(good for good, _ in results)
            name = test['name'].split(' / ')[-1]
            failed.extend(f'{build.name}: {name}: {what}'
                          for good, what in results if not good)
    for line in failed:
        print('FAILED', line)
    print(f'{passed} passed, {len(failed)} failed'
          + (f', {skipped} skipped' if skipped else ''))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
