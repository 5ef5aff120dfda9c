// One story as a row of the table.
import { el, outside } from './dom.js';
import { companies, verdict } from './sentiment.js';
import * as state from './state.js';
import { clock, day, full, zone } from './time.js';

/** The row. A click anywhere that is not a link or a button opens the details, and so does the button at its end. */
export function storyRow(row, onOpen) {
  const open = () => onOpen(row.id);
  const tr = el('tr', { class: `story ${row.status}`, dataset: { id: row.id },
    onclick: (event) => {
      if (!event.target.closest('a, button') && !getSelection().toString()) open();
    } },
  el('td', { class: 'when' }, when(row.event_time)),
  el('td', { class: 'how' }, verdict(row)),
  el('td', { class: 'what' }, headline(row), el('p', { class: 'meta' }, ...meta(row))),
  el('td', { class: 'who' }, el('div', { class: 'chips' }, companies(row, (symbol) => state.set({ symbol })))),
  el('td', { class: 'act' }, el('button', { type: 'button', class: 'open', title: 'Details', 'aria-label': `Details: ${row.title || 'no headline'}`, onclick: open },
    el('span', { 'aria-hidden': 'true' }, '›'))));
  return tr;
}

export function headline(row) {
  const text = row.title || (row.status === 'removed' ? '(removed)' : '(no headline)');
  return outside(row.link, text, { class: 'title', dir: 'auto' });
}

function when(time) {
  const then = new Date(time);
  return el('time', { datetime: time, title: full(then) }, el('b', {}, clock(then)), ' ', el('small', {}, zone(then)), el('small', { class: 'day' }, day(then)));
}

/** Source and what is unusual about the story. */
function meta(row) {
  const parts = [el('span', { class: 'source' }, row.source)];
  if (row.source_type !== 'news') parts.push(el('span', { class: 'tag' }, row.source_type));
  if (row.revision > 1) parts.push(el('span', { class: 'tag strong', title: 'Its source has changed this story' }, `corrected, rev ${row.revision}`));
  if (row.duplicate_of) parts.push(el('span', { class: 'tag' }, 'copy'));
  if (row.published_quality === 'missing') parts.push(el('span', { class: 'tag', title: 'The source gave no date: this is when it was seen' }, 'undated'));
  if (row.published_quality === 'repaired') parts.push(el('span', { class: 'tag', title: 'The source’s date was not valid and was repaired' }, 'date repaired'));
  if (row.published_quality === 'future') parts.push(el('span', { class: 'tag', title: 'The source’s date lies in the future: this is when it was seen' }, 'date in the future'));
  if (row.origin === 'backfill') parts.push(el('span', { class: 'tag' }, 'backfilled'));
  return parts;
}
