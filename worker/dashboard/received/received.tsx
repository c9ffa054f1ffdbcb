import { z } from 'zod';
import { callApi } from '../../api/own-api.ts';
import { html } from '../../pages/answer.tsx';
import { Columns } from '../../pages/blocks.tsx';
import { Field, Select } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import { Empty, Head, State, Time, type Tone } from '../../pages/parts.tsx';
import { receivedStatuses } from '../../store/received.ts';
import { Board } from '../board.tsx';

/** The list of received mail: search, filters, pages by cursor. */
export const receivedListPages = new Board();

export const receivedTone: Record<string, Tone> = {
  received: 'quiet',
  processing: 'wait',
  delivered: 'good',
  failed: 'bad',
};

/** An entry of `GET /v1/inbound-emails`, as far as it is shown. */
export const receivedSchema = z.object({
  id: z.string(),
  message_id: z.string(),
  from_address: z.string(),
  to_address: z.string(),
  subject: z.string(),
  status: z.string(),
  has_attachments: z.boolean(),
  received_at: z.string(),
});
const listSchema = z.object({ emails: z.array(receivedSchema), next: z.string().nullable() });

const filters = ['q', 'from', 'to', 'subject', 'status', 'from_date', 'to_date'] as const;

receivedListPages.page('/received', async (c, viewer) => {
  const query = (name: string) => (c.req.query(name) ?? '').trim().slice(0, 320);
  const asked = new URLSearchParams(
    filters.filter((name) => query(name) !== '').map((name) => [name, query(name)]),
  );
  const call = new URLSearchParams(asked);
  if (query('cursor') !== '') call.set('cursor', query('cursor'));
  const { emails, next } = await callApi(
    c,
    viewer.account.accountId,
    { method: 'GET', path: `/inbound-emails?${call}` },
    listSchema,
  );
  const older = new URLSearchParams(asked);
  if (next) older.set('cursor', next);
  return html(
    c,
    <Page title="Received" viewer={viewer} url={c.req.url}>
      <Head title="Received" lead="Mail that came to your domains and aliases." />
      <form method="get" action="/received" class="card" aria-label="Search">
        <div class="filters">
          <Field label="Anything" name="q" value={query('q')} required={false} />
          <Field label="From" name="from" value={query('from')} required={false} />
          <Field label="Recipient" name="to" value={query('to')} required={false} />
          <Field label="Subject" name="subject" value={query('subject')} required={false} />
          <Select
            label="State"
            name="status"
            value={query('status')}
            options={[
              { value: '', text: 'any' },
              ...receivedStatuses.map((status) => ({ value: status, text: status })),
            ]}
          />
          <Field
            label="Since (UTC)"
            name="from_date"
            type="date"
            value={query('from_date')}
            required={false}
          />
          <Field label="Before (UTC)" name="to_date" type="date" value={query('to_date')} required={false} />
        </div>
        <div class="row">
          <button type="submit">Search</button>
          {asked.size > 0 && <a href="/received">Clear</a>}
        </div>
      </form>
      <section class="card flush" aria-label="Received mail">
        {emails.length === 0 ? (
          <Empty title={asked.size > 0 ? 'Nothing matches' : 'Nothing received yet'}>
            <p>
              {asked.size > 0
                ? 'Try fewer filters.'
                : 'Add a domain of the type inbound, point its MX here, and write to it.'}
            </p>
            {asked.size === 0 && (
              <a class="button primary" href="/domains">
                Domains
              </a>
            )}
          </Empty>
        ) : (
          <table class="cards">
            <Columns names={['State', 'Subject', 'From', 'To', 'Received']} />
            <tbody>
              {emails.map((email) => (
                <tr>
                  <td>
                    <State tone={receivedTone[email.status] ?? 'quiet'}>{email.status}</State>
                  </td>
                  <td class="break">
                    <a href={`/received/${email.id}`}>{email.subject || '(no subject)'}</a>
                    {email.has_attachments && <span class="small quiet"> with attachments</span>}
                  </td>
                  <td class="break" data-label="From">
                    {email.from_address}
                  </td>
                  <td class="break" data-label="To">
                    {email.to_address}
                  </td>
                  <td class="nowrap">
                    <Time ms={Date.parse(email.received_at)} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      {next && (
        <p>
          <a class="button" href={`/received?${older}`}>
            Older
          </a>
        </p>
      )}
    </Page>,
  );
});
