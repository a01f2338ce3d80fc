"""graph_dot() in Graphviz and graph_mermaid() in Mermaid, with names that would break them.

    graphs.py FOLDER      pictures go there

What the picture shows is compared with what is asked of the text: every node, and
every odd name letter by letter.  Run by testbed/look/run in the environment of a
server; MERMAID_JS is npm's mermaid.min.js.
"""

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import hubs
from browser import Browser

passed = failed = 0
# lines of labels are cut at 80 characters
SHOWN = [odd for odd in hubs.ODD if len(odd) <= 80] + [re.sub("[\n\u202e\u200b]", "\ufffd", odd) for odd in hubs.CONTROL]


def check(good, what, why=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"not ok: {what}: {str(why)[:1500]}", flush=True)


def squeezed(text):
    return re.sub(r"\s+", " ", text).strip()


def graphviz(name, dot, folder, odd):
    with open(os.path.join(folder, f"{name}.dot"), "w", encoding="utf-8") as file:
        file.write(dot)
    done = subprocess.run(["dot", "-Tsvg"], input=dot.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
    check(done.returncode == 0 and done.stderr == b"", f"{name}: Graphviz says nothing", done.stderr.decode())
    with open(os.path.join(folder, f"{name}.svg"), "wb") as file:
        file.write(done.stdout)
    if done.returncode != 0:
        return
    root = ElementTree.fromstring(done.stdout)
    space = "{http://www.w3.org/2000/svg}"
    nodes = [g for g in root.iter(space + "g") if g.get("class") == "node"]
    edges = [g for g in root.iter(space + "g") if g.get("class") == "edge"]
    check(len(nodes) == len(re.findall(r"^  n\d+ \[", dot, re.M)), f"{name}: every node", len(nodes))
    check(len(edges) == len(re.findall(r"^  n\d+ -> n\d+", dot, re.M)), f"{name}: every line", len(edges))
    lines = {squeezed(text.text or "") for node in nodes for text in node.iter(space + "text")}
    for text in odd:
        check(squeezed(text) in lines, f"{name}: Graphviz shows {text!r}")
    subprocess.run(["dot", "-Tpng", "-o", os.path.join(folder, f"{name}-dot.png")], input=dot.encode(),
                   stderr=subprocess.DEVNULL, timeout=300)


DRAW = """
(async () => {
  mermaid.initialize({startOnLoad: false, securityLevel: 'strict', maxTextSize: 500000, maxEdges: 5000});
  const text = %s;
  await mermaid.parse(text);
  const {svg} = await mermaid.render('picture', text);
  document.body.innerHTML = svg;
  const label = e => { const copy = e.cloneNode(true); copy.querySelectorAll('br').forEach(b => b.replaceWith('\\n')); return copy.textContent; };
  return {
    nodes: [...document.querySelectorAll('.node')].map(e => e.id),
    edges: document.querySelectorAll('.edgePaths > path, .edgePaths .flowchart-link').length,
    lines: [...document.querySelectorAll('.node .nodeLabel, .node text')].flatMap(e => label(e).split('\\n')),
    foreign: [...document.body.querySelectorAll('script, img, iframe, a, input')].map(e => e.outerHTML),
    title: document.title,
  };
})()
"""


def mermaid(browser, name, text, folder, odd):
    with open(os.path.join(folder, f"{name}.mmd"), "w", encoding="utf-8") as file:
        file.write(text)
    page = browser.page()
    page.look(width=1600)
    page.open("about:blank")
    with open(os.environ["MERMAID_JS"], encoding="utf-8") as file:
        page.evaluate(file.read() + "\n;1")
    try:
        seen = page.evaluate(DRAW % json.dumps(text))
    except RuntimeError as error:
        check(False, f"{name}: Mermaid draws it", error)
        return
    page.shot(os.path.join(folder, f"{name}-mermaid.png"))
    wanted = len(re.findall(r"^  (?:n\d+|left)[^\w ]", text, re.M))
    check(len(seen["nodes"]) == wanted, f"{name}: every node in Mermaid", (len(seen["nodes"]), wanted))
    wanted = len(re.findall(r"^  n\d+ -->", text, re.M))
    check(seen["edges"] == wanted, f"{name}: every line in Mermaid", (seen["edges"], wanted))
    check(seen["foreign"] == [] and seen["title"] == "", f"{name}: nothing runs in Mermaid", seen["foreign"])
    check(page.requests() in ([], ["about:blank"]), f"{name}: Mermaid loads nothing", page.requests())
    complaints = [c for c in page.complaints() if '"type": "error"' in c or "exceptionDetails" in c]
    check(complaints == [], f"{name}: Mermaid has no complaint", complaints)
    lines = {squeezed(line.replace("\u2060", "")) for line in seen["lines"]}
    for line in odd:
        line = squeezed(re.sub("[\ufb02\xb6]", "\ufffd", line))     # see graph_write.c
        check(line in lines, f"{name}: Mermaid shows {line!r}", sorted(lines)[:40])


def main():
    folder = sys.argv[1]
    hubs.odd("odd")
    hubs.big("big", 300)
    browser = Browser()
    try:
        asked = [("hub", "odd", "'hub', NULL, 400", SHOWN), ("small", "odd", "'hub', NULL, 12", []),
                 ("server", "odd", "'server', 'alice/lab'", []), ("scope", "odd", "'scope', 'access:servers!group=physics', 300", SHOWN),
                 ("token", "odd", "'token', '6'", []), ("big", "big", "", [])]
        asked += [(f"user-{n}", "odd", f"'user', {hubs.literal(odd)}", [shown])
                  for n, (odd, shown) in enumerate(zip([o for o in hubs.ODD if len(o) <= 80] + hubs.CONTROL, SHOWN))]
        for name, database, call, odd in asked:
            graphviz(name, hubs.psql(database, f"SELECT jhub_authz.graph_dot({call})").decode(), folder, odd)
            mermaid(browser, name, hubs.psql(database, f"SELECT jhub_authz.graph_mermaid({call})").decode(), folder, odd)
        # a database of another encoding says the same in ASCII
        hubs.psql("postgres", "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
        hubs.psql("latin", "SET client_encoding = 'UTF8'", "CREATE EXTENSION jhub_authz", files=["../hub_schema.sql"])
        hubs.psql("latin", "SELECT jhub_authz.attach()")
        dot = hubs.psql("latin", "SELECT jhub_authz.graph_dot('user', 'zo' || chr(235))")
        check(all(byte < 128 for byte in dot), "LATIN1: ASCII")
        graphviz("latin", dot.decode(), folder, ["zoë"])
        mermaid(browser, "latin", hubs.psql("latin", "SELECT jhub_authz.graph_mermaid('user', 'zo' || chr(235))").decode(), folder, ["zoë"])
    finally:
        browser.close()
    print(f"pictures: {folder}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed != 0)


main()
