import { z } from 'zod';
import { readScope, shownScope } from '#domain/suppression/scope.ts';
import { suppressionReasons } from '#domain/suppression/suppression.ts';
import { askApi, callApi } from '../../api/own-api.ts';
import type { Call } from '../../http/app.ts';
import { may } from '../../identity/viewer.ts';
import { html } from '../../pages/answer.tsx';
import { Card, Columns } from '../../pages/blocks.tsx';
import { Field, Fields, Post, Select } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import { Empty, Head, State, Time, type Tone } from '../../pages/parts.tsx';
import type { Viewer } from '../../store/auth.ts';
import { listSuppressions } from '../../store/suppressions.ts';
import { Board } from '../board.tsx';
import { shownOnce, thenShow } from '../once.ts';
import {
  answerSchema,
  briefly,
  Import,
  type Imported,
  Preview,
  readCsv,
  runImport,
  uploadLimit,
} from './suppression-import.tsx';

/** Addresses that are not mailed: why, with the proof; adding, removing, import and export. */
export const suppressionPages = new Board();

const pageSize = 50;
const reasonTone: Record<string, Tone> = {
  hard_bounce: 'bad',
  complaint: 'bad',
  manual: 'quiet',
  unsubscribe: 'warn',
};

suppressionPages.page('/suppressions', async (c, viewer) => {
  const imported = await shownOnce(c, viewer, answerSchema);
  return await listPage(c, viewer, imported && { csv: null, answer: imported });
});

async function listPage(c: Call, viewer: Viewer, imported: Imported | null) {
  const query = (c.req.query('query') ?? '').trim().slice(0, 320);
  const reason = suppressionReasons.find((one) => one === c.req.query('reason')) ?? null;
  const from = Number(c.req.query('from') ?? 0);
  const { entries, next } = await listSuppressions(
    c.get('store'),
    { accountId: viewer.account.accountId, domains: null },
    { query: query || null, reason, scope: null },
    { limit: pageSize, before: Number.isSafeInteger(from) && from > 0 ? from : null },
    Date.now(),
  );
  const change = may(viewer, 'developer');
  const filtered = query !== '' || reason !== null;
  const more = new URLSearchParams({ query, reason: reason ?? '', from: String(next) });
  return html(
    c,
    <Page title="Suppressions" viewer={viewer} url={c.req.url}>
      <Head
        title="Suppressions"
        lead="Addresses that nothing is sent to: they bounced for good, complained, unsubscribed, or you put them here."
      >
        <a class="button" href="/suppressions/export">
          Export CSV
        </a>
      </Head>
      {imported && <Preview imported={imported} />}
      <form method="get" action="/suppressions" class="card" aria-label="Search">
        <div class="filters">
          <Field label="Address" name="query" value={query} required={false} />
          <Select
            label="Reason"
            name="reason"
            value={reason ?? ''}
            options={[
              { value: '', text: 'any' },
              ...suppressionReasons.map((one) => ({ value: one, text: one.replaceAll('_', ' ') })),
            ]}
          />
          <div class="row">
            <button type="submit" class="primary">
              Search
            </button>
            {filtered && <a href="/suppressions">Clear</a>}
          </div>
        </div>
      </form>
      <section class="card flush" aria-label="Suppressed addresses">
        {entries.length === 0 ? (
          <Empty title={filtered ? 'Nothing found' : 'Nobody is suppressed'}>
            <p>
              {filtered
                ? next === null
                  ? 'This address can be mailed, as far as this list goes.'
                  : 'Nothing among the newest; search further back, or look for the whole address.'
                : 'An address comes here by itself when it bounces for good or complains.'}
            </p>
          </Empty>
        ) : (
          <table class="cards">
            <Columns names={['Address', 'Reason', 'Proof', 'Since']} actions />
            <tbody>
              {entries.map((entry) => (
                <tr>
                  <td class="break">
                    {entry.address}
                    {entry.scope && <p class="small quiet">{limitedTo(entry.scope)} only</p>}
                  </td>
                  <td>
                    <State tone={reasonTone[entry.reason] ?? 'quiet'}>
                      {entry.reason.replaceAll('_', ' ')}
                    </State>
                  </td>
                  <td class="break small" data-label="Proof">
                    {entry.proof === null ? (
                      <span class="quiet">–</span>
                    ) : (
                      <span class="clamp" tabindex={0} title={entry.proof}>
                        {entry.proof}
                      </span>
                    )}{' '}
                    {entry.messageId && <a href={`/messages/${entry.messageId}`}>the message</a>}
                  </td>
                  <td class="nowrap" data-label="Since">
                    <Time ms={entry.createdAtMs} />
                    {entry.expiresAtMs !== null && (
                      <p class="small quiet">
                        until <Time ms={entry.expiresAtMs} />
                      </p>
                    )}
                  </td>
                  <td>
                    {change && (
                      <Post
                        action="/suppressions/remove"
                        label="Remove"
                        values={{ email: entry.address, scope: shownScope(entry.scope) }}
                        sure="The address can be mailed again. If it bounces again, it comes back."
                      />
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      {next !== null && (
        <nav class="row" aria-label="Pages">
          <a class="button" href={`/suppressions?${more}`}>
            {entries.length < pageSize ? 'Search further back' : 'Older'}
          </a>
        </nav>
      )}
      {change && (
        <div class="grid">
          <Card id="add" title="Add an address">
            <Fields action="/suppressions" submit="Suppress">
              <Field label="Address" name="email" type="email" autocomplete="off" />
              <Field
                label="Only for"
                name="scope"
                required={false}
                maxlength={253}
                hint="A sending domain, class:digest, stream:offers, tag:news; empty: all mail of the account."
              />
              <Field label="Why" name="note" required={false} maxlength={1024} />
            </Fields>
          </Card>
          <Import />
        </div>
      )}
    </Page>,
  );
}

/** Which mail alone it holds back. */
function limitedTo(scope: string): string {
  const { type, value } = readScope(scope);
  return type === 'domain' ? `for ${value}` : `for ${type} ${value}`;
}

suppressionPages.action('/suppressions', async (c, viewer, form) => {
  const body = {
    email: form.text('email'),
    reason: 'manual',
    scope: form.text('scope') || 'account',
    note: form.text('note') || null,
  };
  await callApi(c, viewer.account.accountId, { method: 'POST', path: '/suppressions', body }, z.unknown());
  return c.redirect('/suppressions?done=suppression-added', 303);
});

suppressionPages.action('/suppressions/remove', async (c, viewer, form) => {
  const path = `/suppressions/${encodeURIComponent(form.text('email'))}?scope=${encodeURIComponent(form.text('scope') || 'account')}`;
  await callApi(c, viewer.account.accountId, { method: 'DELETE', path }, z.unknown());
  return c.redirect('/suppressions?done=suppression-removed', 303);
});

suppressionPages.action(
  '/suppressions/import',
  async (c, viewer, form) => {
    const commit = form.text('commit') === 'true';
    const csv = await readCsv(form);
    const answer = await runImport(c, viewer.account.accountId, csv, { commit });
    if (!commit) return await listPage(c, viewer, { csv, answer });
    return await thenShow(c, viewer, '/suppressions#preview', briefly(answer));
  },
  uploadLimit,
);

// The API's own export, for those who are signed in here; it comes page by page and is passed on as it comes.
suppressionPages.page('/suppressions/export', async (c, viewer) => {
  const { body, headers } = await askApi(c, viewer.account.accountId, {
    method: 'GET',
    path: '/suppressions/export',
  });
  return new Response(body, { headers });
});
