"""The style sheet of the pages of experiments and comparisons: that of report.html, and what charts need beside it.

The six colours are those of Okabe and Ito (2008), which people with any kind of colour vision can tell apart, made
darker or lighter so that each stands out from the page by 3 to 1 or more.
"""

from polyglass.training.report_style import STYLE as REPORT_STYLE

STYLE = (
    REPORT_STYLE
    + """
:root { --s0: #0067a8; --s1: #b8480a; --s2: #00785a; --s3: #9c3d78; --s4: #5c5f66; --s5: #7d6000; --heat-full: #86b8e6;
  --bad: #a32626; }
@media (prefers-color-scheme: dark) { :root { --s0: #62b8f0; --s1: #f29a5e; --s2: #3fcb9f; --s3: #e59cc9; --s4: #b6bcc6;
  --s5: #ded05a; --heat-full: #22558a; --bad: #f09090; } }
.s0 { --own: var(--s0); } .s1 { --own: var(--s1); } .s2 { --own: var(--s2); }
.s3 { --own: var(--s3); } .s4 { --own: var(--s4); } .s5 { --own: var(--s5); }
path[class*="line "] { stroke: var(--own); stroke-linecap: butt; }
path.band { fill: var(--own); opacity: .16; }
path.marker { fill: var(--own); stroke: var(--panel); stroke-width: 1px; }
path.limit { stroke: var(--quiet); stroke-width: 1.5px; stroke-dasharray: 3 4; }
path.whisker { stroke: var(--ink); stroke-width: 1.5px; }
rect.bar { fill: var(--own); }
.panel p.summary { margin: 0 0 8px; }
.panel p.small { margin: 6px 0 0; }
figcaption { margin-bottom: 8px; }
.legend span { display: inline-flex; align-items: center; gap: 6px; color: var(--ink); min-width: 0; max-width: 100%; }
svg.swatch { width: 34px; height: 14px; overflow: visible; flex: none; }
.panel > .plot { margin-top: 18px; margin-right: 18px; margin-bottom: 34px; }
.plot .mark { bottom: 100%; margin-bottom: 4px; white-space: normal; max-width: 70%; max-height: 2em;
  overflow: hidden; }
.panel > .plot:has(.mark) { margin-top: 32px; }
caption { text-align: left; color: var(--quiet); font-size: .85rem; padding-bottom: 6px; }
td small { color: var(--quiet); display: block; font-size: .78rem; }
.scroll table { width: auto; min-width: 100%; }
.scroll th, .scroll td { overflow-wrap: normal; }
.scroll th + th, .scroll td { padding-left: 12px; }
section > details + p { margin-top: 14px; }
table.heat td.heat { background: color-mix(in srgb, var(--heat-full) var(--heat, 0%), var(--panel));
  padding-right: 10px; }
table.heat thead th.number { padding-right: 10px; }
.verdict { background: var(--panel); border: 1px solid var(--edge); border-left: 6px solid var(--quiet);
  border-radius: 10px; padding: 16px 20px; margin: 16px 0 0; }
.verdict h2 { margin: 0 0 6px; }
.verdict p { margin: 0 0 8px; }
.verdict details { margin-top: 8px; }
.verdict details p { color: var(--quiet); font-size: .92rem; }
.verdict.confirmed { border-left-color: var(--good); } .verdict.confirmed h2 { color: var(--good); }
.verdict.condition { border-left-color: var(--warn); } .verdict.condition h2 { color: var(--warn); }
.verdict.not { border-left-color: var(--bad); } .verdict.not h2 { color: var(--bad); }
@media (max-width: 520px) { .spare { display: none; } .verdict { padding: 14px; } }
"""
)
