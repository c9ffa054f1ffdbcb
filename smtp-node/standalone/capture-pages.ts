import type { Email } from 'postal-mime';
import type { CapturedMessage } from './captured-message.ts';
import { type Html, html, type Part } from './html.ts';

/** The pages of captured mail: a list, and one mail as HTML, as text and as it came. Text of mails is only ever escaped. */

/** Mails of one page of the list. */
export const listed = 100;

export const captureStyle = `:root {
  color-scheme: light dark;
  --ground: light-dark(#f7f5f2, #161412); --surface: light-dark(#ffffff, #1f1c19); --sunken: light-dark(#f1ede8, #191715);
  --line: light-dark(#e2dcd4, #37322d); --edge: light-dark(#8b8177, #867c72);
  --ink: light-dark(#221d19, #f1ece6); --quiet: light-dark(#665d54, #b3a99e); --accent: light-dark(#93461a, #eda57a);
  --accent-soft: light-dark(#f9ebe1, #38271c);
}
* { box-sizing: border-box; }
html { background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 76rem; padding: 2rem; overflow-wrap: anywhere; }
main { display: grid; gap: 1.25rem; }
main > * { min-width: 0; margin: 0; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.1rem; }
a { color: var(--accent); text-underline-offset: .15em; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 2px; }
.quiet { color: var(--quiet); }
.card { background: var(--surface); border: 1px solid var(--line); border-radius: .5rem; overflow: hidden; }
.empty { padding: 2rem 1.5rem; }
table { width: 100%; border-collapse: collapse; table-layout: fixed; }
th, td { text-align: left; padding: .75rem 1rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
th { color: var(--quiet); font-size: .8125rem; }
tbody tr { border-top: 1px solid var(--line); } tbody tr:hover { background: var(--sunken); }
th:nth-child(3) { width: 13rem; }
form, nav { display: flex; gap: .5rem .75rem; flex-wrap: wrap; align-items: center; }
input, button, nav a { font: inherit; color: inherit; background: var(--surface); border: 1px solid var(--edge); border-radius: .375rem; padding: .4rem .75rem; }
input { min-width: 0; flex: 1; } button { font-weight: 600; cursor: pointer; }
nav a { text-decoration: none; } nav a:last-child { margin-left: auto; }
nav a[aria-current] { background: var(--accent-soft); border-color: var(--accent); color: var(--accent); font-weight: 600; }
pre { white-space: pre-wrap; margin: 0; padding: 1rem 1.5rem; font: 13px/1.5 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
iframe { display: block; width: 100%; height: 70vh; border: 0; background: #fff; color-scheme: light; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .25rem 1.5rem; padding: 1rem 1.5rem; }
dt { color: var(--quiet); } dd { margin: 0; }
ul { padding-left: 1.25rem; }
@media (max-width: 40rem) {
  body { padding: 1rem; }
  th:nth-child(3), td:nth-child(3) { display: none; }
  dl { grid-template-columns: minmax(0, 1fr); gap: 0; } dd { margin-bottom: .5rem; }
  nav a:last-child { margin-left: 0; }
}
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

/** @param newest the id of the newest mail, where the page follows it */
function page(title: string, body: Html, newest: string | null = null): string {
  const follows = newest === null ? null : html` data-newest="${newest}"`;
  return html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title} · captured by Pennypost</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="/page.css">
    <script src="/page.js" defer></script>
  </head>
  <body${follows}>
    <main>${body}</main>
  </body>
</html>
`.text;
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
  const further = new URLSearchParams({ q: of.query, from: String(of.from + listed) }).toString();
  const body = html`
      <h1>Captured mail</h1>
      <p class="quiet">What would have left this machine is kept here, in memory, the newest first.</p>
      <form method="get" action="/">
        <input type="search" name="q" value="${of.query}" aria-label="Search" placeholder="Address or subject">
        <button type="submit">Search</button>
      </form>
      <div id="list">
        <div class="card">${shown.length === 0 ? nothing(all.length === 0) : table(shown)}</div>
        ${found.length > of.from + listed ? html`<p><a href="/?${further}">Older</a></p>` : null}
      </div>`;
  return page('Mail', body, all[0]?.id ?? '');
}

function nothing(atAll: boolean): Html {
  return html`<p class="empty quiet">${atAll ? 'No mail yet. Send one: it shows up here by itself.' : 'No mail fits.'}</p>`;
}

function table(mails: readonly CapturedMessage[]): Html {
  return html`
          <table>
            <thead>
              <tr><th scope="col">Subject</th><th scope="col">To</th><th scope="col">At (UTC)</th></tr>
            </thead>
            <tbody>${mails.map(row)}</tbody>
          </table>`;
}

function row({ id, subject, rcptTo, at }: CapturedMessage): Html {
  const to = rcptTo.join(', ');
  return html`
              <tr>
                <td><a href="/${id}" title="${subjectOf(subject)}"><bdi>${subjectOf(subject)}</bdi></a></td>
                <td title="${to}"><bdi>${to}</bdi></td>
                <td><time datetime="${at}">${clock(at)}</time></td>
              </tr>`;
}

const clock = (at: string) => at.slice(0, 19).replace('T', ' ');

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
  const content: Record<typeof view, Part> = {
    html: html`<iframe title="The mail as HTML" sandbox="" src="/${id}/html"></iframe>`,
    text: html`<pre>${mail?.text ?? ''}</pre>`,
    source: html`<pre>${source}</pre>`,
  };
  const links = offered.map(
    ({ name, text }) =>
      html`<a href="/${id}?view=${name}"${name === view ? html` aria-current="true"` : null}>${text}</a>`,
  );
  const body = html`
      <p><a href="/">← Captured mail</a></p>
      <h1><bdi>${subjectOf(message.subject)}</bdi></h1>
      <dl class="card">
        <dt>From</dt><dd><bdi>${mail?.from?.address ?? message.mailFrom}</bdi></dd>
        <dt>To</dt><dd><bdi>${message.rcptTo.join(', ')}</bdi></dd>
        <dt>Envelope sender</dt><dd>${message.mailFrom || '<>'}</dd>
        <dt>At (UTC)</dt><dd><time datetime="${message.at}">${clock(message.at)}</time></dd>
      </dl>
      <nav aria-label="How it is shown">${links}<a href="/${id}/raw" download="${id}.eml">Download</a></nav>
      <div class="card">${content[view]}</div>
      ${attachments(id, mail?.attachments ?? [])}`;
  return page(subjectOf(message.subject), body);
}

function attachments(id: string, parts: Email['attachments']): Html | null {
  if (parts.length === 0) return null;
  const items = parts.map(
    ({ filename, mimeType }, n) =>
      html`<li><a href="/${id}/parts/${n}" download>${filename ?? `part ${n + 1}`}</a> <span class="quiet">${mimeType}</span></li>`,
  );
  return html`<h2>Attachments</h2><ul>${items}</ul>`;
}
