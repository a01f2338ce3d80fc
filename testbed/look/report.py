"""report_html() in a real browser: does it render, alone, everywhere, for everybody?

    report.py FOLDER      pictures go there

Run by testbed/look/run in the environment of a server.
"""

import os
import re
import sys

import hubs
from browser import Browser

passed = failed = 0


def check(good, what, why=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"not ok: {what}: {str(why)[:1500]}", flush=True)


# What of the page could load, run or send something
FOREIGN = """
[...document.querySelectorAll('*')].filter(e =>
    ['SCRIPT', 'IMG', 'IFRAME', 'OBJECT', 'EMBED', 'LINK', 'FORM', 'BASE', 'VIDEO', 'AUDIO'].includes(e.tagName)
    || [...e.attributes].some(a => a.name.startsWith('on') || a.name === 'src'
        || (a.name.endsWith('href') && !a.value.startsWith('#')) || /url\\(/.test(a.value))
).map(e => e.outerHTML.slice(0, 200))
"""

# Tables, pictures, regions and headings as a screen reader needs them
ACCESSIBLE = """
[...document.querySelectorAll('table')].filter(t => !t.caption || !t.tHead).map(t => 'no caption: ' + t.outerHTML.slice(0, 100))
.concat([...document.querySelectorAll('th')].filter(t => !t.scope).map(t => 'no scope: ' + t.outerHTML.slice(0, 100)))
.concat([...document.querySelectorAll('svg')].filter(s => s.getAttribute('role') !== 'img' || !s.getAttribute('aria-label')).map(s => 'no label: ' + s.outerHTML.slice(0, 100)))
.concat([...document.querySelectorAll('.scroll')].filter(s => s.tabIndex !== 0 || !s.getAttribute('aria-label')).map(s => 'not reached by keyboard'))
.concat([...document.querySelectorAll('nav a')].filter(a => !document.querySelector(a.getAttribute('href'))).map(a => 'leads nowhere: ' + a.href))
.concat(document.documentElement.lang === 'en' ? [] : ['no language'])
.concat(document.querySelectorAll('h1').length === 1 ? [] : ['not one h1'])
.concat([...new Set([...document.querySelectorAll('[id]')].map(e => e.id))].length === document.querySelectorAll('[id]').length ? [] : ['an id twice'])
"""

# Texts whose contrast with what is behind them is below 4.5
CONTRAST = """
(() => {
  const parse = c => { const m = c.match(/[\\d.]+/g).map(Number); return m.length > 3 ? m : m.concat(1); };
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
      .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] > 0) return c; } return [255, 255, 255, 1]; };
  const poor = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || e.closest('style')) continue;
    const style = getComputedStyle(e);
    const a = light(parse(e instanceof SVGElement ? style.fill : style.color)), b = light(behind(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.add(ratio.toFixed(2) + ' ' + e.tagName + '.' + e.className + ' ' + walker.currentNode.data.slice(0, 40));
  }
  return [...poor];
})()
"""

# Boxes that stick out of the page without a region of their own that scrolls
OVERFLOW = """
(() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  return ['page ' + document.documentElement.scrollWidth].concat([...document.querySelectorAll('body *')]
    .filter(e => !e.parentElement.closest('.scroll') && e.getBoundingClientRect().right > width + 0.5).slice(0, 5)
    .map(e => e.outerHTML.slice(0, 150)));
})()
"""

VIEWS = [("light", 1280, "screen", "light"), ("dark", 1280, "screen", "dark"),
         ("narrow", 390, "screen", "light"), ("narrow-dark", 390, "screen", "dark"),
         ("print", 794, "print", "dark")]


def look(browser, name, folder, most):
    html = hubs.psql(name, "SELECT jhub_authz.report_html()")
    path = os.path.join(folder, f"{name}.html")
    with open(path, "wb") as file:
        file.write(html)
    check(all(byte < 128 for byte in html), f"{name}: ASCII, whatever the encoding")
    check(len(html) < most, f"{name}: no larger than {most}", len(html))
    for view, width, media, scheme in VIEWS:
        where = f"{name}, {view}"
        page = browser.page()
        page.look(width=width, media=media, scheme=scheme)
        page.open("file://" + path)
        check(page.evaluate("document.title") == "Access review: JupyterHub 5.5", f"{where}: title", page.evaluate("document.title"))
        check(page.evaluate("document.querySelectorAll('section h2').length") == 7, f"{where}: all of its sections",
              page.evaluate("[...document.querySelectorAll('section h2')].map(e => e.innerText)"))
        check(page.evaluate(FOREIGN) == [], f"{where}: nothing from elsewhere", page.evaluate(FOREIGN))
        check(page.evaluate(ACCESSIBLE) == [], f"{where}: accessible", page.evaluate(ACCESSIBLE))
        check(page.evaluate(CONTRAST) == [], f"{where}: contrast", page.evaluate(CONTRAST))
        if media == "screen":
            check(page.evaluate(OVERFLOW) == [], f"{where}: no wider than {width}", page.evaluate(OVERFLOW))
        check(page.evaluate("Math.max(...[...document.querySelectorAll('tbody')].map(b => b.rows.length), 0)") <= 26, f"{where}: 25 rows and what was left out")
        page.shot(os.path.join(folder, f"{name}-{view}.png"))
        check(page.requests() == ["file://" + path], f"{where}: one request", page.requests())
        check(page.complaints() == [], f"{where}: no complaint", page.complaints())
    page.pdf(os.path.join(folder, f"{name}.pdf"))
    with open(os.path.join(folder, f"{name}.pdf"), "rb") as file:
        pdf = file.read()
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    check(pdf.startswith(b"%PDF-") and 1 <= pages <= 60, f"{name}: prints", pages)
    return page


def names(page):
    """Every odd name is there as text, letter by letter."""
    text = page.evaluate("document.body.textContent")
    for odd in hubs.ODD:
        check(odd[:60] in text, f"the name {odd!r} is shown as it is")
    for odd in hubs.CONTROL:
        shown = re.sub("[\n\u202e\u200b]", "\ufffd", odd)
        check(shown in text and odd not in text, f"the name {odd!r} shows its control character")
    check(hubs.LONG[:60] + "\u2026" in text and hubs.LONG[:80] + "\u2026" in text, "a long name is cut")


def main():
    folder = sys.argv[1]
    hubs.odd("odd")
    hubs.big("big")
    hubs.empty("empty")
    browser = Browser()
    try:
        names(look(browser, "odd", folder, 400_000))
        page = look(browser, "big", folder, 400_000)
        check("more" in page.evaluate("document.querySelector('#groups').innerText"), "what the heat map leaves out is told")
        page = look(browser, "empty", folder, 60_000)
        check("No group gives its members a scope." in page.evaluate("document.body.innerText"), "an empty hub has an empty map")
        check("Nothing is shared." in page.evaluate("document.body.innerText"), "... and nothing shared")
    finally:
        browser.close()
    print(f"pictures: {folder}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed != 0)


main()
