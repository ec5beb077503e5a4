# SPDX-License-Identifier: MIT
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
SKIP = re.compile(r'(?:ok \d+|1\.\.0)\b.*# SKIP (?P<why>.*)')


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
    """(passed, what) of a test case in JUnit's XML; None: skipped."""
    if case.find('skipped') is not None:
        return None, ''
    name = f'{case.get("classname")}: {case.get("name")}'
    return case.find('failure') is None and case.find('error') is None, name


def skips(test):
    """Why cases of a program, or all of it, were skipped."""
    lines = test['stdout'].splitlines()
    found = [match['why'] for match in map(SKIP.match, lines) if match]
    return found or (lines[-1:] or ['skipped']) * (test['result'] == 'SKIP')


def from_meson(build):
    """The cases of a build by meson: (passed, what); None: skipped."""
    for test in logs(build):
        name = test['name'].split(' / ')[-1]
        for why in skips(test):
            yield None, f'{name}: {why}'
        if test['result'] != 'SKIP':
            for good, what in cases(test):
                yield good, f'{name}: {what}'


def from_junit(folder):
    """The same from JUnit files: name.xml of what name was about; what is
    skipped is not named, there is much of it."""
    for path in sorted(folder.glob('*.xml')):
        root = xml.etree.ElementTree.parse(path).getroot()
        for case in root.iter('testcase'):
            good, what = verdict(case)
            yield good, what and f'{path.stem}: {what}'


def main(*builds):
    passed = skipped = 0
    failed = []
    for build in map(pathlib.Path, builds):
        results = [*from_meson(build), *from_junit(build)]
        if not results:
            failed.append(f'{build.name}: nothing was tested')
        for good, what in results:
            if good is None:
                skipped += 1
                if what:
                    print(f'SKIPPED {build.name}: {what}')
            elif good:
                passed += 1
            else:
                failed.append(f'{build.name}: {what}')
    for line in failed:
        print('FAILED', line)
    print(f'{passed} passed, {len(failed)} failed'
          + (f', {skipped} skipped' if skipped else ''))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
