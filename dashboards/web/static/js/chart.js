// Vega under a strict policy: expressions are interpreted, never compiled (`ast: true`), nothing injects styles.
// It is 780 KB, so it is fetched after the first rows are there.
import { memory } from './dom.js';
import { isUtc } from './time.js';

const dark = matchMedia('(prefers-color-scheme: dark)');
const LIGHT = { ink: '#1F2933', muted: '#6B7280', grid: '#E5E7EB', negative: '#B35806', negativeSoft: '#E08214', middle: '#9CA3AF', positiveSoft: '#5A9BC8', positive: '#2166AC' };
const DARK = { ink: '#E6E9EE', muted: '#9CA3AF', grid: '#27303A', negative: '#FDB863', negativeSoft: '#C98A3C', middle: '#6B7280', positiveSoft: '#6FA5C4', positive: '#92C5DE' };
let libraries = null;

export const isDark = () => {
  const chosen = memory.get('theme');
  return chosen === 'dark' || (chosen !== 'light' && dark.matches);
};
export const onSystemTheme = (run) => dark.addEventListener('change', run);

function script(src) {
  return new Promise((resolve, reject) => {
    const node = document.createElement('script');
    node.src = src;
    node.onload = resolve;
    node.onerror = () => reject(new Error(`${src} could not be loaded`));
    document.head.append(node);
  });
}

function load() {
  libraries ??= (async () => {
    await script('/static/vendor/vega.min.js');
    await script('/static/vendor/vega-lite.min.js');
    const { expressionInterpreter } = await import('/static/vendor/vega-interpreter.js');
    return { vega: globalThis.vega, vegaLite: globalThis.vegaLite, expressionInterpreter };
  })();
  libraries.catch(() => { libraries = null; }); // the next try may succeed
  return libraries;
}

function config(colours) {
  const font = 'system-ui, "Segoe UI", "Liberation Sans", sans-serif';
  return {
    background: 'transparent', font, padding: 2, view: { stroke: null },
    axis: { labelColor: colours.muted, titleColor: colours.muted, gridColor: colours.grid, domainColor: colours.grid, tickColor: colours.grid,
      labelFontSize: 11, titleFontSize: 11, titleFontWeight: 'normal' },
    axisY: { minExtent: 34 }, text: { fontSize: 11 },
  };
}

/** The specification fitted to this page: width, colours, zone. The file's own values stay as they are. */
export function fitted(spec, width) {
  const copy = structuredClone(spec);
  const colours = isDark() ? DARK : LIGHT;
  for (const param of copy.params ?? []) if (param.name in colours) param.value = colours[param.name];
  for (const part of copy.vconcat ?? [copy]) {
    part.width = width;
    const axis = part.encoding?.x?.axis;
    if (axis?.tickCount) axis.tickCount = Math.max(2, Math.round(width / 90)); // else a phone shows 12:00 four times
  }
  if (isUtc()) inUtc(copy);
  copy.config = config(colours);
  return copy;
}

function inUtc(node) {
  if (node === null || typeof node !== 'object') return;
  if (node.type === 'temporal') node.scale = { ...node.scale, type: 'utc' };
  Object.values(node).forEach(inUtc);
}

/** Draw into `container`; resolves to the view. `tooltip(datum, event)` is told what is under the pointer, or null. */
export async function draw(container, spec, rows, { width, tooltip }) {
  const { vega, vegaLite, expressionInterpreter } = await load();
  const given = fitted(spec, width);
  given.data = { name: 'rows', values: rows.map((row) => ({ ...row })) };
  const { spec: compiled } = vegaLite.compile(given, { logger: vega.logger(vega.Error) });
  const view = new vega.View(vega.parse(compiled, null, { ast: true }), {
    expr: expressionInterpreter, renderer: 'svg', hover: true, logLevel: vega.Error,
    tooltip: (_handler, event, item, value) => tooltip(value === null || value === undefined ? null : item.datum, event),
  });
  const stage = document.createElement('div');
  await view.initialize(stage).runAsync();
  // The stage has the description as its label; the marks would be read one by one. The table says them in order.
  stage.firstElementChild?.setAttribute('aria-hidden', 'true');
  container.replaceChildren(stage);
  return view;
}
