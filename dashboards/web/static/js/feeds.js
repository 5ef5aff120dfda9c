// The health of the sources: what each said at its last poll. Failures stand first, in plain words.
import * as api from './api.js';
import { $, el, stateBox } from './dom.js';
import * as live from './live.js';
import { ago, full, secondsSince, short, span } from './time.js';

const body = $('#feeds .body');
const WORDS = { ok: 'ok', not_modified: 'nothing new', failed: 'failed', refused: 'refused', gone: 'gone' };
const SHARE = 0.2; // a share of undated or doubled stories that is worth a word
const LATE = 1800;
const FEW = 8;
let rows = [];
let all = false;
let isDemo = false;

export function start(demo) {
  isDemo = demo;
  setInterval(() => { if (!document.hidden) load(); }, 15_000);
  return load();
}

export async function load() {
  try {
    ({ rows } = await api.get('/api/v1/sources'));
  } catch (error) {
    if (!rows.length) body.replaceChildren(stateBox('error', 'Feed health could not be loaded.', ` ${error.message}`));
    return;
  }
  draw();
  options();
  const polled = rows.map((row) => row.last_success_at).filter(Boolean).sort().at(-1);
  const newest = rows.map((row) => row.newest_at).filter(Boolean).sort().at(-1);
  live.setFresh(polled ?? newest, polled ? 'feeds read' : 'newest story');
}

/** For the empty page: what each feed said. */
export function summary() {
  const polled = rows.filter((row) => row.outcome);
  if (isDemo) return ['No stories yet.', ' The demo’s stories come in a moment.'];
  if (!rows.length) return ['No stories yet.', ' No feed was polled so far. Feeds are polled every 5 minutes if they don’t say otherwise.'];
  const failed = polled.filter((row) => row.failures > 0);
  return ['No stories yet.', ` ${polled.length} of ${rows.length} feeds were polled, ${failed.length} of them without success. What each said stands under Feed health.`,
    el('ul', {}, failed.slice(0, 5).map((row) => el('li', {}, `${row.name}: ${row.error ?? WORDS[row.outcome]}`)))];
}

function options() {
  const select = $('#filters [name=source]');
  const names = rows.filter((row) => row.stories).map((row) => row.name);
  const chosen = select.value;
  if (chosen && !names.includes(chosen)) names.push(chosen);
  const there = [...select.options].slice(1).map((option) => option.value);
  if (names.join('\n') === there.join('\n')) return;
  select.replaceChildren(el('option', { value: '' }, 'any'), ...names.sort((a, b) => a.localeCompare(b)).map((name) => el('option', { value: name }, name)));
  select.value = chosen;
}

export function draw() {
  if (!rows.length) {
    body.replaceChildren(stateBox('empty', 'No source yet.', isDemo ? ' The demo polls nothing.' : ' The first polls begin a moment after the start.'));
    return;
  }
  const failing = rows.filter((row) => row.failures > 0).length;
  const silent = rows.filter((row) => row.status === 'silent').length;
  const polled = rows.filter((row) => row.outcome).length;
  const words = (!polled ? `${rows.length} sources, none of them polled` : failing ? `${failing} of ${polled} polled feeds fail` : `All ${polled} polled feeds answer`)
    + (silent ? `, ${silent} silent longer than usual` : '');
  const most = all ? rows.length : Math.max(FEW, Math.min(failing + silent, 12));
  body.replaceChildren(
    el('p', { class: failing || silent ? 'summary bad' : 'summary' }, words),
    el('ul', { class: 'feeds' }, rows.slice(0, most).map(item)),
    ...(rows.length > most ? [el('button', { type: 'button', class: 'quiet', onclick: () => { all = true; draw(); } }, `${rows.length - most} more`)] : []));
}

function item(row) {
  const silent = row.status === 'silent';
  const bad = row.failures > 0 || silent;
  const mark = bad ? '✕' : row.outcome ? '✓' : '·';
  const parts = [row.stories ? `${row.stories} ${row.stories === 1 ? 'story' : 'stories'}` : 'no stories'];
  if (row.newest_at) parts.push(`newest ${ago(row.newest_at)}`);
  if (row.lateness > LATE) parts.push(`usually ${span(row.lateness)} late`);
  if (row.undated > SHARE) parts.push(`${percent(row.undated)} undated`);
  if (row.duplicates > SHARE) parts.push(`${percent(row.duplicates)} told before`);
  const says = silent ? `Nothing new for ${span(secondsSince(row.last_new_at))}; its longest usual pause is ${span(row.usual_quiet)}.` : row.failures > 0 ? row.error : row.moved_to ? `Has moved to ${row.moved_to}: put the new address in the feeds file.` : null;
  const poll = [];
  if (row.outcome) poll.push(row.last_success_at ? `last success ${ago(row.last_success_at)}` : 'never yet successful');
  if (row.failures > 0) poll.push(`${row.failures} ${row.failures === 1 ? 'failure' : 'failures'} in a row`);
  if (row.next_poll_at) poll.push(nextPoll(row.next_poll_at));
  return el('li', { class: bad ? 'feed bad' : 'feed', title: row.url || null },
    el('div', {}, el('span', { class: 'mark', 'aria-hidden': 'true' }, mark), el('b', {}, row.name), el('span', { class: 'outcome' }, silent ? 'silent' : row.outcome ? WORDS[row.outcome] : 'not polled')),
    says ? el('p', { class: 'error' }, says) : null,
    el('small', {}, parts.join(' · ')),
    poll.length ? el('small', { title: row.last_polled_at ? `Polled ${full(row.last_polled_at)}` : null }, poll.join(' · ')) : null);
}

const percent = (share) => `${Math.round(share * 100)} %`;

function nextPoll(time) {
  const seconds = -secondsSince(time);
  return seconds > 0 ? `next in ${span(seconds)}` : `due since ${short(time)}`;
}

export const hasStories = () => rows.some((row) => row.stories);
