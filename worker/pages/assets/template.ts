/**
 * The page of a template while one types: asks what is wrong, says it at the fields, and when nothing is, posts the form
 * into a new frame, as its button does without a script. A new frame each time, so that the browser's way back is short.
 */
export const templateScript = `'use strict';
(() => {
  const button = document.querySelector('button[data-preview]');
  if (!button) return;
  const form = button.form;
  const subject = form.querySelector('[data-subject]');
  const example = form.elements.namedItem('example');
  const test = document.getElementById('test_example');
  const kept = 'example ' + location.pathname;
  const waitMs = 400;
  let newest = 0;
  let timer = 0;

  function say(name, detail) {
    const field = form.elements.namedItem(name);
    if (!field) return;
    const id = field.id + '-fault';
    const place = document.getElementById(id);
    const described = (field.getAttribute('aria-describedby') || '').split(' ').filter((one) => one && one !== id);
    if (detail) {
      const said = place || document.createElement('span');
      said.className = 'fault';
      said.id = id;
      if (said.textContent !== detail) said.textContent = detail;
      if (!place) field.after(said);
      field.setAttribute('aria-invalid', 'true');
      described.push(id);
    } else {
      if (place) place.remove();
      field.removeAttribute('aria-invalid');
    }
    if (described.length > 0) field.setAttribute('aria-describedby', described.join(' '));
    else field.removeAttribute('aria-describedby');
  }

  async function look() {
    clearTimeout(timer);
    const mine = ++newest;
    const body = new URLSearchParams(new FormData(form));
    body.set('answer', 'json');
    let found;
    try {
      const answer = await fetch(button.formAction, { method: 'POST', body });
      if (!answer.ok) return;
      found = await answer.json();
    } catch { return; }
    if (mine !== newest) return;
    for (const name of found.judged) {
      const fault = found.faults.find((one) => one.field === name);
      say(name, fault ? fault.detail : '');
    }
    if (found.faults.length > 0) return;
    if (subject) {
      subject.textContent = found.subject;
      subject.parentElement.hidden = false;
    }
    const old = form.querySelector('iframe[name="preview"]');
    const fresh = old.cloneNode();
    fresh.removeAttribute('src');
    fresh.hidden = true;
    old.name = '';
    old.after(fresh);
    fresh.addEventListener('load', () => {
      if (mine !== newest) return;
      for (const one of form.querySelectorAll('iframe')) if (one !== fresh) one.remove();
      fresh.hidden = false;
    });
    form.requestSubmit(button);
  }

  function keep() {
    try { sessionStorage.setItem(kept, example.value); } catch { /* it is not kept then */ }
    if (test) test.value = example.value;
  }

  form.addEventListener('input', (event) => {
    if (event.target === example) keep();
    clearTimeout(timer);
    timer = setTimeout(look, event.target.name === 'view' ? 0 : waitMs);
  });

  // The example stays while the page is left and opened again; not where what was typed is shown with its faults.
  let before = null;
  try { before = sessionStorage.getItem(kept); } catch { /* there is none */ }
  if (before !== null && before !== example.value && !document.getElementById('refusal')) {
    example.value = before;
    if (test) test.value = before;
    look();
  }
})();
`;
