"""Count the test cases of all builds: the last words of tests/run.

tally.py BUILD...   folders of builds, and of JUnit files; one without either
                    did not succeed
"""
import json
import pathlib
import re
import sys
import xml.etree.ElementTree

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


def verdict(case):
    """(passed, what) of a test case in JUnit's XML; None if skipped."""
    if case.find('skipped') is not None:
        return None
    name = f'{case.get("classname")}: {case.get("name")}'
    return case.find('failure') is None and case.find('error') is None, name


def from_meson(build):
    """The cases of a build by meson, (passed, what), or None if skipped."""
    for test in logs(build):
        if test['result'] == 'SKIP':
            yield None
            continue
        name = test['name'].split(' / ')[-1]
        for good, what in cases(test):
            yield good, f'{name}: {what}'


def from_junit(folder):
    """The same from JUnit files: name.xml of what name was about."""
    for path in sorted(folder.glob('*.xml')):
        root = xml.etree.ElementTree.parse(path).getroot()
        for case in root.iter('testcase'):
            result = verdict(case)
            yield result and (result[0], f'{path.stem}: {result[1]}')


def main(*builds):
    passed = skipped = 0
    failed = []
    for build in map(pathlib.Path, builds):
        results = [*from_meson(build), *from_junit(build)]
        if not results:
            failed.append(f'{build.name}: nothing was tested')
        for result in results:
            if result is None:
                skipped += 1
            elif result[0]:
                passed += 1
            else:
                failed.append(f'{build.name}: {result[1]}')
    for line in failed:
        print('FAILED', line)
    print(f'{passed} passed, {len(failed)} failed'
          + (f', {skipped} skipped' if skipped else ''))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
