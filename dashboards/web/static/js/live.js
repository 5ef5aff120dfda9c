// One connection for news. It resumes where it was, tells a dead line from a quiet day by the heartbeat, closes while
// the tab is hidden, and says in the header how things are.
import { $ } from './dom.js';
import { ago, secondsSince, short } from './time.js';

const HEARTBEAT = 15_000;
const STALE = 600; // seconds without a successful poll: two of the usual intervals

let source = null;
let offset = null; // the newest id: where to go on from
let heard = 0;
let failures = 0;
let retry = 0;
let offlineSince = null;
let paused = false;
let fresh = null; // when a source was last read with success
let handlers = {};

/** `handlers`: story(row), alert(row), reset(missed), back() after an interruption. */
export function start(given) {
  handlers = given;
  open();
  setInterval(watch, 5000);
  setInterval(show, 1000);
  document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()));
  addEventListener('pagehide', close);
  addEventListener('online', open);
}

export const isOpen = () => source !== null && source.readyState === EventSource.OPEN;

function open() {
  close();
  if (document.hidden) return;
  source = new EventSource(offset === null ? '/api/v1/events' : `/api/v1/events?after=${offset}`);
  heard = Date.now();
  source.addEventListener('hello', (event) => {
    keep(event);
    failures = 0;
    if (offlineSince !== null) handlers.back?.();
    offlineSince = null;
    show();
  });
  source.addEventListener('story', (event) => { keep(event); handlers.story(JSON.parse(event.data)); });
  source.addEventListener('alert', (event) => { heard = Date.now(); handlers.alert(JSON.parse(event.data)); });
  source.addEventListener('reset', (event) => { keep(event); handlers.reset(JSON.parse(event.data).missed); });
  source.addEventListener('hb', () => { heard = Date.now(); });
  source.addEventListener('error', lost);
}

function keep(event) {
  heard = Date.now();
  if (event.lastEventId) offset = Number(event.lastEventId);
}

function close() {
  clearTimeout(retry);
  source?.close();
  source = null;
}

// The browser reconnects by itself only after some failures, and forgets to after others: so we always do it.
function lost() {
  close();
  offlineSince ??= Date.now();
  failures += 1;
  retry = setTimeout(open, Math.min(1000 * 2 ** (failures - 1), 30_000) * (0.75 + Math.random() / 2));
  show();
}

function watch() {
  if (source && Date.now() - heard > 3 * HEARTBEAT) lost();
}

export function setPaused(on) {
  paused = on;
  show();
}

/** When news last came in: the newest successful poll, else the newest story. */
export function setFresh(time, what) {
  fresh = time ? { time, what } : null;
  show();
}

function show() {
  const box = $('#stream');
  const state = offlineSince !== null ? 'offline' : paused ? 'paused' : isOpen() ? 'live' : 'connecting';
  const words = { offline: `offline since ${short(offlineSince ?? 0)}`, paused: 'paused', live: 'live', connecting: 'connecting' };
  if (box.dataset.state !== state) box.dataset.state = state;
  const word = $('.word', box);
  if (word.textContent !== words[state]) word.textContent = words[state];
  const age = $('#age');
  const text = fresh ? `${fresh.what} ${ago(fresh.time)}` : '';
  if (age.textContent !== text) age.textContent = text;
  age.classList.toggle('stale', fresh !== null && fresh.what === 'feeds read' && secondsSince(fresh.time) > STALE);
}
