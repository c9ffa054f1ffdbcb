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
  function localTimes(root) {
    for (const time of root.querySelectorAll('time[datetime]')) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      time.title = exact.format(at) + ' (' + at.toISOString() + ')';
      if (time.dataset.as === 'clock') time.textContent = clock.format(at);
      else if (time.dataset.as === 'ago') time.textContent = ago(at.getTime());
      else time.textContent = short.format(at);
    }
  }
  localTimes(document);
  for (const place of document.querySelectorAll('.zone')) place.textContent = Intl.DateTimeFormat().resolvedOptions().timeZone;

  const said = document.getElementById('said');
  for (const button of document.querySelectorAll('button[data-copy]')) {
    button.hidden = false;
    button.addEventListener('click', async () => {
      const from = document.getElementById(button.dataset.copy);
      const label = button.firstElementChild;
      const before = label.textContent;
      try {
        await navigator.clipboard.writeText(from.textContent);
        label.textContent = 'Copied';
        if (said) said.textContent = 'Copied to the clipboard';
      } catch {
        getSelection().selectAllChildren(from);
        label.textContent = 'Press Ctrl+C';
      }
      setTimeout(() => { label.textContent = before; }, 2000);
    });
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
              localTimes(part);
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
