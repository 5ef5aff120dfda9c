// One story in full: its text with every mention marked, what was decided by which model and when, and its revisions.
import * as api from './api.js';
import { $, el, outside, safeUrl, stateBox } from './dom.js';
import { companies, percent, reason, signed, verdict } from './sentiment.js';
import { marked } from './spans.js';
import * as state from './state.js';
import * as stories from './stories.js';
import { full } from './time.js';

const box = $('#details');
const ask = api.latest();
let opener = null; // gets the focus back

/** Open a story's details; the address follows. */
export function open(id) {
  if (!box.contains(document.activeElement)) opener = document.activeElement;
  state.set({ story: id });
}

export function close() {
  if (!state.get().story) return;
  const row = $(`tr[data-id="${CSS.escape(state.get().story)}"] .open`);
  state.set({ story: '' });
  (opener?.isConnected && opener !== document.body ? opener : row)?.focus({ preventScroll: true });
  opener = null;
}

/** Show what the address says. */
export async function follow({ focus = true } = {}) {
  const id = state.get().story;
  stories.mark(id);
  document.body.classList.toggle('with-details', Boolean(id));
  box.hidden = !id;
  if (!id) return;
  if (box.dataset.id !== id) box.replaceChildren(top('Story'), stateBox('loading', 'Loading …'));
  box.dataset.id = id;
  try {
    draw(await ask(`/api/v1/stories/${encodeURIComponent(id)}`));
  } catch (error) {
    if (api.wasCancelled(error)) return;
    const words = error.status === 404 ? 'It is not in the index. If it has just come in, it will be there in a moment.' : error.message;
    box.replaceChildren(top('Story'), stateBox('error', 'This story can’t be shown.', ` ${words} `, el('button', { type: 'button', onclick: () => follow() }, 'Try again')));
  }
  if (focus) $('.close', box)?.focus({ preventScroll: true });
}

function top(title) {
  return el('div', { class: 'top' }, el('h2', { id: 'details-title' }, title),
    el('button', { type: 'button', class: 'close', 'aria-label': 'Close the details (Escape)', onclick: close }, '✕'));
}

function draw(row) {
  const text = row.text || [row.title, row.summary].filter(Boolean).join('\n');
  const parts = [
    top('Story'),
    el('p', { class: 'from' }, row.source, row.publisher && row.publisher !== row.source ? ` · ${row.publisher}` : '', row.revision > 1 ? ` · corrected, revision ${row.revision}` : ''),
    text ? marked(text, row.text ? row.entities : []) : stateBox('missing', row.status === 'removed' ? 'Its source removed this story; its text was deleted here, too.' : 'This story has no text.'),
    safeUrl(row.link) ? el('p', {}, outside(row.link, 'Read the original ↗', { class: 'original' })) : el('p', { class: 'muted' }, 'It has no link that is safe to follow.'),
    section('Sentiment', el('div', { class: 'wide' }, verdict(row)), row.sentiment ? probabilities(row.sentiment) : unscoredNote(row)),
  ];
  const chips = companies(row, (symbol) => state.set({ symbol }), 50);
  if (chips.length) parts.push(section('Companies in it, each with its own', el('div', { class: 'chips' }, chips)));
  parts.push(section('When and by what', facts(row)));
  if (row.revisions.length) parts.push(section(`Earlier revisions (${row.revisions.length})`, revisions(row)));
  if (row.content) parts.push(el('details', { class: 'body' }, el('summary', {}, 'The body (kept, not scored)'), el('p', { class: 'fulltext', dir: 'auto' }, row.content)));
  box.replaceChildren(...parts);
}

const section = (title, ...children) => el('section', {}, el('h3', {}, title), ...children);
const unscoredNote = (row) => el('p', { class: 'muted' }, `${reason(row)}. It counts nowhere as neutral: read it yourself.`);

function probabilities(one) {
  return el('table', { class: 'probabilities' }, el('tbody', {}, ['positive', 'neutral', 'negative'].map((label) => {
    const p = one.probabilities[label] ?? 0;
    const width = 120;
    return el('tr', {}, el('th', { scope: 'row' }, label),
      el('td', {}, el('svg', { class: `bar-svg ${label}`, width, height: 8, viewBox: `0 0 ${width} 8`, 'aria-hidden': 'true' },
        el('rect', { class: 'track', x: 0, y: 3, width, height: 2 }), el('rect', { class: 'fill', x: 0, y: 1, width: Math.max(p * width, 1), height: 6, rx: 1 }))),
      el('td', { class: 'number' }, percent(p)));
  })));
}

function facts(row) {
  const pairs = [];
  const add = (name, value) => { if (value) pairs.push(el('dt', {}, name), el('dd', {}, value)); };
  const quality = { stated: '', repaired: ' (the date was not valid and was repaired)', future: ' (a date in the future: not used)', missing: '' };
  const precision = row.published_precision && row.published_precision !== 'second' ? `, to the ${row.published_precision}` : '';
  add('Published', row.published_at ? `${full(row.published_at)}${precision}${quality[row.published_quality] ?? ''}` : 'not stated');
  add('Seen', full(row.seen_at));
  add('Scored', row.scored_at && full(row.scored_at));
  add('Changed', row.updated_at && full(row.updated_at));
  add('Model', row.model && `${row.model.name} ${row.model.version} (${row.model.sha256.slice(0, 12)})`);
  add('Kind', [row.source_type, row.origin !== 'live' ? row.origin : '', row.language].filter(Boolean).join(', '));
  add('Tags', row.tags.slice(0, 12).join(', '));
  add('Id', el('code', {}, row.id));
  return el('dl', {}, pairs);
}

function revisions(row) {
  return el('ol', { class: 'revisions' }, row.revisions.map((old) => el('li', { value: old.revision },
    el('span', { dir: 'auto' }, old.title), el('small', {}, ` ${old.sentiment ? `${old.sentiment.label} ${signed(old.sentiment.score)}` : reason(old)}, seen ${full(old.seen_at)}`))));
}
