// Keys, for who reads hundreds of stories a day. Dead in inputs and with modifiers; single keys can be switched off.
import { $, el, memory } from './dom.js';

const dialog = $('#keys');
const NAMES = [
  ['j', 'next story'], ['k', 'story before'], ['Enter', 'details of the story'], ['o', 'open its original'],
  ['n', 'show the new stories'], ['p', 'pause, go on'], ['/', 'search'], ['u', 'switch the time zone'],
  ['?', 'this list'], ['Escape', 'close'],
];
const isOn = () => memory.get('keys') !== 'off';

/** `actions`: key → function. */
export function start(actions) {
  $('#help').addEventListener('click', show);
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || dialog.open) return;
    const typing = event.target.closest('input, select, textarea, [contenteditable]');
    if (event.key === 'Escape') {
      if (typing) event.target.blur();
      else actions.Escape?.();
      return;
    }
    if (typing || !isOn()) return;
    if (event.key === 'Enter' && event.target.closest('button, a, summary')) return;
    const action = event.key === '?' ? show : actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

function show() {
  const toggle = el('input', { type: 'checkbox', onchange: (event) => memory.set('keys', event.target.checked ? 'on' : 'off') });
  toggle.checked = isOn();
  dialog.replaceChildren(
    el('h2', { id: 'keys-title' }, 'Keys'),
    el('dl', {}, NAMES.flatMap(([key, what]) => [el('dt', {}, el('kbd', {}, key)), el('dd', {}, what)])),
    el('label', {}, toggle, ' Single keys are on'),
    el('form', { method: 'dialog' }, el('button', {}, 'Close')));
  dialog.showModal();
}
