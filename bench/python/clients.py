# SPDX-License-Identifier: MIT
"""The HTTP clients: what each is called with, and what it prints."""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass

GRACE = 60  # seconds a client may take beyond what it was asked for
MOST = 1_000_000  # requests; ab takes memory for as many
MS = {'us': 1e-3, 'ms': 1, 's': 1e3, 'm': 6e4, 'h': 36e5}


class ClientError(Exception):
    """Not every request was answered, and with status 200."""


@dataclass
class Answers:
    """How fast a server was."""

    requests: int
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    max_ms: float


def _find(pattern, text):
    """What the groups of the pattern matched."""
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise ClientError(f'printed nothing like {pattern!r}')
    return found.groups()


def _answered(requests):
    if int(requests) == 0:
        raise ClientError('nothing was answered')
    return int(requests)


def _complain(complaints):
    """Raise an error for any (what went wrong, number) but 0."""
    wrong = [f'{number} {what.lower()}' for what, number in complaints
             if int(number)]
    if wrong:
        raise ClientError(', '.join(wrong))


def parse_ab(text, percentiles):
    """What ab printed, and wrote with -e."""
    _complain(re.findall(
        r'^(Failed requests|Write errors|Non-2xx responses): +(\d+)', text,
        re.MULTILINE))
    requests, = _find(r'^Complete requests: +(\d+)', text)
    count = _answered(requests)
    rate, = _find(r'^Requests per second: +([\d.]+)', text)
    p50, = _find(r'^50,([\d.]+)', percentiles)
    # They grow, but 0 is where an answer beyond the last of few would be.
    p99, most = (max(map(float, re.findall(pattern, percentiles,
                                           re.MULTILINE)))
                 for pattern in (r'^\d\d?,([\d.]+)', r'^\d+,([\d.]+)'))
    return Answers(count, float(rate), float(p50), p99, most)


def parse_wrk(text):
    """What wrk --latency printed."""
    for line in re.findall(r'^ +Socket errors: (.*)', text, re.MULTILINE):
        _complain((f'{what} errors', number) for what, number
                  in re.findall(r'(\w+) (\d+)', line))
    _complain(re.findall(r'(Non-2xx) or 3xx responses: (\d+)', text))
    requests, = _find(r'^ +(\d+) requests in ', text)
    count = _answered(requests)
    rate, = _find(r'^Requests/sec: +([\d.]+)', text)
    number = r'([\d.]+)([a-z]+)'
    times = [_find(rf'^ +{percent}% +{number}$', text)
             for percent in (50, 99)]
    times.append(_find(rf'^ +Latency +\S+ +\S+ +{number}', text))
    return Answers(count, float(rate),
                   *(float(value) * MS[unit] for value, unit in times))


def _output(command, seconds):
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=seconds + GRACE)
    except subprocess.TimeoutExpired:
        raise ClientError(f'no end after {seconds + GRACE} s') from None
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise ClientError(lines[-1] if lines else
                          f'status {done.returncode}')
    return done.stdout


def _ab(url, parallel, seconds):
    """A connection for each request."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'percentiles.csv')
        text = _output(['ab', '-q', '-t', str(seconds), '-n', str(MOST),
                        '-c', str(parallel), '-s', str(GRACE), '-e', path,
                        url], seconds)
        percentiles = ''
        if os.path.exists(path):
            with open(path, encoding='utf-8') as file:
                percentiles = file.read()
    return parse_ab(text, percentiles)


def _wrk(url, parallel, seconds):
    """Connections that are kept where the server keeps them."""
    return parse_wrk(_output(
        ['wrk', '--threads', '1', '--connections', str(parallel),
         '--duration', f'{seconds}s', '--timeout', f'{GRACE}s', '--latency',
         url], seconds))


# Each with Debian's package.
CLIENTS = {'ab': (_ab, 'apache2-utils'), 'wrk': (_wrk, 'wrk')}


def lacks(name):
    """The package that has to be installed first; None where it is."""
    return None if shutil.which(name) else CLIENTS[name][1]


def run(name, url, parallel, seconds):
    """The answers to so many requests at a time, for so long."""
    try:
        return CLIENTS[name][0](url, parallel, seconds)
    except (ClientError, OSError) as error:
        raise ClientError(f'{name}, {parallel} parallel: {error}') from None
