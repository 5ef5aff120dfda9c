// What the page shows is its address: one place reads it, one writes it. A copied address shows the same.

export const RANGES = { '1h': 3600, '6h': 6 * 3600, '24h': 86400, '3d': 3 * 86400, '7d': 7 * 86400, all: null };
export const RANGE_WORDS = {
  '1h': 'the last hour', '6h': 'the last 6 hours', '24h': 'the last 24 hours',
  '3d': 'the last 3 days', '7d': 'the last 7 days', all: 'all times',
};
const DEFAULTS = { text: '', symbol: '', label: '', source: '', range: '24h', since: '', until: '', tz: 'local', after: '', story: '', alert: '' };
const ALLOWED = {
  label: ['', 'positive', 'neutral', 'negative', 'unscored'],
  range: Object.keys(RANGES),
  tz: ['local', 'utc'],
};
export const FILTERS = ['text', 'symbol', 'label', 'source', 'range', 'since', 'until'];
const isTime = (value) => value === '' || (/[zZ]$|[+-]\d\d:\d\d$/.test(value) && !Number.isNaN(Date.parse(value)));

/** The state in an address. What it can't mean becomes the default, and is said in `problems`. */
export function parse(search) {
  const params = new URLSearchParams(search);
  const state = { ...DEFAULTS };
  const problems = [];
  for (const [key, value] of params) {
    if (!(key in DEFAULTS)) problems.push(`“${key.slice(0, 40)}” is not known`);
    else if (ALLOWED[key] && !ALLOWED[key].includes(value)) problems.push(`${key} can’t be “${value.slice(0, 40)}”`);
    else if ((key === 'since' || key === 'until') && !isTime(value)) problems.push(`${key} can’t be “${value.slice(0, 40)}”`);
    else state[key] = key === 'symbol' ? value.trim().toUpperCase() : value;
  }
  return { state, problems };
}

/** The shortest address of a state. */
export function serialise(state) {
  const params = new URLSearchParams();
  for (const key of Object.keys(DEFAULTS)) if (state[key] !== DEFAULTS[key]) params.set(key, state[key]);
  const query = params.toString();
  return query ? `/?${query}` : '/';
}

const first = parse(location.search);
let current = first.state;
const listeners = new Set();

export const startProblems = first.problems;
export const get = () => current;
export const onChange = (listener) => listeners.add(listener);
export const isFiltered = () => FILTERS.some((key) => key !== 'range' && current[key] !== '');

/** Change the state. A reader's act makes a step in the history; `replace` is for what happens by itself. */
export function set(changes, { replace = false } = {}) {
  const next = { ...current, ...changes };
  // Another list starts at its first page.
  if (FILTERS.some((key) => next[key] !== current[key])) next.after = changes.after ?? '';
  const url = serialise(next);
  if (url === serialise(current)) return;
  history[replace ? 'replaceState' : 'pushState'](null, '', url);
  change(next);
}

export const clear = () => set({ text: '', symbol: '', label: '', source: '', since: '', until: '', after: '' });

addEventListener('popstate', () => change(parse(location.search).state));

function change(next) {
  const changed = new Set(Object.keys(DEFAULTS).filter((key) => next[key] !== current[key]));
  current = next;
  for (const listener of listeners) listener(current, changed);
}

/** A stretch of time of its own (an alert’s link has one) instead of a range that ends now. */
export const hasPeriod = (state = current) => Boolean(state.since || state.until);

/** The start of the range, or null for all times. */
export function since(state = current, now = Date.now()) {
  if (hasPeriod(state)) return state.since ? new Date(state.since) : null;
  const seconds = RANGES[state.range];
  return seconds === null ? null : new Date(now - seconds * 1000);
}

/** `since` and `until` as parameters of the API. */
export function period(state = current) {
  return { since: since(state)?.toISOString() ?? '', until: state.until && new Date(state.until).toISOString() };
}

/** The filters as parameters of the API. */
export function apiParams(state = current) {
  const scored = state.label !== 'unscored';
  return {
    text: state.text, symbol: state.symbol, source: state.source,
    label: scored ? state.label : '', status: scored ? '' : 'unscored',
    ...period(state),
  };
}

/** The filters in a sentence. */
export function sentence(state = current) {
  const parts = [];
  if (state.label) parts.push(state.label === 'unscored' ? 'not scored' : state.label);
  parts.push('stories');
  if (state.symbol) parts.push(`about ${state.symbol}`);
  if (state.source) parts.push(`from ${state.source}`);
  if (state.text) parts.push(`with “${state.text}”`);
  if (hasPeriod(state)) parts.push('of the chosen time');
  else parts.push(state.range === 'all' ? 'of all times' : `of ${RANGE_WORDS[state.range]}`);
  const text = parts.join(' ');
  return `${text[0].toUpperCase()}${text.slice(1)}, newest first`;
}
