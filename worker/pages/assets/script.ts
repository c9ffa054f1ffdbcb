/**
 * What pages do better with a script: times in the viewer's zone, copy buttons, live lists. Everything works
 * without it. Served as a file, since the content policy allows no script in a page.
 */
export const script = `'use strict';
(() => {
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' });
  const short = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
  const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
  const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });
  const units = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]];
  function ago(ms) {
    const seconds = (ms - Date.now()) / 1000;
    for (const [unit, size] of units) {
      if (Math.abs(seconds) >= size || unit === 'second') return relative.format(Math.round(seconds / size), unit);
    }
  }
  /** What a part of the page is given once it is there. */
  function enliven(root) {
    for (const one of root.querySelectorAll('button[data-copy], [data-scripted]')) one.hidden = false;

    for (const time of root.querySelectorAll('time[datetime]')) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      time.title = exact.format(at) + ' (' + at.toISOString() + ')';
      if (time.dataset.as === 'clock') time.textContent = clock.format(at);
      else if (time.dataset.as === 'ago') time.textContent = ago(at.getTime());
      else time.textContent = short.format(at);
    }
  }
  enliven(document);
  for (const place of document.querySelectorAll('.zone')) place.textContent = Intl.DateTimeFormat().resolvedOptions().timeZone;

  // The secret of a mailed link stands behind the #, which no server is told: here it goes into its field.
  const secret = document.querySelector('input[data-fragment]');
  if (secret && location.hash.length > 1) {
    secret.value = location.hash.slice(1);
    history.replaceState(null, '', location.pathname + location.search);
    secret.closest('.field').hidden = true;
    // What only opens a page goes on by itself; what uses a link up waits for a person.
    if (secret.form.dataset.goOn !== undefined) secret.form.submit();
  }

  // Where a form was refused, one begins at what is wrong; once the browser has gone to the part that the address names.
  const wrong = document.querySelector('[aria-invalid="true"]') || document.getElementById('refusal');
  if (wrong) addEventListener('load', () => setTimeout(() => {
    wrong.focus();
    wrong.scrollIntoView({ block: 'center' });
  }));

  const said = document.getElementById('said');
  // One listener for the page: parts of it are fetched again, with buttons of their own.
  document.addEventListener('click', async (event) => {
    const button = event.target.closest && event.target.closest('button[data-copy]');
    if (!button) return;
    const from = document.getElementById(button.dataset.copy);
    // Of a table of records a line each, its fields between tabs.
    const text = button.dataset.rows === undefined ? from.textContent : [...from.querySelectorAll('tr[data-record]')]
      .map((row) => [...row.querySelectorAll('[data-field]')].map((field) => field.textContent.trim()).join('\\t'))
      .join('\\n');
    const label = button.firstElementChild;
    const before = label.textContent;
    try {
      await navigator.clipboard.writeText(text);
      label.textContent = 'Copied';
      if (said) said.textContent = 'Copied to the clipboard';
    } catch {
      getSelection().selectAllChildren(from);
      label.textContent = 'Press Ctrl+C';
    }
    setTimeout(() => { label.textContent = before; }, 2000);
  });

  // The key / goes to the search of the page.
  document.addEventListener('keydown', (event) => {
    const typing = event.target.closest && event.target.closest('input, select, textarea, [contenteditable]');
    if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const search = document.querySelector('input[type="search"]');
    event.preventDefault();
    if (!search) {
      if (document.querySelector('.nav')) location.assign('/messages#q');
      return;
    }
    search.focus();
    search.select();
  });
  if (location.hash === '#q') document.querySelector('input[type="search"]')?.focus();

  // The keys j and k go down and up through the rows of a list; Enter opens, as every link does.
  document.addEventListener('keydown', (event) => {
    const typing = event.target.closest && event.target.closest('input, select, textarea, [contenteditable]');
    if ((event.key !== 'j' && event.key !== 'k') || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const links = [...document.querySelectorAll('main tbody tr')].map((row) => row.querySelector('a[href]')).filter(Boolean);
    if (links.length === 0) return;
    const at = links.findIndex((link) => link.closest('tr').contains(document.activeElement));
    const next = event.key === 'j' ? Math.min(at + 1, links.length - 1) : Math.max(at - 1, 0);
    event.preventDefault();
    links[next].focus();
    links[next].scrollIntoView({ block: 'nearest' });
  });

  // A search that has not come to its end goes on by itself, until a page is full.
  const full = 50;
  (async () => {
    for (;;) {
      const further = document.getElementById('further');
      const list = document.getElementById('list');
      const more = further && further.dataset.more;
      if (!more || !list || list.querySelectorAll('tbody tr').length >= full) return;
      try {
        const answer = await fetch(more, { headers: { Accept: 'text/html' } });
        if (!answer.ok) return;
        const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
        const rows = fresh.querySelectorAll('#list tbody tr');
        const body = list.querySelector('tbody');
        if (body) body.append(...rows);
        else list.replaceChildren(...fresh.getElementById('list').childNodes);
        further.replaceWith(fresh.getElementById('further'));
        enliven(list);
        enliven(document.getElementById('further'));
        if (rows.length > 0 && said) said.textContent = rows.length + ' more found';
      } catch { return; }
    }
  })();

  // A form that is posted again by itself while the page is looked at, until it is gone from the page.
  for (const form of document.querySelectorAll('form[data-again]')) {
    const { action, dataset } = form;
    const again = async () => {
      if (!document.querySelector('form[data-again]')) return;
      if (document.visibilityState === 'visible') await fetch(action, { method: 'POST', body: new URLSearchParams() }).catch(() => null);
      setTimeout(again, Number(dataset.again) * 1000);
    };
    setTimeout(again, Number(dataset.again) * 1000);
  }

  // Parts that say how often they go stale are fetched again while the page is looked at.
  for (const part of document.querySelectorAll('[data-refresh]')) {
    const every = Number(part.dataset.refresh) * 1000;
    const again = async () => {
      if (document.visibilityState === 'visible' && !part.contains(document.activeElement)) {
        try {
          const answer = await fetch(part.dataset.from || location.href, { headers: { Accept: 'text/html' } });
          if (answer.ok) {
            const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById(part.id);
            if (fresh) {
              part.replaceChildren(...fresh.childNodes);
              enliven(part);
              if (!fresh.hasAttribute('data-refresh')) return;
            }
          }
        } catch { /* away for a moment: the next round tries again */ }
      }
      setTimeout(again, every);
    };
    setTimeout(again, every);
  }
})();
`;
