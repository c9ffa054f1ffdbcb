/**
 * The one stylesheet. Tokens first: one type scale, one spacing scale, and colours that mean something; everything
 * below uses them and nothing else.
 */
export const style = `
:root {
  color-scheme: light dark;
  --text-s: 0.8125rem; --text-m: 0.9375rem; --text-l: 1.125rem; --text-xl: 1.5rem; --text-xxl: 2rem;
  --s1: 0.25rem; --s2: 0.5rem; --s3: 0.75rem; --s4: 1rem; --s5: 1.5rem; --s6: 2rem; --s7: 3rem;
  --radius: 0.5rem;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  --ground: light-dark(#f7f5f2, #161412);
  --surface: light-dark(#ffffff, #1f1c19);
  --sunken: light-dark(#f1ede8, #191715);
  --line: light-dark(#e2dcd4, #37322d);
  --edge: light-dark(#8b8177, #867c72);
  --ink: light-dark(#221d19, #f1ece6);
  --quiet: light-dark(#665d54, #b3a99e);
  --accent: light-dark(#93461a, #eda57a);
  --on-accent: light-dark(#ffffff, #26150b);
  --accent-soft: light-dark(#f9ebe1, #38271c);
  --good: light-dark(#1a6b41, #77cf9d);
  --good-soft: light-dark(#e2f3e9, #1c3227);
  --wait: light-dark(#2a5b9c, #93bdf2);
  --wait-soft: light-dark(#e6eefa, #1d2b3f);
  --warn: light-dark(#845400, #ecbc5e);
  --warn-soft: light-dark(#fcf0d8, #382c14);
  --bad: light-dark(#ab2a26, #f59a92);
  --bad-soft: light-dark(#fce8e6, #3f2220);
}
:root[data-theme="light"] { color-scheme: light; }
:root[data-theme="dark"] { color-scheme: dark; }
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scrollbar-gutter: stable; }
body { margin: 0; overflow-wrap: anywhere; background: var(--ground); color: var(--ink); font: var(--text-m)/1.5 var(--sans); }
h1, h2, h3, p, ul, ol, dl, dd, figure, pre, fieldset { margin: 0; padding: 0; }
h1 { font-size: var(--text-xl); line-height: 1.25; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: var(--text-l); line-height: 1.3; }
h3 { font-size: var(--text-m); }
a { color: var(--accent); text-underline-offset: 0.15em; }
a:hover { text-decoration-thickness: 2px; }
code, pre, .mono { font-family: var(--mono); font-size: 0.92em; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 2px; }
ul.plain, ol.plain { list-style: none; }
[hidden] { display: none !important; }
.visually-hidden { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: var(--s3); top: -4rem; background: var(--surface); padding: var(--s2) var(--s4); z-index: 9; }
.skip:focus { top: var(--s3); }

/* frame */
.frame { display: grid; grid-template-columns: 14rem minmax(0, 1fr); min-height: 100vh; }
.side { border-right: 1px solid var(--line); padding: var(--s5) var(--s4); display: flex; flex-direction: column; gap: var(--s5); }
.brand { display: flex; align-items: center; gap: var(--s2); font-weight: 650; color: var(--ink); text-decoration: none; font-size: var(--text-l); }
.brand svg { width: 1.75rem; height: 1.75rem; flex: none; }
.nav { display: grid; gap: var(--s1); }
.nav p { font-size: var(--text-s); color: var(--quiet); padding: var(--s4) var(--s3) 0; }
.nav a, .nav button { display: block; width: 100%; padding: var(--s2) var(--s3); border-radius: var(--radius); color: var(--ink); text-decoration: none; font: inherit; text-align: left; border: 0; background: none; cursor: pointer; }
.nav a:hover, .nav button:hover { background: var(--sunken); }
.nav a[aria-current="page"] { background: var(--accent-soft); color: var(--accent); font-weight: 600; }
.nav .themes { display: flex; gap: var(--s1); padding: 0 var(--s2); }
.nav .themes button { text-align: center; padding: var(--s1); font-size: var(--text-s); border: 1px solid var(--line); }
:root:not([data-theme]) .themes [value="device"], :root[data-theme="light"] .themes [value="light"], :root[data-theme="dark"] .themes [value="dark"] { background: var(--accent-soft); color: var(--accent); font-weight: 600; }
.side .foot { margin-top: auto; display: grid; gap: var(--s1); border-top: 1px solid var(--line); padding-top: var(--s4); font-size: var(--text-s); }
.side .foot p { padding: 0 var(--s3); color: var(--quiet); overflow-wrap: anywhere; }
.bar { display: none; }
main { padding: var(--s6) var(--s6) var(--s7); max-width: 76rem; width: 100%; display: grid; gap: var(--s5); align-content: start; }
main > *, .card > *, .stack > *, .grid > *, .tabs > *, .field > *, form.fields > *, .secret > *, .with-copy > code { min-width: 0; }
.head { display: flex; flex-wrap: wrap; gap: var(--s3) var(--s4); align-items: center; justify-content: space-between; }
.head p { color: var(--quiet); }
.head .lead { width: 100%; margin-top: calc(-1 * var(--s2)); }
.crumb { font-size: var(--text-s); flex-basis: 100%; margin-bottom: calc(-1 * var(--s2)); }

/* blocks */
.card { background: var(--surface); border: 1px solid var(--line); border-radius: var(--radius); padding: var(--s5); display: grid; gap: var(--s4); align-content: start; }
.card.flush { padding: 0; gap: 0; overflow: hidden; }
.card.flush > .card-head { padding: var(--s4) var(--s5); }
.card.flush > .card-foot { padding: var(--s3) var(--s5); }
.card-head { display: flex; flex-wrap: wrap; gap: var(--s2) var(--s4); justify-content: space-between; align-items: baseline; }
.grid { display: grid; gap: var(--s5); grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); }
.grid.wide-first { grid-template-columns: minmax(0, 2fr) minmax(16rem, 1fr); }
.stack { display: grid; gap: var(--s4); }
.stack.tight { gap: var(--s2); }
.row { display: flex; flex-wrap: wrap; gap: var(--s2) var(--s3); align-items: center; }
.quiet { color: var(--quiet); }
.small { font-size: var(--text-s); }
.num { text-align: right; font-variant-numeric: tabular-nums; }
.nowrap { white-space: nowrap; }
.break { overflow-wrap: anywhere; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: 1px; background: var(--line); border: 1px solid var(--line); border-radius: var(--radius); overflow: hidden; }
.figures > div { background: var(--surface); padding: var(--s4) var(--s5); }
.figures dt { font-size: var(--text-s); color: var(--quiet); }
.figures dd { font-size: var(--text-xl); font-weight: 600; font-variant-numeric: tabular-nums; letter-spacing: -0.01em; }
.figures dd small { display: block; font-size: var(--text-s); font-weight: 400; color: var(--quiet); letter-spacing: 0; }

.first-steps { list-style: none; display: grid; gap: var(--s3); }
.first-steps li { display: grid; grid-template-columns: 4.5rem minmax(0, 1fr); gap: var(--s3); align-items: baseline; justify-items: start; }

/* notices */
.note { border: 1px solid var(--line); border-left: 4px solid var(--edge); border-radius: var(--radius); background: var(--surface); padding: var(--s3) var(--s4); display: grid; gap: var(--s2); }
.note.good { border-left-color: var(--good); background: var(--good-soft); }
.note.warn { border-left-color: var(--warn); background: var(--warn-soft); }
.note.bad { border-left-color: var(--bad); background: var(--bad-soft); }
.note.wait { border-left-color: var(--wait); background: var(--wait-soft); }
.note ul, details > ul { padding-left: var(--s5); }
.empty { padding: var(--s6) var(--s5); display: grid; gap: var(--s3); justify-items: start; max-width: 40rem; }

/* state */
.state { display: inline-flex; align-items: center; gap: var(--s1); font-size: var(--text-s); font-weight: 600; padding: 0 var(--s2); border-radius: 1rem; white-space: nowrap; background: var(--sunken); color: var(--quiet); line-height: 1.6; }
.state::before { content: ""; width: 0.5em; height: 0.5em; border-radius: 50%; background: currentColor; }
.state.good { background: var(--good-soft); color: var(--good); }
.state.wait { background: var(--wait-soft); color: var(--wait); }
.state.warn { background: var(--warn-soft); color: var(--warn); }
.state.bad { background: var(--bad-soft); color: var(--bad); }
.tag { font-size: var(--text-s); padding: 0 var(--s2); border: 1px solid var(--line); border-radius: 1rem; color: var(--quiet); white-space: nowrap; display: inline-block; max-width: 12rem; overflow: hidden; text-overflow: ellipsis; vertical-align: bottom; }

/* tables */
.cut { display: inline-block; max-width: min(22rem, 100%); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; vertical-align: bottom; }
.clamp { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; overflow-wrap: anywhere; }
.clamp:focus-visible, .clamp:active { -webkit-line-clamp: none; }
a:focus-visible > .cut, .cut:focus-visible { white-space: normal; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; position: relative; }
table { width: 100%; border-collapse: collapse; font-size: var(--text-m); }
th, .nowrap, .state, .tag, button, .button { overflow-wrap: normal; }
th { font-size: var(--text-s); font-weight: 600; color: var(--quiet); text-align: left; white-space: nowrap; }
td { overflow-wrap: normal; }
td.break { min-width: 9rem; width: 36%; overflow-wrap: anywhere; }
td.one { max-width: 0; min-width: 9rem; width: 28%; }
th, td { padding: var(--s3) var(--s4); border-top: 1px solid var(--line); vertical-align: top; }
th:first-child, td:first-child { padding-left: var(--s5); }
th:last-child, td:last-child { padding-right: var(--s5); }
th.num, td.num { text-align: right; white-space: nowrap; }
td form { display: inline; }
tbody tr:hover { background: var(--sunken); }
.plain-table th:first-child, .plain-table td:first-child { padding-left: 0; }
.plain-table tbody tr:hover { background: none; }
table.dense th, table.dense td { padding: var(--s3) var(--s2); }
table.dense th:first-child, table.dense td:first-child { padding-left: var(--s5); }
table.dense th:last-child, table.dense td:last-child { padding-right: var(--s5); }
table.records { table-layout: fixed; }
table.records th:nth-child(1) { width: 5rem; } table.records th:nth-child(4) { width: 9rem; }
table.records td.break { width: auto; }
table.records td.found { overflow-wrap: anywhere; }
table.records code { overflow-wrap: anywhere; }
.facts { display: grid; grid-template-columns: minmax(7rem, max-content) minmax(0, 1fr); gap: var(--s2) var(--s5); }
.facts dt { color: var(--quiet); font-size: var(--text-s); padding-top: 0.1em; }
.facts dd { overflow-wrap: anywhere; }

/* forms */
form.fields { display: grid; gap: var(--s4); max-width: 34rem; }
form.fields > button { justify-self: start; min-width: 7rem; }
.door form.fields > button { justify-self: stretch; }
label, .label, legend { font-weight: 600; font-size: var(--text-s); display: block; }
.field { display: grid; gap: var(--s1); }
fieldset > .hint, .field .hint { font-size: var(--text-s); color: var(--quiet); font-weight: 400; }
fieldset { border: 0; display: grid; gap: var(--s2); }
legend { padding: 0; }
fieldset label, .check { font-weight: 400; display: flex; gap: var(--s2); align-items: baseline; font-size: var(--text-m); }
fieldset .field > label { font-weight: 600; font-size: var(--text-s); display: block; }
.fault { color: var(--bad); font-size: var(--text-s); font-weight: 600; }
[aria-invalid="true"] { border-color: var(--bad) !important; border-width: 2px !important; }
input, select, textarea { font: inherit; color: var(--ink); background: var(--surface); border: 1px solid var(--edge); border-radius: calc(var(--radius) - 2px); padding: var(--s2) var(--s3); width: 100%; min-width: 0; }
input[type="checkbox"], input[type="radio"] { flex: none; width: 1.1rem; height: 1.1rem; padding: 0; position: relative; top: 0.2rem; accent-color: var(--accent); }
input:not([type="checkbox"], [type="radio"]), select { min-height: 2.75rem; }
::placeholder { color: var(--quiet); opacity: 1; }
textarea { min-height: 7rem; resize: vertical; }
button, .button { font: inherit; font-weight: 600; display: inline-flex; align-items: center; justify-content: center; min-height: 2.5rem; padding: var(--s1) var(--s4); border-radius: calc(var(--radius) - 2px); border: 1px solid var(--edge); background: var(--surface); color: var(--ink); cursor: pointer; text-decoration: none; white-space: nowrap; }
button:hover, .button:hover { border-color: var(--ink); }
button.primary, .button.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
button.primary:hover, .button.primary:hover { border-color: var(--ink); }
.button[aria-current="true"] { background: var(--accent-soft); border-color: var(--accent); color: var(--accent); font-weight: 600; }
button.danger { color: var(--bad); border-color: var(--bad); }
button.small, .button.small { min-height: 1.75rem; padding: 0 var(--s2); font-size: var(--text-s); font-weight: 500; }
.filters { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 10rem), 1fr)); gap: var(--s3); align-items: end; }
.confirm summary { list-style: none; }
.confirm summary::-webkit-details-marker { display: none; }
.confirm[open] summary { margin-bottom: var(--s3); }

/* code */
.code { position: relative; background: var(--sunken); border: 1px solid var(--line); border-radius: var(--radius); }
.code section { overflow: auto; max-height: 32rem; }
.code pre { padding: var(--s4); line-height: 1.45; font-size: var(--text-s); tab-size: 2; }
.code.wrap pre { white-space: pre-wrap; overflow-wrap: anywhere; }
.code .copy { position: absolute; top: var(--s2); right: var(--s2); }
.with-copy { display: flex; gap: var(--s2); align-items: start; justify-content: space-between; }
.with-copy code { overflow-wrap: anywhere; }
.tabs { display: grid; gap: var(--s3); grid-template-columns: minmax(0, 1fr); }
.tabs details { border: 1px solid var(--line); border-radius: var(--radius); }
.tabs summary { padding: var(--s2) var(--s4); cursor: pointer; font-weight: 600; }
.tabs details[open] summary { border-bottom: 1px solid var(--line); }
.tabs details .code { border: 0; border-radius: 0; }
.secret { background: var(--good-soft); border: 1px solid var(--good); border-radius: var(--radius); padding: var(--s4); display: grid; gap: var(--s3); }

/* timeline */
.timeline { list-style: none; display: grid; }
.timeline > li { display: grid; grid-template-columns: 1rem minmax(0, 1fr); gap: var(--s3); padding-bottom: var(--s5); position: relative; }
.timeline > li:not(:last-child)::before { content: ""; position: absolute; left: 0.45rem; top: 1.2rem; bottom: -0.3rem; width: 2px; background: var(--line); }
.timeline .dot { width: 1rem; height: 1rem; border-radius: 50%; margin-top: 0.25rem; border: 3px solid var(--quiet); background: var(--surface); }
.timeline .good .dot { border-color: var(--good); } .timeline .bad .dot { border-color: var(--bad); }
.timeline .warn .dot { border-color: var(--warn); } .timeline .wait .dot { border-color: var(--wait); }
.timeline .what { display: flex; flex-wrap: wrap; gap: var(--s1) var(--s3); align-items: baseline; }
.steps { display: flex; flex-wrap: wrap; gap: var(--s1) var(--s3); font-size: var(--text-s); color: var(--quiet); list-style: none; font-variant-numeric: tabular-nums; }
.steps li:not(:last-child)::after { content: "→"; margin-left: var(--s3); color: var(--edge); }
iframe.mail { width: 100%; height: 30rem; border: 1px solid var(--line); border-radius: var(--radius); background: #fff; color-scheme: light; }
iframe.mail.mobile { width: 375px; max-width: 100%; height: 38rem; justify-self: center; }
/* The colours that a frame's content is asked for are those of the frame itself (CSS Color Adjustment §2.4). */
iframe.mail.dark { color-scheme: dark; background: #121212; }
form.fields.wide { max-width: none; }
form.fields.wide textarea { font-family: var(--mono); font-size: var(--text-s); }
details > .stack { padding-top: var(--s4); max-width: 34rem; }
.preview label { align-items: center; }
.preview input { top: 0; }
form:has([name="view"][value="mobile"]:checked) iframe.mail { width: 375px; max-width: 100%; height: 38rem; justify-self: center; }
form:has([name="view"][value="dark"]:checked) iframe.mail { color-scheme: dark; background: #121212; }

/* what two versions differ in */
.diff { overflow: auto; max-height: 40rem; padding: var(--s2) 0; font: var(--text-s)/1.45 var(--mono); }
.diff > div { display: grid; grid-template-columns: 1.5rem minmax(0, 1fr); padding: 0 var(--s3); white-space: pre-wrap; overflow-wrap: anywhere; }
.diff ins, .diff del { text-decoration: none; }
.diff .removed { background: var(--bad-soft); color: var(--bad); }
.diff .added { background: var(--good-soft); color: var(--good); }
.diff mark { background: none; color: inherit; font-weight: 700; text-decoration: underline; }
.diff .gap { display: block; color: var(--quiet); background: var(--sunken); padding-left: 2.25rem; }

/* chart */
.chart svg { width: 100%; height: auto; display: block; }
.chart text { font: 12px var(--sans); fill: var(--quiet); font-variant-numeric: tabular-nums; }
.chart .axis { stroke: var(--line); stroke-width: 1; }
.chart .area { fill: var(--good-soft); }
.chart .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.chart .dot { stroke: var(--surface); stroke-width: 1.5; }
.c-accepted { stroke: var(--quiet); } .c-delivered { stroke: var(--good); } .c-bounced { stroke: var(--bad); } .c-complained { stroke: var(--warn); }
.f-accepted { fill: var(--quiet); } .f-delivered { fill: var(--good); } .f-bounced { fill: var(--bad); } .f-complained { fill: var(--warn); }
.fate-passed { fill: var(--good); } .fate-failed { fill: var(--warn); } .fate-rejected { fill: var(--bad); }
.fate-quarantined { fill: var(--bad-soft); stroke: var(--bad); }
.dash { stroke-dasharray: 5 4; } .dots { stroke-dasharray: 1 5; }
.key { display: flex; flex-wrap: wrap; gap: var(--s2) var(--s4); list-style: none; font-size: var(--text-s); }
.key li { display: flex; gap: var(--s2); align-items: center; }
.key svg { width: 1.5rem; height: 0.5rem; }
.score { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: var(--s4); align-items: center; }
.score svg { width: 6rem; height: 6rem; }
.score .track { stroke: var(--line); } .score .good { stroke: var(--good); } .score .warn { stroke: var(--warn); } .score .bad { stroke: var(--bad); }
.score text { font: 600 28px var(--sans); fill: var(--ink); font-variant-numeric: tabular-nums; }

/* the narrow door: sign-in and set-up */
.door { min-height: 100vh; display: grid; place-content: center; grid-template-columns: minmax(0, 27rem); padding: var(--s4); }
.door main { padding: 0; gap: var(--s5); }
.door .card { padding: var(--s6); }
.door .card > h2 { margin-top: var(--s4); }
.door .brand { justify-content: center; }
.qr svg { width: 11rem; height: 11rem; background: #fff; border-radius: var(--radius); padding: var(--s2); }

@media (max-width: 60rem) {
  .frame { grid-template-columns: minmax(0, 1fr); grid-template-rows: auto 1fr; }
  .side { display: none; }
  .bar { display: block; border-bottom: 1px solid var(--line); background: var(--surface); }
  .bar > details > summary { list-style: none; display: flex; justify-content: space-between; align-items: center; padding: var(--s3) var(--s4); cursor: pointer; }
  .bar > details > summary::-webkit-details-marker { display: none; }
  .bar .menu { padding: 0 var(--s4) var(--s4); }
  main { padding: var(--s5) var(--s4) var(--s7); }
  .grid.wide-first { grid-template-columns: minmax(0, 1fr); }
  th, td { padding: var(--s3) var(--s2); }
  td.nowrap:has(> time) { white-space: normal; min-width: 9rem; }
}
@media (min-width: 40.01rem) and (max-width: 60rem) {
  .figures:has(> :nth-child(6)) { grid-template-columns: repeat(3, minmax(0, 1fr)); }
}
@media (max-width: 40rem) {
  .filters { grid-template-columns: 1fr 1fr; }
  .filters input[type="date"] { padding-inline: var(--s2); }
  .chart text { font-size: 20px; }
  .card, .door .card { padding: var(--s4); }
  .figures { grid-template-columns: 1fr 1fr; }
  .figures > div { padding: var(--s3) var(--s4); }
  .facts { grid-template-columns: minmax(0, 1fr); gap: 0; }
  .facts dd { margin-bottom: var(--s3); }
  table.cards, table.cards tbody, table.cards tr, table.cards td { display: block; width: 100%; }
  table.cards { position: relative; }
  table.cards thead { display: block; position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  table.cards td { white-space: normal; max-width: none; min-width: 0; overflow-wrap: anywhere; }
  table.cards td.nowrap:has(> time) { min-width: 0; }
  table.cards td.one, table.cards td.break { width: 100%; }
  th, td { padding: var(--s2) var(--s3); }
  th:first-child, td:first-child { padding-left: var(--s4); }
  th:last-child, td:last-child { padding-right: var(--s4); }
  table.cards tr { border-top: 1px solid var(--line); padding: var(--s3) var(--s4); }
  table.cards td { border: 0; padding: 0 0 var(--s1) !important; text-align: left !important; }
  table.cards td[data-label]::before { content: attr(data-label) " "; color: var(--quiet); font-size: var(--text-s); margin-right: var(--s2); }
  .card.flush > .card-head { padding: var(--s4); }
  .row > form.row { width: 100%; }
}
@media (forced-colors: active) { .state::before, .timeline .dot { forced-color-adjust: none; } }
@media print { .side, .bar, button { display: none !important; } .frame { display: block; } }
`;
