"""The style sheet of report.html: light and dark, from 320 pixels up, and on paper. No font or picture is fetched."""

STYLE = """
:root { color-scheme: light dark; --page: #f6f7f9; --panel: #fff; --ink: #16191f; --quiet: #5a6372; --edge: #dfe3e9;
  --first: #2257c5; --second: #b3470c; --good: #116b3c; --warn: #8a5300; --warn-page: #fff6e3; --mark: #ffe9a8; }
@media (prefers-color-scheme: dark) { :root { --page: #101318; --panel: #191d24; --ink: #e8ebf0; --quiet: #a0a9b8;
  --edge: #303743; --first: #7fa8ff; --second: #ffab70; --good: #6fd39b; --warn: #f2bf6b; --warn-page: #2a2416;
  --mark: #5a4a12; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); overflow-wrap: anywhere;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 32px 20px 56px; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 44px 0 12px; }
h3 { font-size: 1rem; margin: 0 0 8px; }
header p { max-width: none; }
p { margin: 0 0 12px; max-width: 90ch; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .85rem; }
code { overflow-wrap: anywhere; }
.quiet { color: var(--quiet); }
.small { font-size: .85rem; }
.banner { background: var(--warn-page); border-left: 4px solid var(--warn); padding: 12px 16px; border-radius: 4px;
  margin: 20px 0 0; max-width: none; }
.panel { background: var(--panel); border: 1px solid var(--edge); border-radius: 10px; padding: 18px 20px; margin: 0;
  min-width: 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(230px, 1fr)); gap: 12px; margin: 24px 0 0; }
.tile { padding: 14px 16px; }
.tile dt { color: var(--quiet); font-size: .85rem; }
.tile dd { margin: 0; }
.tile .value { font-size: 1.6rem; line-height: 1.3; font-weight: 650; font-variant-numeric: tabular-nums; }
.tile .quiet { font-size: .82rem; line-height: 1.35; }
.packed { columns: 430px 2; column-gap: 16px; }
.packed > .panel { break-inside: avoid; margin-bottom: 16px; }
.two { display: grid; align-items: start; gap: 16px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 430px), 1fr)); }
figcaption h3 { margin: 0; }
figcaption { display: flex; flex-wrap: wrap; gap: 4px 16px; align-items: baseline; justify-content: space-between;
  margin-bottom: 16px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: .85rem; color: var(--quiet); }
.legend b { color: var(--ink); font-variant-numeric: tabular-nums; }
.legend i { display: inline-block; width: 14px; height: 0; border-top: 3px solid; vertical-align: middle;
  margin-right: 6px; }
.legend .first { color: var(--first); } .legend .second { color: var(--second); }
.legend .best { color: var(--good); border-top-style: dotted; }
.plot { position: relative; height: 230px; margin: 0 10px 26px 52px; }
.plot svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; }
.plot span { position: absolute; font-size: .78rem; color: var(--quiet); font-variant-numeric: tabular-nums;
  white-space: nowrap; line-height: 1; }
.plot .y { right: 100%; margin-right: 10px; transform: translateY(-50%); }
.plot .x { top: 100%; margin-top: 10px; transform: translateX(-50%); }
path { fill: none; vector-effect: non-scaling-stroke; stroke-linejoin: round; stroke-linecap: round; }
path.grid { stroke: var(--edge); stroke-width: 1px; }
path.line { stroke-width: 2px; }
path.dot { stroke-width: 8px; }
path.first { stroke: var(--first); } path.second { stroke: var(--second); }
path.best { stroke: var(--good); stroke-width: 1.5px; stroke-dasharray: 1 5; }
rect.track { fill: var(--edge); opacity: .55; } rect.bar { fill: var(--first); }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; padding: 6px 12px 6px 0; vertical-align: top; border-top: 1px solid var(--edge);
  font-weight: 400; overflow-wrap: anywhere; }
tr:first-child > th, tr:first-child > td { border-top: 0; }
thead th { color: var(--quiet); font-size: .85rem; }
thead + tbody tr:first-child > * { border-top: 1px solid var(--edge); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; padding-right: 0;
  padding-left: 12px; }
.rows th { width: 34%; } .rows td.bars { width: 38%; vertical-align: middle; }
.rows { margin-bottom: 14px; }
.rows svg { display: block; width: 100%; height: 12px; border-radius: 3px; overflow: hidden; }
.rows td.number { white-space: normal; }
.scroll { overflow-x: auto; }
pre { margin: 4px 0 14px; padding: 10px 14px; background: var(--page); border: 1px solid var(--edge);
  border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere; }
.panel > :last-child:not(.plot) { margin-bottom: 0; }
.panel > ul { margin: 0; padding-left: 20px; }
.panel > ul li + li { margin-top: 6px; }
.example { padding: 12px 0; border-top: 1px solid var(--edge); display: grid; grid-template-columns: 84px 1fr;
  gap: 3px 12px; margin: 0; }
.example:first-of-type { border-top: 0; padding-top: 8px; }
.example dt { color: var(--quiet); font-size: .85rem; line-height: 1.75; }
.example dd.quiet { line-height: 1.75; }
.example dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
bdi { display: block; text-align: start; }
mark { background: var(--mark); color: inherit; border-radius: 3px; padding: 0 2px; }
.flaw { color: var(--warn); font-weight: 600; font-size: .85rem; }
details { margin-top: 16px; }
summary { cursor: pointer; color: var(--quiet); font-size: .92rem; }
summary:focus-visible, .scroll:focus-visible { outline: 2px solid var(--first); outline-offset: 2px; }
details[open] > summary { margin-bottom: 10px; }
ul.notices { list-style: none; padding: 0; margin: 0; }
ul.notices li { padding: 8px 0; border-top: 1px solid var(--edge); overflow-wrap: anywhere; }
ul.notices li:first-child { border-top: 0; padding-top: 0; }
ul.notices li:last-child { padding-bottom: 0; }
footer { margin-top: 44px; color: var(--quiet); font-size: .85rem; }
@media (max-width: 520px) {
  main { padding: 20px 14px 40px; }
  h2 { margin-top: 34px; }
  .panel { padding: 14px; }
  .tiles { grid-template-columns: 1fr 1fr; gap: 8px; }
  .tile .value { font-size: 1.35rem; }
  .plot { height: 190px; margin-left: 44px; }
  .example { grid-template-columns: 1fr; gap: 0; }
  .example dd + dt { margin-top: 4px; }
  .rows tr { display: grid; grid-template-columns: auto 1fr; gap: 0 12px; padding: 6px 0;
    border-top: 1px solid var(--edge); }
  .rows tr:first-child { border-top: 0; }
  .rows th, .rows td, .rows td.bars { width: auto; border: 0; padding: 0; }
  .rows td.bars { grid-row: 2; grid-column: 1 / -1; padding: 4px 0 2px; }
}
@media print { body { background: #fff; } .panel, figure { break-inside: avoid; } }
"""
