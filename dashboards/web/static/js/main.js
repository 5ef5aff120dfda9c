// Puts the page together: the address → filters, list, panels, alerts; the stream → all of them.
import * as alerts from './alerts.js';
import * as chart from './chart.js';
import * as details from './details.js';
import { $, debounced, el, memory, stateBox } from './dom.js';
import * as feeds from './feeds.js';
import * as keys from './keys.js';
import * as live from './live.js';
import * as panels from './panels.js';
import * as state from './state.js';
import * as stories from './stories.js';
import { short, zone } from './time.js';

const form = $('#filters');
const isDemo = document.documentElement.dataset.demo === 'yes';

// -- filters: the form shows the address, and writes it

function fill() {
  const now = state.get();
  const source = form.elements.source;
  if (now.source && ![...source.options].some((option) => option.value === now.source)) source.append(el('option', { value: now.source }, now.source));
  for (const name of ['text', 'symbol', 'label', 'source', 'range']) {
    if (document.activeElement !== form.elements[name]) form.elements[name].value = now[name];
  }
  // A time of its own stands beside the ranges, and choosing a range ends it.
  if (state.hasPeriod()) form.elements.range.value = '';
  $('#period').hidden = !state.hasPeriod();
  $('#period').textContent = `${now.since ? short(now.since) : 'from the start'} – ${now.until ? short(now.until) : 'now'} ✕`;
  $('#clear').hidden = !state.isFiltered();
}

const chosenRange = () => (form.elements.range.value ? { range: form.elements.range.value, since: '', until: '' } : {});
const typed = debounced(() => read(), 400);
function read() {
  const value = (name) => form.elements[name].value.trim();
  state.set({ text: value('text'), symbol: value('symbol').toUpperCase(), label: value('label'), source: form.elements.source.value, ...chosenRange() });
}
form.addEventListener('input', (event) => (event.target.type === 'search' ? typed() : read()));
form.addEventListener('submit', (event) => { event.preventDefault(); read(); });
$('#clear').addEventListener('click', state.clear);
$('#period').addEventListener('click', () => state.set({ since: '', until: '' }));

function notice(text) {
  const box = $('#notice');
  box.hidden = !text;
  box.replaceChildren(text, el('button', { type: 'button', class: 'quiet', onclick: () => notice('') }, 'Dismiss'));
}

function emptyText() {
  if (state.isFiltered() || state.get().after) return stateBox('empty', 'No stories match.', ` ${state.sentence()}. `, el('button', { type: 'button', onclick: state.clear }, 'Clear the filters'));
  if (feeds.hasStories()) return stateBox('empty', `No stories in ${state.RANGE_WORDS[state.get().range]}.`, ' ', el('button', { type: 'button', onclick: () => state.set({ range: 'all' }) }, 'Show all times'));
  const [title, ...rest] = feeds.summary();
  return stateBox('empty', title, ...rest);
}

// -- header: pause, zone, theme

function showZone() {
  $('#zone').textContent = `Times in ${zone()}`;
}
function switchZone() {
  state.set({ tz: state.get().tz === 'utc' ? 'local' : 'utc' });
}
function switchPause() {
  const on = $('#pause').getAttribute('aria-pressed') !== 'true';
  $('#pause').setAttribute('aria-pressed', String(on));
  $('#pause').textContent = on ? 'Go on' : 'Pause';
  live.setPaused(on);
  stories.pause(on);
}
function showTheme() {
  const theme = memory.get('theme') ?? 'auto';
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  $('#theme').textContent = `Theme: ${theme}`;
}
function switchTheme() {
  const order = ['auto', 'light', 'dark'];
  memory.set('theme', order[(order.indexOf(memory.get('theme') ?? 'auto') + 1) % 3]);
  showTheme();
  panels.redraw();
}
$('#zone').addEventListener('click', switchZone);
$('#pause').addEventListener('click', switchPause);
$('#theme').addEventListener('click', switchTheme);
chart.onSystemTheme(() => panels.redraw());

// -- keys

function move(step) {
  const rows = [...document.querySelectorAll('#list tr')];
  const at = rows.findIndex((row) => row.contains(document.activeElement) || row.hasAttribute('aria-current'));
  const row = rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + step))];
  if (!row) return;
  row.scrollIntoView({ block: 'nearest' });
  if (state.get().story) state.set({ story: row.dataset.id }, { replace: true });
  else $('.open', row).focus({ preventScroll: true });
}
function openOriginal() {
  const row = document.activeElement.closest('tr[data-id]') ?? $('#list tr[aria-current]');
  ($('#details:not([hidden]) .original') ?? (row && $('a.title', row)))?.click();
}

// -- the address changed

state.onChange((now, changed) => {
  fill();
  const filters = state.FILTERS.some((name) => changed.has(name));
  if (filters || changed.has('after')) {
    stories.load();
    if (changed.has('after')) $('#stories').scrollIntoView();
  }
  if (['symbol', 'range', 'since', 'until'].some((name) => changed.has(name))) panels.load();
  if (changed.has('symbol') || changed.has('alert') || changed.has('tz')) alerts.draw();
  if (changed.has('alert')) alerts.follow();
  if (changed.has('story')) details.follow({ focus: !document.activeElement?.closest('#list') || now.story !== '' });
  if (changed.has('tz')) {
    showZone();
    stories.draw();
    feeds.draw();
    panels.redraw();
    if (now.story) details.follow({ focus: false });
  }
});

function reload() {
  stories.load({ quiet: true });
  alerts.load();
  panels.refresh();
  feeds.load();
}

// -- begin: rows first, then what surrounds them

$('#demo').hidden = !isDemo;
if (state.startProblems.length) notice(`The address could not be read in full: ${state.startProblems.join('; ')}. The rest is shown.`);
fill();
showZone();
showTheme();
keys.start({
  j: () => move(1), k: () => move(-1), Enter: () => { const row = $('#list tr[aria-current]'); if (row) details.open(row.dataset.id); },
  o: openOriginal, n: stories.showNew, p: switchPause, u: switchZone, '/': () => form.elements.text.focus(), Escape: details.close,
});
stories.start({ onOpen: details.open, emptyText });
await Promise.all([stories.load(), feeds.start(isDemo), alerts.start(details.open)]);
if (!stories.shown().length) stories.load({ quiet: true }); // now that it is known what the feeds said
if (state.get().story) details.follow({ focus: false });
alerts.follow();
live.start({
  story: (row) => { stories.arrived(row); panels.refresh(); },
  alert: alerts.arrived,
  reset: (missed) => { if (missed) notice(`${missed} events were missed; everything was loaded again.`); reload(); },
  back: () => { alerts.load(); panels.refresh(); feeds.load(); },
});
setInterval(() => { if (!document.hidden) panels.load(); }, 60_000);
await panels.start();
document.documentElement.dataset.ready = 'yes';
