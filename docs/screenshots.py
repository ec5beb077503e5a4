# SPDX-License-Identifier: MIT
"""Have Chromium draw each page of the site.

screenshots.py HTML TARGET
"""
import subprocess
import sys
import tempfile
from pathlib import Path

WIDTHS = [(1280, 4000), (390, 6000)]


def draw(page, width, height, target):
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            ['chromium', '--headless', '--no-sandbox', '--disable-gpu',
             '--hide-scrollbars', '--virtual-time-budget=5000',
             f'--user-data-dir={profile}', f'--window-size={width},{height}',
             f'--screenshot={target}', page.as_uri()],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            timeout=120)


def main(html, target):
    html, target = Path(html).resolve(), Path(target).resolve()
    target.mkdir(parents=True, exist_ok=True)
    for page in sorted(html.rglob('*.html')):
        name = str(page.relative_to(html).with_suffix('')).replace('/', '-')
        for width, height in WIDTHS:
            draw(page, width, height, target / f'{name}-{width}.png')
    print(target)


if __name__ == '__main__':
    main(*sys.argv[1:])
