// The list: pages from the server, live stories on top. What a reader looks at never moves by itself: under a pointer,
// a focus, a scrolled page or a pause, new rows wait behind the pill.
import * as api from './api.js';
import { $, debounced, el, stateBox } from './dom.js';
import { storyRow } from './row.js';
import * as state from './state.js';

const PAGE = 50;
const MOST = 200; // rows in the document, ever
const list = $('#list');
const table = $('#table');
const pill = $('#pill');
const none = $('#none');
const ask = api.latest();

let rows = []; // as shown, newest first
let next = null; // the server's token of the next page
let waiting = new Map(); // id → row, behind the pill
let hovered = false;
let paused = false;
let openStory = () => {};
let explainEmpty = () => '';

export const shown = () => rows;
export const waitingCount = () => waiting.size;

export function start({ onOpen, emptyText }) {
  openStory = onOpen;
  explainEmpty = emptyText;
  table.addEventListener('pointerenter', () => { hovered = true; });
  table.addEventListener('pointerleave', () => { hovered = false; flush(); });
  addEventListener('scroll', debounced(flush, 300), { passive: true });
  pill.addEventListener('click', showNew);
  $('#older').addEventListener('click', () => state.set({ after: next }));
  $('#newest').addEventListener('click', () => state.set({ after: '' }));
  setInterval(flush, 1000); // at most one insertion a second
}

/** Ask for the page that the address names. On failure the last good rows stay, and the failure is said. */
export async function load({ quiet = false } = {}) {
  if (!quiet) table.setAttribute('aria-busy', 'true');
  if (!rows.length) say(stateBox('loading', 'Loading stories …'));
  const { after } = state.get();
  try {
    const page = await ask('/api/v1/stories', { ...state.apiParams(), limit: PAGE, after });
    rows = page.rows;
    next = page.next;
    waiting.clear();
    draw();
    say(rows.length ? null : explainEmpty());
  } catch (error) {
    if (api.wasCancelled(error)) return;
    const again = el('button', { type: 'button', onclick: () => load() }, 'Try again');
    say(stateBox('error', rows.length ? 'This list is old: it could not be loaded again.' : 'The stories could not be loaded.', ` ${error.message} `, again));
  }
  table.removeAttribute('aria-busy');
}

/** Redraw in place: the zone has changed, say. */
export function draw() {
  const focused = document.activeElement?.closest?.('tr[data-id]')?.dataset.id;
  list.replaceChildren(...rows.map((row) => storyRow(row, openStory)));
  if (focused) $(`tr[data-id="${CSS.escape(focused)}"] .open`, list)?.focus({ preventScroll: true });
  mark(state.get().story);
  table.hidden = !rows.length;
  $('#sentence').textContent = state.sentence();
  $('#older').hidden = !next;
  $('#newest').hidden = !state.get().after;
  const symbols = new Set(rows.flatMap((row) => row.symbols));
  $('#symbols').replaceChildren(...[...symbols].sort().map((value) => el('option', { value })));
  count();
}

/** The row whose details are open. */
export function mark(id) {
  for (const row of list.querySelectorAll('[aria-current]')) row.removeAttribute('aria-current');
  if (id) $(`tr[data-id="${CSS.escape(id)}"]`, list)?.setAttribute('aria-current', 'true');
}

/** A story came over the stream. The stream may repeat: an older or equal revision changes nothing. */
export function arrived(row) {
  const at = rows.findIndex((one) => one.id === row.id);
  if (at >= 0) {
    if (row.revision <= rows[at].revision) return;
    rows[at] = row; // a correction: in its place, marked
    $(`tr[data-id="${CSS.escape(row.id)}"]`, list)?.replaceWith(storyRow(row, openStory));
    mark(state.get().story);
    return;
  }
  if (state.get().text) recount(); // only the server can search texts as it does
  else if (matches(row)) {
    waiting.set(row.id, row);
    count();
  }
}

function matches(row) {
  const { symbol, source, label } = state.get();
  const from = state.since();
  if (symbol && !row.symbols.includes(symbol)) return false;
  if (source && row.source !== source) return false;
  if (label === 'unscored' ? row.status !== 'unscored' : label && row.sentiment?.label !== label) return false;
  if (from && new Date(row.event_time) < from) return false;
  if (state.get().until && new Date(row.event_time) >= new Date(state.get().until)) return false;
  // Older than the end of this page: it belongs to a later one.
  return !(next && rows.length && newestFirst(row, rows.at(-1)) > 0);
}

const recount = debounced(async () => {
  if (state.get().after) return;
  try {
    const page = await api.get('/api/v1/stories', { ...state.apiParams(), limit: PAGE });
    const known = new Set(rows.map((row) => row.id));
    for (const row of page.rows) if (!known.has(row.id)) waiting.set(row.id, row);
    count();
  } catch {
    // the next story asks again
  }
}, 800);

const newestFirst = (a, b) => b.event_time.localeCompare(a.event_time) || (b.id < a.id ? -1 : 1);

function isHeld() {
  return paused || hovered || scrollY > 8 || state.get().after !== '' || list.contains(document.activeElement) || state.get().story !== '';
}

function flush() {
  if (waiting.size && !isHeld() && !document.hidden) insert();
}

/** The reader asks for what waits. */
export function showNew() {
  if (state.get().after) state.set({ after: '' });
  else {
    insert();
    const top = $('#stories').getBoundingClientRect().top + scrollY - $('.bar').offsetHeight - 8;
    if (scrollY > top) scrollTo({ top });
  }
}

function insert() {
  if (rows.length + waiting.size > MOST) {
    load({ quiet: true });
    return;
  }
  for (const row of [...waiting.values()].sort(newestFirst)) {
    const at = rows.findIndex((one) => newestFirst(row, one) < 0);
    const node = storyRow(row, openStory);
    node.classList.add('fresh');
    if (at < 0) {
      rows.push(row);
      list.append(node);
    } else {
      list.insertBefore(node, list.children[at]);
      rows.splice(at, 0, row);
    }
  }
  waiting.clear();
  say(null);
  table.hidden = false;
  count();
}

export function pause(on) {
  paused = on;
  if (!on) showNew();
}

function count() {
  const n = waiting.size;
  pill.hidden = !n;
  const text = n ? `${n} new ${n === 1 ? 'story' : 'stories'}` : '';
  if (pill.textContent !== text) pill.textContent = text;
  document.title = `${n ? `(${n}) ` : ''}Riskwire`;
}

function say(box) {
  none.hidden = !box;
  none.replaceChildren(...(box ? [box] : []));
}
