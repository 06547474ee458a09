#pragma once

// Style and script of the status page; inline, so that one request gives the whole page.
namespace cdc::status {

inline constexpr char kStyle[] = R"css(
:root {
  color-scheme: light dark;
  --ground: #f6f7f9; --card: #fff; --text: #1b1f24; --soft: #5b6570; --line: #dfe3e8;
  --good: #1a7f4b; --warn: #9a5b00; --bad: #c62828; --accent: #2563c9; --fill: #2563c922;
  --bad-ground: #fdecec; --warn-ground: #fff4e0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12151a; --card: #1b2027; --text: #e6e9ed; --soft: #9aa5b1; --line: #303843;
    --good: #4cc38a; --warn: #f0b35a; --bad: #ff7b72; --accent: #7aa8ff; --fill: #7aa8ff26;
    --bad-ground: #3a1d1f; --warn-ground: #362a17;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--text);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
main, footer { max-width: 1200px; margin: 0 auto; padding: 0 16px; }
header { padding: 20px 0 8px; }
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; }
h1 small { font-weight: 400; font-size: .9rem; color: var(--soft); margin-left: .4em; }
h2 { font-size: 1rem; margin: 0 0 8px; }
p { margin: 0; }
.route, .soft { color: var(--soft); overflow-wrap: anywhere; }
.lead { font-size: 1.1rem; margin: 10px 0 0; font-weight: 600; overflow-wrap: anywhere; }
.good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
.pill {
  display: inline-block; border: 1px solid currentColor; border-radius: 99px; padding: 0 9px;
  font-size: .85rem; white-space: nowrap;
}
section { margin: 14px 0; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; padding: 14px 16px; }
section.alarm { border-color: var(--bad); background: var(--bad-ground); }
section.care { border-color: var(--warn); background: var(--warn-ground); }
.alarm li, .care li { margin: 6px 0; overflow-wrap: anywhere; }
ul { margin: 0; padding-left: 1.1em; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px;
  background: none; border: 0; padding: 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 10px 14px; min-width: 0; }
.tile.wide { grid-column: span 2; }
.tile b { display: block; font-size: 1.25rem; font-weight: 600; overflow-wrap: anywhere; }
.tile span, .tile small { display: block; color: var(--soft); font-size: .85rem;
  overflow-wrap: anywhere; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 14px;
  background: none; border: 0; padding: 0; }
.charts section { margin: 0; }
figure { margin: 0; }
figcaption { display: flex; justify-content: space-between; gap: 8px; color: var(--soft);
  font-size: .8rem; }
svg { display: block; width: 100%; }
.plot { height: 84px; margin: 2px 0; border-bottom: 1px solid var(--line); }
.plot .line { fill: none; stroke: var(--accent); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.plot .area { fill: var(--fill); }
.room { display: grid; grid-template-columns: minmax(0, 11em) minmax(3em, 1fr) auto; gap: 4px 10px;
  align-items: center; font-size: .9rem; }
.room svg { height: 8px; } .room span { overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap; }
.bar { fill: var(--line); } .bar-good { fill: var(--good); } .bar-warn { fill: var(--warn); }
.bar-bad { fill: var(--bad); }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 5px 10px 5px 0; border-top: 1px solid var(--line);
  vertical-align: top; }
th { color: var(--soft); font-weight: 500; font-size: .85rem; border-top: 0; }
td.name { overflow-wrap: anywhere; min-width: 9em; max-width: 24em; }
th.n, td.n { text-align: right; white-space: nowrap; }
td.key { overflow-wrap: anywhere; min-width: 15em; font-size: .85rem; color: var(--soft); }
tr.hidden { display: none; }
code { font: .85em ui-monospace, "DejaVu Sans Mono", Menlo, monospace; overflow-wrap: anywhere; }
.head { display: flex; justify-content: space-between; align-items: baseline; gap: 12px;
  flex-wrap: wrap; margin-bottom: 6px; }
input { font: inherit; padding: 3px 9px; border: 1px solid var(--line); border-radius: 7px;
  background: var(--card); color: inherit; max-width: 100%; }
footer { color: var(--soft); font-size: .85rem; padding-bottom: 24px; }
a { color: var(--accent); }
.stale { opacity: .55; }
@media (max-width: 640px) {
  thead { display: none; }
  tr { display: grid; grid-template-columns: 1fr auto; gap: 0 12px; padding: 7px 0;
    border-top: 1px solid var(--line); }
  tbody tr:first-child { border-top: 0; }
  td, td.name, td.key { border: 0; padding: 0; min-width: 0; max-width: none; }
  td.name, td.key { grid-column: 1 / -1; }
  td.name { font-weight: 600; }
  td.n { text-align: left; }
  td.n:empty, td.key:empty { display: none; }
  td[data-label]:not(:empty)::before { content: attr(data-label) " "; color: var(--soft); }
}
)css";

// The server draws the page; the script only fetches it anew and filters rows, so that the page is
// the same without it.
inline constexpr char kScript[] = R"js(
'use strict';
const every = 5000;
const lost = document.getElementById('lost');
function filter() {
  const wanted = document.getElementById('filter').value.toLowerCase();
  for (const row of document.querySelectorAll('#tables tbody tr')) {
    row.classList.toggle('hidden', !row.dataset.name.toLowerCase().includes(wanted));
  }
}
function take(text) {
  const page = new DOMParser().parseFromString(text, 'text/html');
  for (const part of document.querySelectorAll('[data-live]')) {
    const fresh = page.getElementById(part.id);
    if (fresh) part.replaceChildren(...fresh.childNodes);
  }
  document.title = page.title;
  filter();
}
async function refresh() {
  try {
    const reply = await fetch(location.pathname, {cache: 'no-store'});
    if (!reply.ok) throw new Error(reply.status);
    take(await reply.text());
    lost.hidden = true;
  } catch (error) {
    lost.hidden = false;
  }
  document.getElementById('top').classList.toggle('stale', !lost.hidden);
  setTimeout(refresh, every);
}
document.getElementById('filter').hidden = false;
document.getElementById('filter').addEventListener('input', filter);
setTimeout(refresh, every);
)js";

}  // namespace cdc::status
