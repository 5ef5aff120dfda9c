// The alerts: firing first, the gravest first; each with its value against its threshold, and the stories it stands on.
import * as api from './api.js';
import { $, el, stateBox } from './dom.js';
import { signed } from './sentiment.js';
import * as state from './state.js';
import { ago, full, short, span } from './time.js';

const body = $('#alerts .body');
const STATUS = ['firing', 'pending', 'resolved'];
const SEVERITY = ['critical', 'warning', 'info'];
const SHAPES = { critical: '◆', warning: '▲', info: '●' };
const FEW = 3;
const narrow = matchMedia('(max-width: 1100px)'); // there the stories stand below the alerts

let all = new Map();
let openStory = () => {};
let more = false;
const unfolded = new Set();
const key = (alert) => `${alert.fingerprint}@${alert.starts_at}`;

export function start(onOpen) {
  openStory = onOpen;
  return load();
}

export async function load() {
  try {
    const { rows } = await api.get('/api/v1/alerts', { limit: 100 });
    all = new Map(rows.map((alert) => [key(alert), alert]));
    draw();
  } catch (error) {
    const again = el('button', { type: 'button', onclick: load }, 'Try again');
    body.replaceChildren(stateBox('error', 'The alerts could not be loaded.', ` ${error.message} `, again));
  }
}

/** A new state came over the stream. */
export function arrived(alert) {
  const old = all.get(key(alert));
  if (old && old.transition >= alert.transition) return;
  all.set(key(alert), alert);
  draw();
}

/** The alert that the address names, in view. */
export function follow() {
  const wanted = state.get().alert;
  for (const item of body.querySelectorAll('.alert')) item.classList.toggle('named', item.dataset.fingerprint === wanted && wanted !== '');
  $('.alert.named', body)?.scrollIntoView({ block: 'center' });
}

export function draw() {
  const { symbol, alert: named } = state.get();
  const rows = [...all.values()].sort((a, b) => STATUS.indexOf(a.status) - STATUS.indexOf(b.status)
    || SEVERITY.indexOf(a.severity) - SEVERITY.indexOf(b.severity) || b.updated_at.localeCompare(a.updated_at));
  const firing = rows.filter((alert) => alert.status === 'firing').length;
  const flag = $('#firing');
  flag.hidden = !firing;
  $('a', flag).textContent = `${firing} ${firing === 1 ? 'alert fires' : 'alerts fire'}`;
  const chosen = rows.filter((alert) => !symbol || alert.labels.symbol === symbol || alert.fingerprint === named);
  if (!chosen.length) {
    const words = rows.length ? `None about ${symbol}; ${rows.length} in all.` : 'They come from the rules when stories turn bad for a company.';
    body.replaceChildren(stateBox('empty', rows.length ? 'No alerts here.' : 'No alerts yet.', ` ${words}`));
    return;
  }
  const most = more || named ? chosen.length : Math.max(chosen.filter((alert) => alert.status === 'firing').length, narrow.matches ? 3 : 8);
  const list = el('ol', { class: 'alerts' }, chosen.slice(0, most).map(item));
  const rest = chosen.length - most;
  body.replaceChildren(list, ...(rest > 0 ? [el('button', { type: 'button', class: 'quiet', onclick: () => { more = true; draw(); } }, `${rest} more`)] : []));
}

function item(alert) {
  const { symbol } = alert.labels;
  const others = Object.entries(alert.labels).filter(([name]) => !['symbol', 'rule', 'alertname', 'severity'].includes(name));
  const fires = alert.status === 'firing';
  return el('li', { class: `alert ${alert.status} ${alert.severity}`, dataset: { fingerprint: alert.fingerprint } },
    el('div', { class: 'line' },
      el('span', { class: 'severity' }, el('span', { 'aria-hidden': 'true' }, SHAPES[alert.severity]), ` ${alert.severity}`),
      el('span', { class: 'status' }, alert.status),
      symbol ? el('button', { type: 'button', class: 'chip', title: `Only stories about ${symbol}`, onclick: () => state.set({ symbol }) }, el('b', {}, symbol)) : null,
      el('time', { datetime: alert.starts_at, title: full(alert.starts_at) }, fires ? `since ${short(alert.starts_at)}` : short(alert.starts_at))),
    el('p', { class: 'rule' }, alert.annotations.summary || alert.rule, alert.annotations.summary && alert.rule !== alert.annotations.summary ? el('small', {}, ` ${alert.rule}`) : ''),
    el('p', { class: 'numbers' }, numbers(alert)),
    others.length ? el('p', { class: 'muted' }, others.map(([name, value]) => `${name} ${value}`).join(' · ')) : null,
    alert.ends_at ? el('p', { class: 'muted' }, `Resolved ${short(alert.ends_at)}, after ${span((new Date(alert.ends_at) - new Date(alert.starts_at)) / 1000)}`) : null,
    evidence(alert));
}

function numbers(alert) {
  const parts = [];
  const said = alert.annotations; // the rules say it in their own units; without them, plain numbers
  if (said.reading && said.condition) {
    parts.push(el('b', {}, said.reading), ` (fires at ${said.condition})`);
    if (said.stories) parts.push(` · ${said.stories} ${said.stories === '1' ? 'story' : 'stories'}`);
    if (said.sources) parts.push(`, ${said.sources} ${said.sources === '1' ? 'source' : 'sources'}`);
    if (alert.window !== null) parts.push(` in ${span(alert.window)}`);
    if (said.worst && said.worst !== said.reading) parts.push(` · worst ${said.worst}`);
    return parts;
  }
  const number = (value) => (Math.abs(value) <= 1 ? signed(value) : value.toLocaleString('en', { maximumFractionDigits: 2 }));
  if (alert.value !== null) parts.push(el('b', {}, number(alert.value)));
  if (alert.threshold !== null) parts.push(` against a threshold of ${number(alert.threshold)}`);
  if (alert.window !== null) parts.push(` over ${span(alert.window)}`);
  return parts;
}

function evidence(alert) {
  if (!alert.evidence.length) return null;
  const isOpen = unfolded.has(key(alert)) || alert.fingerprint === state.get().alert;
  const few = alert.status === 'resolved' && !isOpen ? 0 : isOpen ? alert.evidence.length : FEW;
  const rest = alert.evidence.length - few;
  return el('div', { class: 'evidence' },
    el('ul', {}, alert.evidence.slice(0, few).map((one) => el('li', {},
      el('button', { type: 'button', class: 'link', onclick: () => openStory(one.id) }, one.title || one.id),
      el('small', {}, ` ${one.score === null ? 'not scored' : signed(one.score)} · ${one.source}${one.event_time ? ` · ${ago(one.event_time)}` : ''}`)))),
    rest > 0 ? el('button', { type: 'button', class: 'quiet', onclick: () => { unfolded.add(key(alert)); draw(); } }, few ? `and ${rest} more` : `${rest} ${rest === 1 ? 'story' : 'stories'} behind it`) : null);
}
