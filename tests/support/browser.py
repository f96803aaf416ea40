"""A headless Chromium, which renders a page like a reader's browser."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 120

PROBE = """
<script>
const linear = v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
const luminance = c => { const f = c.map(v => linear(v / 255));
  return .2126 * f[0] + .7152 * f[1] + .0722 * f[2] };
const numbers = c => (c.match(/[\\d.]+/g) || []).map(Number);
const behind = e => { for (; e; e = e.parentElement) { const c = numbers(getComputedStyle(e).backgroundColor);
  if (c.length === 3 || c[3] > 0) return c.slice(0, 3) } return [255, 255, 255] };
const probe = w => {
  const faint = [], d = w.document;
  for (const e of d.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || ['STYLE', 'SCRIPT', 'title'].includes(e.tagName)) continue;  // title: what the mouse brings up
    const style = w.getComputedStyle(e);
    const ink = numbers(e instanceof w.SVGElement ? style.fill : style.color).slice(0, 3);
    const a = luminance(ink), b = luminance(behind(e)), ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) faint.push([e.textContent.trim().slice(0, 40), ratio]);
  }
  const wide = [...d.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth + 1).length;
  return { faint, width: w.innerWidth, page: d.documentElement.scrollWidth, wide,
    texts: d.querySelectorAll('svg text').length, height: d.documentElement.scrollHeight };
};
addEventListener('load', () => {
  const found = Object.fromEntries([...document.querySelectorAll('iframe')].map(f => [f.id, probe(f.contentWindow)]));
  document.querySelector('#found').textContent = JSON.stringify(found);
});
</script>
"""


def chromium() -> str:
    """The program; if it is missing, the test fails in CI and is skipped elsewhere."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    missing = f"none of {', '.join(NAMES)} is installed: apt-get install chromium"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


def look(page: Path, folder: Path) -> dict[str, Any]:
    """Measurements of the rendered page on a screen (``wide``) and a phone (``phone``): contrast and widths."""
    text = re.sub(r"<meta http-equiv=[^>]*>", "", page.read_text(encoding="utf-8"))
    frames = "".join(
        f'<iframe id="{name}" style="width:{width}px;height:900px" srcdoc="{html.escape(text)}"></iframe>'
        for name, width in (("wide", 1200), ("phone", 390))
    )
    around = folder / "around.html"
    around.write_text(f"<!doctype html><meta charset=utf-8><pre id=found></pre>{PROBE}{frames}", encoding="utf-8")
    done = run(folder, "--window-size=1700,1000", "--virtual-time-budget=5000", "--dump-dom", around.as_uri())
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr
    return dict(json.loads(html.unescape(found[1])))


def console(page: Path, folder: Path) -> list[str]:
    """The console output of the page: errors, refused resources, violations of its policy."""
    done = run(folder, "--enable-logging=stderr", "--v=0", "--dump-dom", page.as_uri())
    return [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def printed_pages(page: Path, folder: Path) -> int:
    """The number of printed pages."""
    target = folder / "printed.pdf"
    run(folder, "--no-pdf-header-footer", f"--print-to-pdf={target}", page.as_uri())
    return len(re.findall(rb"/Type\s*/Page\b", target.read_bytes()))


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the browser with a new profile and without network access."""
    command = [chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"]
    profile = f"--user-data-dir={folder / 'profile'}"
    return subprocess.run(
        [*command, profile, *options], capture_output=True, text=True, timeout=PATIENCE, check=True, cwd=folder
    )
