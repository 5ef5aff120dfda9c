// Times in words. Every one shows its zone; one switch (in the address) changes all.
import * as state from './state.js';

const pad = (n) => String(n).padStart(2, '0');
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
export const isUtc = () => state.get().tz === 'utc';

function parts(date) {
  return isUtc()
    ? [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()]
    : [date.getFullYear(), date.getMonth(), date.getDate(), date.getHours(), date.getMinutes(), date.getSeconds()];
}

/** `UTC`, or the reader's own offset then, like `UTC+5:30`. */
export function zone(date = new Date()) {
  const minutes = isUtc() ? 0 : -date.getTimezoneOffset();
  if (!minutes) return 'UTC';
  const rest = Math.abs(minutes) % 60;
  return `UTC${minutes < 0 ? '−' : '+'}${Math.floor(Math.abs(minutes) / 60)}${rest ? `:${pad(rest)}` : ''}`;
}

export function clock(value) {
  const [, , , hours, minutes] = parts(new Date(value));
  return `${pad(hours)}:${pad(minutes)}`;
}

export function day(value) {
  const [year, month, date] = parts(new Date(value));
  const thisYear = parts(new Date())[0];
  return `${date} ${MONTHS[month]}${year === thisYear ? '' : ` ${year}`}`;
}

/** `24 Nov 2026, 14:03:09 UTC+1` */
export function full(value) {
  const then = new Date(value);
  const [year, month, date, hours, minutes, seconds] = parts(then);
  return `${date} ${MONTHS[month]} ${year}, ${pad(hours)}:${pad(minutes)}:${pad(seconds)} ${zone(then)}`;
}

/** `14:03 UTC`, with the day where it is not today. */
export function short(value) {
  const then = new Date(value);
  const today = day(then) === day(new Date());
  return `${today ? '' : `${day(then)}, `}${clock(then)} ${zone(then)}`;
}

/** A length of time: `45 s`, `12 min`, `3 h`, `2 days`. */
export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 90 * 60) return `${Math.round(s / 60)} min`;
  if (s < 36 * 3600) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} days`;
}

export const ago = (value, now = Date.now()) => `${span((now - new Date(value)) / 1000)} ago`;
export const secondsSince = (value) => (Date.now() - new Date(value)) / 1000;
