"""What the page of a comparison needs beside the common style sheet: a table that becomes cards, texts side by side."""

STYLE = """
.verdict ul { margin: 0; padding-left: 20px; } .verdict li + li { margin-top: 6px; }
.verdict li:first-child { font-size: 1.08rem; font-weight: 600; list-style: none; margin-left: -20px; }
table.results th[scope=row] { font-weight: 600; min-width: 160px; }
table.results th[scope=row] small { font-weight: 400; }
table.results td.number { white-space: nowrap; }
table.results th i { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 7px;
  background: var(--own); }
table.results small { display: block; color: var(--quiet); font-size: .78rem; }
.state { white-space: nowrap; } .state.lost { color: var(--bad); font-weight: 600; }
.sample { margin: 0 0 16px; }
.sample dl { display: grid; grid-template-columns: minmax(90px, max-content) 1fr; gap: 4px 14px; margin: 0; }
.sample dt { color: var(--quiet); font-size: .85rem; line-height: 1.75; overflow-wrap: anywhere; max-width: 220px; }
.sample dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
.sample dt small { display: block; font-size: .78rem; line-height: 1.3; }
.sample .original { padding-bottom: 6px; border-bottom: 1px solid var(--edge); }
.two + .two { margin-top: 16px; }
.pairs span { white-space: nowrap; }
.pairs li, .panel ul li + li { margin-top: 6px; }
.panel details:first-child { margin-top: 0; }
details + p { margin-top: 16px; }
@media (min-width: 1240px) { main { max-width: 1220px; } }
@media (min-width: 1400px) { main { max-width: 1560px; } }
@media (max-width: 1080px) {
  table.results thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table.results, table.results tbody, table.results tr, table.results td, table.results th { display: block; }
  table.results tr { padding: 10px 0; border-top: 1px solid var(--edge); }
  table.results tbody tr:first-child { border-top: 0; padding-top: 0; }
  table.results tbody tr > th, table.results tbody tr:first-child > *, table.results tbody tr > td { border: 0;
    padding: 2px 0; }
  table.results td { display: flex; justify-content: space-between; gap: 12px; text-align: right; white-space: normal; }
  table.results td::before { content: attr(data-label); color: var(--quiet); font-size: .85rem; text-align: left; }
}
@media (max-width: 760px) {
  .sample dl { grid-template-columns: 1fr; gap: 0; }
  .sample dt { max-width: none; margin-top: 6px; }
  .sample dt small { display: inline; margin-left: 6px; }
  .sample .original { border: 0; padding: 0; }
}
"""
