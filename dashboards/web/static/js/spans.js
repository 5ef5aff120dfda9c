// A text with its mentions marked. Offsets are in code points; a JavaScript string counts UTF-16 units (an emoji is two).
import { el } from './dom.js';
import { arrow, percent, signed } from './sentiment.js';

const GROUPS = { ORG: 'organisation', PER: 'person', LOC: 'place', ASSET: 'market' };

/** The pieces of `text`: `[{text, entity}]`, `entity` null between mentions. Overlaps and bad offsets are left out. */
export function pieces(text, entities) {
  const points = Array.from(text);
  const found = [];
  let at = 0;
  for (const entity of [...entities].sort((a, b) => a.start - b.start || b.end - a.end)) {
    if (entity.start < at || entity.end > points.length || entity.end <= entity.start) continue;
    if (entity.start > at) found.push({ text: points.slice(at, entity.start).join(''), entity: null });
    found.push({ text: points.slice(entity.start, entity.end).join(''), entity });
    at = entity.end;
  }
  if (at < points.length) found.push({ text: points.slice(at).join(''), entity: null });
  return found;
}

/** The paragraph. Each mention carries its sign in the text, so that it is read without colour or pointer. */
export function marked(text, entities) {
  // The headline is what stands before the first line break.
  const points = Array.from(text);
  const end = points.indexOf('\n') < 0 ? points.length : points.indexOf('\n');
  const shifted = entities.filter((one) => one.start >= end).map((one) => ({ ...one, start: one.start - end, end: one.end - end }));
  return el('p', { class: 'fulltext', dir: 'auto' },
    el('b', {}, nodes(points.slice(0, end).join(''), entities.filter((one) => one.end <= end))), nodes(points.slice(end).join(''), shifted));
}

function nodes(text, entities) {
  return pieces(text, entities).map(({ text: words, entity }) => {
    if (!entity) return words;
    const { label, score, confidence } = entity.sentiment;
    const who = entity.symbol ?? GROUPS[entity.entity_group] ?? entity.entity_group;
    const why = entity.symbol ? '' : entity.unlinked_reason ? `, not linked: ${entity.unlinked_reason}` : '';
    return el('mark', { class: label, title: `${who}: ${label}, ${signed(score)}, ${percent(confidence)}${why}` },
      words, el('sup', {}, `${arrow(label)}${entity.symbol ? ` ${entity.symbol}` : ''}`));
  });
}
