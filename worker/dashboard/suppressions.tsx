import { z } from 'zod';
import { Problem } from '#domain/problem.ts';
import { suppressionReasons } from '#domain/suppression.ts';
import type { Call } from '../api/app.ts';
import { listSuppressions } from '../store/suppressions.ts';
import { Card, Columns, Fields } from './blocks.tsx';
import { Board, html } from './board.tsx';
import { Page } from './layout.tsx';
import { callApi } from './own-api.ts';
import { Empty, Field, Head, Note, number, Post, Select, State, Time, type Tone } from './parts.tsx';
import { may, type Viewer } from './viewer.ts';

/** Addresses that are not mailed: why, with the proof; adding, removing, import and export. */
export const suppressionPages = new Board();

const pageSize = 50;
const reasonTone: Record<string, Tone> = {
  hard_bounce: 'bad',
  complaint: 'bad',
  manual: 'quiet',
  unsubscribe: 'warn',
};

const previewSchema = z.looseObject({
  rows: z.number().optional(),
  new: z.number().optional(),
});

interface Shown {
  fault: string;
  typed: string;
  preview: { csv: string; answer: Record<string, unknown>; committed: boolean };
}

async function listPage(c: Call, viewer: Viewer, shown: Partial<Shown> = {}, status: 200 | 400 = 200) {
  const query = (c.req.query('query') ?? '').trim().slice(0, 320);
  const reason = suppressionReasons.find((one) => one === c.req.query('reason')) ?? null;
  const offset = Math.min(10_000, Math.max(0, Math.floor(Number(c.req.query('offset') ?? 0)) || 0));
  const { entries, hasMore } = await listSuppressions(
    c.get('store'),
    viewer.account.accountId,
    { query: query || null, reason, scopeDomain: null },
    { limit: pageSize, offset },
    Date.now(),
  );
  const change = may(viewer, 'developer');
  const filtered = query !== '' || reason !== null;
  const more = new URLSearchParams({ query, reason: reason ?? '', offset: String(offset + pageSize) });
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
      {shown.preview && <Preview preview={shown.preview} />}
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
                ? 'This address can be mailed, as far as this list goes.'
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
                    {entry.scopeDomain && <p class="small quiet">for {entry.scopeDomain} only</p>}
                  </td>
                  <td>
                    <State tone={reasonTone[entry.reason] ?? 'quiet'}>
                      {entry.reason.replaceAll('_', ' ')}
                    </State>
                  </td>
                  <td class="break small">
                    {entry.proof ?? <span class="quiet">–</span>}{' '}
                    {entry.messageId && <a href={`/messages/${entry.messageId}`}>the message</a>}
                  </td>
                  <td>
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
                        values={{ email: entry.address, scope: entry.scopeDomain || 'account' }}
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
      {hasMore && (
        <nav class="row" aria-label="Pages">
          <a class="button" href={`/suppressions?${more}`}>
            Older
          </a>
        </nav>
      )}
      {change && (
        <div class="grid">
          <Card id="add" title="Add an address">
            {shown.fault && <Note tone="bad">{shown.fault}</Note>}
            <Fields action="/suppressions" submit="Suppress">
              <Field label="Address" name="email" type="email" value={shown.typed} autocomplete="off" />
              <Field label="Why" name="note" required={false} maxlength={1000} />
            </Fields>
          </Card>
          <Card id="import" title="Import">
            <Fields action="/suppressions/import" submit="Preview" plain>
              <div class="field">
                <label for="csv">CSV</label>
                <textarea id="csv" name="csv" required aria-describedby="csv-hint" spellcheck={false} />
                <span class="hint" id="csv-hint">
                  Paste an export of SendGrid, Mailgun, Postmark, Resend, SES or of ours. You see what would
                  happen first.
                </span>
              </div>
            </Fields>
          </Card>
        </div>
      )}
    </Page>,
    status,
  );
}

function Preview({ preview }: { preview: Shown['preview'] }) {
  const { answer, csv, committed } = preview;
  const facts = Object.entries(answer).filter(
    ([, value]) => typeof value === 'number' || typeof value === 'string',
  );
  const faults = z
    .array(z.looseObject({ line: z.number(), detail: z.string() }))
    .safeParse(answer.faults ?? answer.errors);
  return (
    <Card id="preview" title={committed ? 'Imported' : 'What the import would do'}>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <>
            <dt>{name.replaceAll('_', ' ')}</dt>
            <dd>{typeof value === 'number' ? number(value) : String(value)}</dd>
          </>
        ))}
      </dl>
      {faults.success && faults.data.length > 0 && (
        <ul class="small">
          {faults.data.slice(0, 20).map((fault) => (
            <li>
              line {fault.line}: {fault.detail}
            </li>
          ))}
        </ul>
      )}
      {!committed && (
        <form method="post" action="/suppressions/import">
          <input type="hidden" name="csv" value={csv} />
          <input type="hidden" name="commit" value="true" />
          <button type="submit" class="primary">
            Import now
          </button>
        </form>
      )}
    </Card>
  );
}

suppressionPages.page('/suppressions', (c, viewer) => listPage(c, viewer));

suppressionPages.action('/suppressions', 'developer', async (c, viewer, form) => {
  const email = form.text('email');
  try {
    const body = { email, reason: 'manual', note: form.text('note') || null };
    await callApi(c, viewer.account.accountId, { method: 'POST', path: '/suppressions', body }, z.unknown());
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return await listPage(c, viewer, { fault: error.detail, typed: email }, 400);
  }
  return c.redirect('/suppressions?done=suppression-added', 303);
});

suppressionPages.action('/suppressions/remove', 'developer', async (c, viewer, form) => {
  const path = `/suppressions/${encodeURIComponent(form.text('email'))}?scope=${encodeURIComponent(form.text('scope') || 'account')}`;
  await callApi(c, viewer.account.accountId, { method: 'DELETE', path }, z.unknown());
  return c.redirect('/suppressions?done=suppression-removed', 303);
});

suppressionPages.action('/suppressions/import', 'developer', async (c, viewer, form) => {
  const csv = form.text('csv');
  const committed = form.text('commit') === 'true';
  try {
    const answer = await callApi(
      c,
      viewer.account.accountId,
      {
        method: 'POST',
        path: `/suppressions/import?commit=${committed}`,
        raw: { type: 'text/csv', content: `${csv}\n` },
      },
      previewSchema,
    );
    return await listPage(c, viewer, { preview: { csv, answer, committed } });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return await listPage(c, viewer, { fault: error.detail }, 400);
  }
});

// The API's own export, for those who are signed in here.
suppressionPages.page('/suppressions/export', async (c, viewer) => {
  const text = await callApi(
    c,
    viewer.account.accountId,
    { method: 'GET', path: '/suppressions/export' },
    z.string(),
  );
  return new Response(text, {
    headers: {
      'Content-Type': 'text/csv; charset=utf-8',
      'Content-Disposition': 'attachment; filename="suppressions.csv"',
    },
  });
});
