// The panels: each a specification and rows from the server, drawn, and readable as a table, too.
import * as api from './api.js';
import { draw } from './chart.js';
import { $, debounced, el, memory, stateBox } from './dom.js';
import { signed } from './sentiment.js';
import * as state from './state.js';
import { clock, short, span, zone } from './time.js';

const place = $('#panels');
const tip = $('#tip');
const MARGINS = { sentiment_timeline: 66, top_movers: 196 }; // what axes and labels take beside the marks
const panels = new Map(); // name → {box, view, answer, ask}

const stretch = (row) => `${short(row.t)} – ${clock(row.end)}`;
const TIPS = {
  sentiment_timeline: (row) => [stretch(row), row.n ? `mean ${signed(row.score)} over ${row.n} ${row.n === 1 ? 'story' : 'stories'}` : 'no stories', row.n ? `▲ ${row.positive}   ● ${row.neutral}   ▼ ${row.negative}` : ''],
  top_movers: (row) => [row.symbol, `now ${signed(row.score)} over ${row.n}`, row.previous_score === null ? 'no stories in the period before' : `before ${signed(row.previous_score)} over ${row.previous_n}`, row.change === null ? '' : `change ${signed(row.change)}`, 'Click: only its stories'],
};
const TABLES = {
  sentiment_timeline: [['Time', stretch], ['Score', (row) => (row.n ? signed(row.score) : 'none')], ['n', (row) => row.n], ['▲', (row) => row.positive], ['●', (row) => row.neutral], ['▼', (row) => row.negative]],
  top_movers: [['Company', (row) => pick(row.symbol)], ['Change', (row) => (row.change === null ? 'none before' : signed(row.change))], ['Now', (row) => signed(row.score)], ['n', (row) => row.n], ['Before', (row) => (row.previous_score === null ? 'none' : signed(row.previous_score))], ['n before', (row) => row.previous_n]],
};

function pick(symbol) {
  return el('button', { type: 'button', class: 'link', onclick: () => state.set({ symbol }) }, symbol);
}

/** Ask which panels there are, and show them. */
export async function start() {
  try {
    const { rows } = await api.get('/api/v1/panels');
    for (const { name, title } of rows) add(name, title);
  } catch (error) {
    place.replaceChildren(stateBox('error', 'The panels could not be loaded.', ` ${error.message} `, el('button', { type: 'button', onclick: () => { place.replaceChildren(); start(); } }, 'Try again')));
    return;
  }
  new ResizeObserver(debounced(redraw, 150)).observe(place);
  addEventListener('keydown', (event) => { if (event.key === 'Escape') hideTip(); });
  await load();
}

function add(name, title) {
  const chart = el('div', { class: 'chart' });
  const table = el('div', { class: 'scroll', hidden: true });
  const toggle = el('button', { type: 'button', class: 'quiet', 'aria-pressed': 'false', onclick: () => flip(name) }, 'Table');
  const note = el('small', { class: 'note' });
  const box = el('section', { class: `card panel ${name}`, 'aria-labelledby': `panel-${name}` },
    el('div', { class: 'head' }, el('h2', { id: `panel-${name}` }, title), note, toggle), chart, table);
  panels.set(name, { box, chart, table, toggle, note, ask: api.latest(), asTable: memory.get(`table.${name}`) === 'yes' });
  place.append(box);
}

function flip(name) {
  const panel = panels.get(name);
  panel.asTable = !panel.asTable;
  memory.set(`table.${name}`, panel.asTable ? 'yes' : 'no');
  show(name);
}

/** Ask again, all at once. A failure keeps the last good drawing and says so. */
export async function load() {
  const { symbol } = state.get();
  await Promise.all([...panels.keys()].map(async (name) => {
    const panel = panels.get(name);
    try {
      panel.answer = await panel.ask(`/api/v1/panels/${name}`, { symbol, ...state.period() });
      await show(name);
    } catch (error) {
      if (api.wasCancelled(error)) return;
      const text = panel.answer ? `not updated: ${error.message}` : error.message;
      panel.note.textContent = text;
      if (!panel.answer) panel.chart.replaceChildren(stateBox('error', 'This panel could not be drawn.', ` ${error.message}`));
    }
  }));
}

export const refresh = debounced(load, 4000);

export function redraw() {
  for (const name of panels.keys()) show(name);
}

async function show(name) {
  const panel = panels.get(name);
  const { answer } = panel;
  if (!answer) return;
  panel.toggle.setAttribute('aria-pressed', String(panel.asTable));
  panel.note.textContent = note(answer);
  panel.view?.finalize();
  panel.view = null;
  panel.chart.hidden = panel.asTable && answer.rows.length > 0;
  panel.table.hidden = !panel.asTable || !answer.rows.length;
  if (!answer.rows.length) {
    panel.chart.replaceChildren(stateBox('empty', answer.empty));
  } else if (panel.asTable) {
    panel.table.replaceChildren(table(TABLES[name] ?? plain(answer.rows), answer.rows));
  } else {
    const width = Math.max(80, panel.chart.clientWidth - (MARGINS[name] ?? 80));
    panel.view = await draw(panel.chart, answer.spec, answer.rows, { width, tooltip: hint(name) });
    panel.view.addEventListener('click', (_event, item) => { if (name === 'top_movers' && item?.datum?.symbol) state.set({ symbol: item.datum.symbol }); });
  }
}

function note(answer) {
  const parts = [];
  if (state.get().symbol) parts.push(state.get().symbol);
  if (answer.bucket_seconds) parts.push(`each bar ${span(answer.bucket_seconds)}`);
  else parts.push(`against the ${span((new Date(answer.until) - new Date(answer.since)) / 1000)} before`);
  if (answer.minimum > 1) parts.push(`n\u00a0≥\u00a0${answer.minimum}`);
  parts.push(answer.bucket_seconds ? zone() : '');
  return parts.filter(Boolean).join(' · ');
}

const plain = (rows) => Object.keys(rows[0]).map((key) => [key, (row) => row[key] ?? 'none']);

function table(columns, rows) {
  const shown = rows.filter((row) => row.n !== 0);
  return el('table', { class: 'data' }, el('thead', {}, el('tr', {}, columns.map(([title]) => el('th', { scope: 'col' }, title)))),
    el('tbody', {}, shown.map((row) => el('tr', {}, columns.map(([, cell]) => el('td', {}, typeof cell(row) === 'number' ? String(cell(row)) : cell(row)))))));
}

function hint(name) {
  return (datum, event) => {
    const lines = datum && TIPS[name]?.(datum).filter(Boolean);
    if (!lines) return hideTip();
    tip.replaceChildren(...lines.map((line, index) => el(index ? 'span' : 'b', {}, line)));
    tip.hidden = false;
    const { innerWidth, innerHeight } = window;
    tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${Math.max(4, Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8))}px`;
    return undefined;
  };
}

function hideTip() {
  tip.hidden = true;
}

