-- How the report looks: light and dark, on screen and on paper.  Colour is never
-- the only sign of anything.

CREATE FUNCTION jhub_authz._report_style() RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN $css$
:root {
  color-scheme: light dark;
  --paper: #fdfcf9; --ink: #1f1e1b; --soft: #5d5a52; --line: #dcd8cd; --panel: #f4f1ea; --accent: #0b5560;
  --critical: #8c1d18; --high: #8a4300; --medium: #655100; --low: #35582f; --info: #4f4c45;
  --heat1: #dcebed; --heat2: #b3d3d8; --heat3: #7fb4bc; --heat4: #0b5560; --on4: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #171714; --ink: #edebe5; --soft: #b4b0a5; --line: #3b3934; --panel: #21201d; --accent: #86cbd5;
    --critical: #ffa297; --high: #f6b56d; --medium: #dfc766; --low: #abd2a3; --info: #c5c1b6;
    --heat1: #1d3438; --heat2: #26494f; --heat3: #33656d; --heat4: #86cbd5; --on4: #10201f;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", "DejaVu Sans", Arial, sans-serif; font-variant-numeric: tabular-nums; }
header, main, footer { max-width: 1120px; margin: 0 auto; padding: 0 32px; }
header { padding-top: 48px; }
a { color: var(--accent); text-underline-offset: 3px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.kicker, th, .tile > span, .meta dt { color: var(--soft); font-size: 12px; letter-spacing: .04em; font-weight: 600; }
h1 { font-size: 34px; line-height: 1.15; letter-spacing: -.02em; font-weight: 650; margin: 4px 0 16px; }
h2 { font-size: 21px; line-height: 1.25; letter-spacing: -.01em; font-weight: 650; margin: 0 0 6px; }
h3 { font-size: 15px; font-weight: 650; margin: 28px 0 2px; }
h2 + p, h3 + p { margin-top: 0; }
p { max-width: 72ch; margin: 0 0 14px; }
.soft { color: var(--soft); }
code, .name { overflow-wrap: anywhere; }
code { font: .92em/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.meta { display: flex; flex-wrap: wrap; gap: 6px 32px; margin: 0 0 28px; padding: 0; }
.meta div { min-width: 0; }
.meta dt { margin: 0; } .meta dd { margin: 0; overflow-wrap: anywhere; }
nav { border-block: 1px solid var(--line); padding: 10px 0; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 22px; margin: 0; padding: 0; }
section { padding: 40px 0 8px; }
section + section { border-top: 1px solid var(--line); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(124px, 1fr)); border: solid var(--line); border-width: 1px 0 0 1px; margin: 18px 0 24px; padding: 0; list-style: none; }
.tile { border: solid var(--line); border-width: 0 1px 1px 0; padding: 14px 16px; }
.tile b { display: block; font-size: 27px; line-height: 1.15; font-weight: 600; letter-spacing: -.02em; }
.tile > span { letter-spacing: 0; font-weight: 500; font-size: 13px; }
.tile > .sev { font-weight: 650; }
.tile > .critical { color: var(--critical); } .tile > .high { color: var(--high); } .tile > .medium { color: var(--medium); } .tile > .low { color: var(--low); } .tile > .info { color: var(--info); }
.scroll { overflow-x: auto; margin: 10px 0 18px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
caption { text-align: left; color: var(--soft); padding: 0 0 6px; }
th, td { text-align: left; vertical-align: top; padding: 7px 18px 7px 0; border-bottom: 1px solid var(--line); }
thead th { border-bottom: 2px solid var(--ink); vertical-align: bottom; white-space: nowrap; }
tbody th { color: var(--ink); font-weight: 600; font-size: 14px; letter-spacing: 0; }
tbody th .soft { font-weight: 400; }
td:last-child, th:last-child { padding-right: 0; }
td.n, th.n { text-align: right; white-space: nowrap; }
td.t { white-space: nowrap; }
td { overflow-wrap: break-word; } td.name { min-width: 9em; } td code { display: inline-block; min-width: 15em; }
tr.more td { color: var(--soft); border-bottom: 0; }
.sev { white-space: nowrap; font-weight: 650; }
.sev i { font-style: normal; letter-spacing: -1px; margin-right: 7px; }
.critical { color: var(--critical); } .high { color: var(--high); } .medium { color: var(--medium); } .low { color: var(--low); } .info { color: var(--info); }
.finding { border-left: 4px solid; padding-left: 16px; margin: 30px 0 0; border-color: currentColor; }
.finding > * { color: var(--ink); } .finding > p.soft { color: var(--soft); }
.finding h3 { margin: 0 0 2px; display: flex; flex-wrap: wrap; gap: 2px 12px; align-items: baseline; }
.finding h3 .sev { font-size: 13px; }
.finding.critical .sev { color: var(--critical); } .finding.high .sev { color: var(--high); } .finding.medium .sev { color: var(--medium); } .finding.low .sev { color: var(--low); } .finding.info .sev { color: var(--info); }
table.heat { width: auto; font-size: 13px; }
table.heat th, table.heat td { border-bottom: 1px solid var(--paper); padding: 0; }
table.heat thead th { border-bottom: 0; font-weight: 500; letter-spacing: 0; color: var(--ink); }
table.heat thead th div { writing-mode: vertical-rl; transform: rotate(180deg); padding: 6px 0; margin: 0 auto; line-height: 1.2; }
table.heat tbody th { font-weight: 500; font-size: 13px; padding: 3px 14px 3px 0; max-width: 240px; position: sticky; left: 0; background: var(--paper); overflow-wrap: anywhere; }
table.heat td { min-width: 34px; text-align: center; vertical-align: middle; border-left: 1px solid var(--paper); background: var(--panel); color: var(--ink); }
table.heat td.members { background: none; color: var(--soft); text-align: right; padding-right: 12px; }
table.heat .h1 { background: var(--heat1); } table.heat .h2 { background: var(--heat2); } table.heat .h3 { background: var(--heat3); }
table.heat .h4 { background: var(--heat4); color: var(--on4); font-weight: 650; }
.key { display: flex; flex-wrap: wrap; gap: 6px 20px; list-style: none; padding: 0; margin: 0 0 12px; font-size: 13px; color: var(--soft); }
figure { margin: 12px 0 14px; }
figcaption { color: var(--soft); font-size: 13px; margin-bottom: 4px; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { fill: var(--ink); font-size: 12px; } svg text.soft { fill: var(--soft); }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .line { fill: none; stroke: var(--accent); stroke-width: 2; stroke-linejoin: round; }
svg .l2 { stroke: var(--high); stroke-dasharray: 7 4; } svg .l3 { stroke: var(--soft); stroke-dasharray: 2 3; }
svg .bar { fill: var(--heat3); } svg .bar.b2 { fill: var(--critical); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 8px 40px; }
footer { color: var(--soft); font-size: 13px; padding-top: 18px; padding-bottom: 56px; }
@media (max-width: 640px) {
  header, main, footer { padding-left: 18px; padding-right: 18px; }
  header { padding-top: 28px; } h1 { font-size: 27px; } section { padding-top: 30px; }
  .finding { padding-left: 12px; }
}
@media print {
  :root { color-scheme: light; --paper: #fff; --ink: #000; --soft: #444; --line: #bbb; --panel: #f2f2f2; --accent: #0b5560;
    --critical: #8c1d18; --high: #8a4300; --medium: #655100; --low: #35582f; --info: #4f4c45;
    --heat1: #dcebed; --heat2: #b3d3d8; --heat3: #7fb4bc; --heat4: #0b5560; --on4: #ffffff; }
  @page { size: A4; margin: 16mm 14mm 18mm; @bottom-right { content: counter(page) " / " counter(pages); font: 8pt system-ui, sans-serif; color: #444; } }
  body { font-size: 10pt; } table, table.heat, table.heat tbody th { font-size: 8.5pt; }
  header, main, footer { max-width: none; padding-left: 0; padding-right: 0; } header { padding-top: 0; }
  nav { display: none; } section { padding-top: 18pt; } .scroll { overflow: visible; }
  table.heat tbody th { position: static; } table.heat td { min-width: 20px; } table.heat { font-size: 7.5pt; }
  thead { display: table-header-group; } tr, figure, .tile, h3 { break-inside: avoid; } h2, h3, caption, .finding > p, .key, thead { break-after: avoid; }
  th, td { padding: 3px 10px 3px 0; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
$css$;
COMMENT ON FUNCTION jhub_authz._report_style() IS 'style sheet of report_html';
REVOKE ALL ON FUNCTION jhub_authz._report_style() FROM PUBLIC;
