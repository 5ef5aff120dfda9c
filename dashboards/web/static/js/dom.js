// Elements out of plain values. Outside text only ever becomes a text node: there is no innerHTML on this page.

export const $ = (selector, root = document) => root.querySelector(selector);

/** An element: `el('a', {href, class: 'x', onclick}, 'text', other)`. Empty children (null, false, '') are left out. */
export function el(name, props = {}, ...children) {
  const svg = name === 'svg' || name === 'rect' || name === 'line' || name === 'circle';
  const node = svg ? document.createElementNS('http://www.w3.org/2000/svg', name) : document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (key === 'dataset') Object.assign(node.dataset, value);
    else node.setAttribute(key, value === true ? '' : value);
  }
  node.append(...children.flat().filter((one) => one !== null && one !== undefined && one !== false && one !== ''));
  return node;
}

/** The address if it is http or https, else null: `javascript:` and `data:` never become a link. */
export function safeUrl(link) {
  if (!link) return null;
  try {
    const url = new URL(link);
    return url.protocol === 'https:' || url.protocol === 'http:' ? url.href : null;
  } catch {
    return null;
  }
}

/** A link to a page outside, or the same words without a link. */
export function outside(link, text, props = {}) {
  const href = safeUrl(link);
  if (!href) return el('span', props, text);
  return el('a', { ...props, href, target: '_blank', rel: 'noopener noreferrer' }, text);
}

/** What to show where there is nothing else: empty, error and loading differ in look and words. */
export function stateBox(kind, title, ...rest) {
  return el('div', { class: `state ${kind}`, role: kind === 'error' ? 'alert' : null }, el('strong', {}, title), ...rest);
}

/** Calls `run` once, `wait` ms after the last of many calls. */
export function debounced(run, wait) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(...args), wait);
  };
}

/** What browsers may refuse (private windows, full storage) is remembered where it can be. */
export const memory = {
  get(key) {
    try {
      return localStorage.getItem(`riskwire.${key}`);
    } catch {
      return null;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(`riskwire.${key}`, value);
    } catch {
      // then it lasts as long as the page
    }
  },
};
