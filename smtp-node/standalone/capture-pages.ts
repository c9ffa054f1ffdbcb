import type { Email } from 'postal-mime';
import type { CapturedMessage } from './captured-message.ts';

/** The pages of captured mail: a list, and one mail as HTML, as text and as it came. Text of mails is only ever escaped. */

/** Mails of one page of the list. */
export const listed = 100;

export const captureStyle = `:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
html { background: light-dark(#f7f5f2, #161412); color: light-dark(#221d19, #f1ece6); } body { margin: 0 auto; max-width: 70rem; padding: 1.5rem; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; } a { color: light-dark(#93461a, #eda57a); }
.quiet { color: light-dark(#665d54, #b3a99e); }
table { width: 100%; border-collapse: collapse; table-layout: fixed; }
th, td { text-align: left; padding: .5rem; border-top: 1px solid light-dark(#e2dcd4, #37322d); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
th:nth-child(3) { width: 12rem; }
form, nav { display: flex; gap: .75rem; flex-wrap: wrap; align-items: center; margin: 1rem 0; }
input { font: inherit; padding: .4rem .6rem; min-width: 0; flex: 1; }
nav a[aria-current] { font-weight: 700; text-decoration: none; color: inherit; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: 1rem; background: light-dark(#f1ede8, #191715); }
iframe { width: 100%; height: 70vh; border: 1px solid light-dark(#e2dcd4, #37322d); background: #fff; color-scheme: light; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .25rem 1rem; } dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 40rem) { body { padding: 1rem; } th:nth-child(3), td:nth-child(3) { display: none; } dl { grid-template-columns: minmax(0, 1fr); } }
`;

/** Fetches the list again whenever a mail has come. */
export const captureScript = `(() => {
  let newest = document.body.dataset.newest;
  if (newest === undefined) return;
  setInterval(async () => {
    if (document.visibilityState !== 'visible') return;
    try {
      const text = await (await fetch('/newest')).text();
      if (text === newest) return;
      newest = text;
      const page = new DOMParser().parseFromString(await (await fetch(location.href, { headers: { Accept: 'text/html' } })).text(), 'text/html');
      document.getElementById('list').replaceWith(page.getElementById('list'));
    } catch { /* it is being restarted */ }
  }, 1500);
})();
`;

export function escaped(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (char) => entities[char] ?? char);
}

function page(title: string, body: string, newest?: string): string {
  const data = newest === undefined ? '' : ` data-newest="${escaped(newest)}"`;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escaped(title)} · captured by Pennypost</title><link rel="stylesheet" href="/page.css"><script src="/page.js" defer></script></head><body${data}><main>${body}</main></body></html>`;
}

const subjectOf = (subject: string) => (subject.trim() === '' ? '(no subject)' : subject);

/**
 * @param all the newest first
 * @param of.query words of a sender, a recipient or a subject; '' for all
 * @param of.from how many of the newest are left out
 */
export function listPage(all: readonly CapturedMessage[], of: { query: string; from: number }): string {
  const wanted = of.query.toLowerCase();
  const found = all.filter(({ subject, mailFrom, rcptTo }) =>
    [subject, mailFrom, ...rcptTo].some((text) => text.toLowerCase().includes(wanted)),
  );
  const shown = found.slice(of.from, of.from + listed);
  const rows = shown.map(
    ({ id, subject, rcptTo, at }) =>
      `<tr><td><a href="/${id}"><bdi>${escaped(subjectOf(subject))}</bdi></a></td><td><bdi>${escaped(rcptTo.join(', '))}</bdi></td><td><time datetime="${at}">${at.slice(0, 19).replace('T', ' ')}</time></td></tr>`,
  );
  const older =
    found.length > of.from + listed
      ? `<p><a href="/?${escaped(new URLSearchParams({ q: of.query, from: String(of.from + listed) }).toString())}">Older</a></p>`
      : '';
  const list =
    shown.length === 0
      ? `<p class="quiet">${all.length === 0 ? 'No mail yet. Send one: it shows up here by itself.' : 'No mail fits.'}</p>`
      : `<table><thead><tr><th scope="col">Subject</th><th scope="col">To</th><th scope="col">At (UTC)</th></tr></thead><tbody>${rows.join('')}</tbody></table>${older}`;
  const body = `<h1>Captured mail</h1><p class="quiet">What would have left this machine is kept here, in memory, the newest first.</p><form method="get" action="/"><input type="search" name="q" value="${escaped(of.query)}" aria-label="Search" placeholder="Address or subject"><button type="submit">Search</button></form><div id="list">${list}</div>`;
  return page('Mail', body, all[0]?.id ?? '');
}

const views = [
  { name: 'html', text: 'HTML' },
  { name: 'text', text: 'Text' },
  { name: 'source', text: 'Source' },
] as const;

/** @param mail null: it cannot be taken apart */
export function mailPage(
  message: CapturedMessage,
  mail: Email | null,
  source: string,
  wanted: string,
): string {
  const { id } = message;
  const has = { html: Boolean(mail?.html), text: Boolean(mail?.text), source: true };
  const offered = views.filter(({ name }) => has[name]);
  const view = (offered.find(({ name }) => name === wanted) ?? offered[0])?.name ?? 'source';
  const links = offered.map(
    ({ name, text }) =>
      `<a href="/${id}?view=${name}"${name === view ? ' aria-current="true"' : ''}>${text}</a>`,
  );
  const content = {
    html: `<iframe title="The mail as HTML" sandbox="" src="/${id}/html"></iframe>`,
    text: `<pre>${escaped(mail?.text ?? '')}</pre>`,
    source: `<pre>${escaped(source)}</pre>`,
  }[view];
  const parts = (mail?.attachments ?? []).map(
    (part, n) =>
      `<li><a href="/${id}/parts/${n}" download>${escaped(part.filename ?? `part ${n + 1}`)}</a> <span class="quiet">${escaped(part.mimeType)}</span></li>`,
  );
  const body = `<p><a href="/">← Captured mail</a></p><h1><bdi>${escaped(subjectOf(message.subject))}</bdi></h1><dl><dt>From</dt><dd><bdi>${escaped(mail?.from?.address ?? message.mailFrom)}</bdi></dd><dt>To</dt><dd><bdi>${escaped(message.rcptTo.join(', '))}</bdi></dd><dt>Envelope sender</dt><dd>${escaped(message.mailFrom || '<>')}</dd><dt>At</dt><dd>${message.at}</dd></dl><nav aria-label="How it is shown">${links.join('')}<a href="/${id}/raw" download="${id}.eml">Download</a></nav>${content}${parts.length > 0 ? `<h2>Attachments</h2><ul>${parts.join('')}</ul>` : ''}`;
  return page(subjectOf(message.subject), body);
}
