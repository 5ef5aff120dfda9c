// How sentiment is shown: sign, arrow, word, bar and confidence; never colour alone, and never neutral for missing.
import { el } from './dom.js';

const ARROWS = { positive: '▲', neutral: '●', negative: '▼' };
const REASONS = {
  empty: 'no text', too_short: 'too short', unsupported_language: 'language not supported', error: 'scoring failed',
};

/** `+0.42`, `−0.10`, `0.00`: always two digits, with a real minus. */
export function signed(score) {
  const text = Math.abs(score).toFixed(2);
  if (text === '0.00') return '0.00';
  return (score < 0 ? '−' : '+') + text;
}

export const arrow = (label) => ARROWS[label] ?? '';
export const percent = (p) => `${Math.round(p * 100)} %`;

/** Three fixed words say more than four digits. */
export const sureness = (confidence) => (confidence >= 0.85 ? 'sure' : confidence >= 0.65 ? 'fairly sure' : 'unsure');

/** A bar from the middle (0) to the score, on −1…1. Attributes only: the page's policy has no inline styles. */
export function bar(score, label) {
  const width = 64;
  const middle = width / 2;
  const length = Math.min(Math.abs(score), 1) * middle;
  return el('svg', { class: `bar-svg ${label}`, width, height: 8, viewBox: `0 0 ${width} 8`, 'aria-hidden': 'true' },
    el('rect', { class: 'track', x: 0, y: 3, width, height: 2, rx: 1 }),
    el('rect', { class: 'fill', x: score < 0 ? middle - length : middle, y: 1, width: Math.max(length, 1), height: 6, rx: 1 }),
    el('line', { class: 'zero', x1: middle, x2: middle, y1: 0, y2: 8 }));
}

/** Why a story has no sentiment, in words. */
export function reason(row) {
  if (row.status === 'removed') return 'removed by its source';
  return `not scored: ${REASONS[row.unscored_reason] ?? 'reason unknown'}`;
}

/** The cell of a story's sentiment. */
export function verdict(row) {
  const one = row.sentiment;
  if (!one) {
    return el('div', { class: 'verdict missing' }, el('span', { class: 'hatch', 'aria-hidden': 'true' }), el('span', { class: 'word' }, reason(row)));
  }
  const unsure = one.confidence < 0.65;
  return el('div', { class: `verdict ${one.label}${unsure ? ' unsure' : ''}` },
    el('span', { class: 'score' }, el('span', { class: 'arrow', 'aria-hidden': 'true' }, arrow(one.label)), ` ${signed(one.score)}`),
    el('span', { class: 'word' }, one.label),
    bar(one.score, one.label),
    el('small', { title: 'Confidence: the calibrated probability of the label' }, `${percent(one.confidence)} ${sureness(one.confidence)}`));
}

/** Its companies, the most relevant first, each with its own sentiment. */
export function companies(row, onPick, most = 4) {
  const all = Object.entries(row.companies ?? {}).sort((a, b) => b[1].relevance - a[1].relevance || b[1].n - a[1].n);
  const chips = all.slice(0, most).map(([symbol, one]) => chip(symbol, one, onPick));
  if (all.length > most) chips.push(el('small', { class: 'more' }, `+${all.length - most} more`));
  return chips;
}

function chip(symbol, one, onPick) {
  const label = `Only stories about ${symbol}. Here: ${one.label}, ${signed(one.score)}, ${percent(one.confidence)}`;
  return el('button', { type: 'button', class: `chip ${one.label}`, title: label, 'aria-label': `${symbol}: ${label}`,
    onclick: (event) => { event.stopPropagation(); onPick(symbol); } },
  el('b', {}, symbol), ' ', el('span', { class: 'arrow', 'aria-hidden': 'true' }, arrow(one.label)), ` ${signed(one.score)}`);
}
