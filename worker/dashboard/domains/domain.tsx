import { z } from 'zod';
import { domainTypes } from '#domain/dns/record-check.ts';
import { receives } from '#domain/inbound/route.ts';
import { Problem } from '#domain/problem.ts';
import type { Call } from '../../http/app.ts';
import { may } from '../../identity/viewer.ts';
import { html } from '../../pages/answer.tsx';
import { Card, Columns } from '../../pages/blocks.tsx';
import { Page } from '../../pages/layout.tsx';
import { Code, Copy, Head, Note, Post, State, Time, type Tone } from '../../pages/parts.tsx';
import type { Viewer } from '../../store/auth.ts';
import { Board } from '../board.tsx';
import { callApi } from '../own-api.ts';
import { Warming, warmingSchema } from './warming.tsx';

/** One sending domain: the records to publish, what was found, keys and rotation. */
export const domainPages = new Board();

export const typeAbout: Record<(typeof domainTypes)[number], string> = {
  outbound: 'outbound: send; the MX stays with your mailbox provider',
  inbound: 'inbound: receive and parse; the MX comes to us',
  both: 'both: send and receive',
  alias: 'alias: masked or forwarding addresses',
};
export const statusTone: Record<string, Tone> = { verified: 'good', pending: 'wait', disabled: 'quiet' };
const recordTone: Record<string, Tone> = {
  ok: 'good',
  missing: 'bad',
  wrong: 'bad',
  multiple: 'bad',
  lookup_failed: 'warn',
};

const recordSchema = z.object({
  kind: z.string(),
  purpose: z.string(),
  need: z.string(),
  type: z.string(),
  name: z.string(),
  value: z.string(),
  status: z.string().nullable(),
  since: z.string().nullable(),
  observed: z.array(z.string()),
  fix: z.string().nullable(),
});
const domainSchema = z.object({
  id: z.number(),
  domain: z.string(),
  type: z.enum(domainTypes),
  status: z.string(),
  reason: z.string().nullable(),
  verified_by: z.string().nullable(),
  checked_at: z.string().nullable(),
  next_check_at: z.string().nullable(),
  return_path_host: z.string().nullable(),
  return_path_label: z.string(),
  signing_domain: z.string(),
  requirements: z.array(
    z.object({ name: z.string(), met: z.boolean(), state: z.string(), detail: z.string().nullable() }),
  ),
  notes: z.array(z.string()),
  records: z.array(recordSchema),
});
const keysSchema = z.object({
  data: z.array(
    z.object({
      selector: z.string(),
      algorithm: z.string(),
      status: z.string(),
      created_at: z.string(),
      retires_at: z.string().nullable(),
      record_status: z.string().nullable(),
    }),
  ),
});

function pathOf(c: Call): string {
  const id = c.req.param('id') ?? '';
  if (!/^\d{1,15}$/.test(id)) throw new Problem('not_found', 'There is no such domain in this account.');
  return `/domains/${id}`;
}

domainPages.page('/domains/:id', (c, viewer) => domainPage(c, viewer));

async function domainPage(c: Call, viewer: Viewer, refused?: Problem) {
  const path = pathOf(c);
  const { accountId } = viewer.account;
  const [domain, keys, zone] = await Promise.all([
    callApi(c, accountId, { method: 'GET', path }, domainSchema),
    callApi(c, accountId, { method: 'GET', path: `${path}/dkim` }, keysSchema),
    callApi(c, accountId, { method: 'GET', path: `${path}/dns?format=bind` }, z.string()),
  ]);
  const warming =
    domain.status === 'verified' && (domain.type === 'outbound' || domain.type === 'both')
      ? await callApi(c, accountId, { method: 'GET', path: `${path}/warming` }, warmingSchema)
      : null;
  const change = may(viewer, 'developer');
  const unmet = domain.requirements.filter(({ met }) => !met);
  return html(
    c,
    <Page title={domain.domain} viewer={viewer} url={c.req.url}>
      <Head title={domain.domain} crumb={{ href: '/domains', text: 'Domains' }}>
        <div class="row">
          <State tone={statusTone[domain.status] ?? 'quiet'}>{domain.status}</State>
          {receives(domain.type) && (
            <a class="button" href={`${path}/routes`}>
              Routes
            </a>
          )}
          <a class="button" href={`${path}/dmarc`}>
            Reports
          </a>
          {change && domain.status !== 'disabled' && (
            <Post action={`${path}/verify`} label="Verify now" tone="primary" small={false} />
          )}
        </div>
      </Head>
      {refused && <Note tone="warn">{refused.detail}</Note>}
      {domain.status === 'verified' ? (
        <Note tone="good">
          <p>
            {domain.type !== 'inbound' &&
              domain.type !== 'alias' &&
              `Mail can be sent from ${domain.domain}. `}
            {receives(domain.type) && `Mail to ${domain.domain} is taken.`}
            {domain.verified_by === 'operator' &&
              ' The operator vouches for it; its records are not asked for.'}
          </p>
        </Note>
      ) : (
        <Note tone={domain.status === 'disabled' ? 'warn' : 'wait'}>
          <p>{domain.reason ?? 'Publish the required records below at your DNS provider, then verify.'}</p>
          {unmet.length > 0 && (
            <ul>
              {unmet.map(({ name, detail }) => (
                <li>
                  <strong>{name.replaceAll('_', ' ')}</strong>: {detail ?? 'not proven yet'}
                </li>
              ))}
            </ul>
          )}
        </Note>
      )}
      <Card
        id="records"
        title="Records to publish"
        aside={
          <span class="small quiet">
            {domain.checked_at ? (
              <>
                Looked at <Time ms={Date.parse(domain.checked_at)} as="ago" />
              </>
            ) : (
              'Not looked at yet'
            )}
            {domain.next_check_at && (
              <>
                , again <Time ms={Date.parse(domain.next_check_at)} as="ago" />
              </>
            )}
          </span>
        }
      >
        {domain.notes.map((note) => (
          <p class="quiet">{note}</p>
        ))}
        <div class="stack">
          {domain.records.map((record, i) => (
            <DnsRecord record={record} i={i} />
          ))}
        </div>
        <details>
          <summary>All of them as a BIND zone snippet</summary>
          <Code id="zone" what="BIND zone snippet" text={zone} />
        </details>
      </Card>
      {keys.data.length > 0 && (
        <Card
          id="dkim"
          title="DKIM keys"
          aside={
            change && (
              <Post
                action={`${path}/dkim/rotate`}
                label="Rotate"
                sure="A new pair of keys is made. Publish its records; it signs once they are found, and the old pair retires seven days later. Mail is signed all the time."
              />
            )
          }
        >
          <div class="scroll">
            <table class="plain-table">
              <Columns names={['Selector', 'Algorithm', 'State', 'Made']} actions />
              <tbody>
                {keys.data.map((key) => (
                  <tr>
                    <td>
                      <code>{key.selector}</code>
                    </td>
                    <td>{key.algorithm}</td>
                    <td>
                      <State
                        tone={key.status === 'active' ? 'good' : key.status === 'pending' ? 'wait' : 'quiet'}
                      >
                        {key.status}
                      </State>
                      {key.retires_at && (
                        <span class="small quiet">
                          {' '}
                          retires <Time ms={Date.parse(key.retires_at)} as="ago" />
                        </span>
                      )}
                    </td>
                    <td class="nowrap">
                      <Time ms={Date.parse(key.created_at)} />
                    </td>
                    <td>
                      {change && key.status !== 'retired' && (
                        <Post
                          action={`${path}/dkim/${encodeURIComponent(key.selector)}/retire`}
                          label="Retire"
                          sure="It signs no more. Keep its record for a week: mail under way is still looked at."
                          tone="danger"
                        />
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </Card>
      )}
      {warming && <Warming warming={warming} />}
      <Card id="facts" title="How it is used">
        <dl class="facts">
          <dt>Type</dt>
          <dd>{typeAbout[domain.type]}</dd>
          <dt>Signing domain</dt>
          <dd>{domain.signing_domain}</dd>
          <dt>Return path</dt>
          <dd>
            {domain.return_path_host ?? (
              <>
                the service’s own host, until the CNAME {domain.return_path_label}.{domain.domain} is found
              </>
            )}
          </dd>
        </dl>
        {change && refused?.code === 'conflict' && (
          <Post
            action={`${path}/remove`}
            label="Remove it and cancel what waits"
            values={{ cancel: 'true' }}
            sure="What waits is not sent: each recipient of it gets the event “canceled”. The domain’s keys are deleted."
            tone="danger"
          />
        )}
        {change && (
          <Post
            action={`${path}/remove`}
            label="Remove this domain"
            sure="Mail from it is refused at once. Its keys are deleted and cannot be brought back."
            tone="danger"
          />
        )}
      </Card>
    </Page>,
    refused ? (refused.code === 'conflict' ? 409 : 429) : 200,
  );
}

function DnsRecord({ record, i }: { record: z.output<typeof recordSchema>; i: number }) {
  return (
    <article class="stack tight">
      <h3 class="row">
        {record.purpose.charAt(0).toUpperCase() + record.purpose.slice(1)}
        <State tone={record.status === null ? 'quiet' : (recordTone[record.status] ?? 'quiet')}>
          {record.status === null ? 'not looked at yet' : record.status.replaceAll('_', ' ')}
        </State>
        <span class="tag">{record.need}</span>
      </h3>
      <dl class="facts">
        <dt>Type</dt>
        <dd>
          <code>{record.type}</code>
        </dd>
        <dt>Name</dt>
        <dd class="with-copy">
          <code id={`name-${i}`}>{record.name}</code>
          <Copy of={`name-${i}`} what={`name of ${record.purpose}`} />
        </dd>
        <dt>Value</dt>
        <dd class="with-copy">
          <code id={`value-${i}`}>{record.value}</code>
          <Copy of={`value-${i}`} what={`value of ${record.purpose}`} />
        </dd>
        {record.status !== 'ok' && record.observed.length > 0 && (
          <>
            <dt>Found instead</dt>
            <dd>
              {record.observed.map((value) => (
                <code class="break">{value}</code>
              ))}
            </dd>
          </>
        )}
      </dl>
      {record.fix && record.status !== 'ok' && record.status !== 'missing' && (
        <p class="small">{record.fix}</p>
      )}
    </article>
  );
}

domainPages.action('/domains/:id/verify', async (c, viewer) => {
  const path = pathOf(c);
  try {
    await callApi(c, viewer.account.accountId, { method: 'POST', path: `${path}/verify` }, z.unknown());
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'rate_limit_exceeded') throw error;
    for (const [name, value] of Object.entries(error.headers)) c.header(name, value);
    return await domainPage(c, viewer, error);
  }
  return c.redirect(`${path}#records`, 303);
});

domainPages.action('/domains/:id/dkim/rotate', async (c, viewer) => {
  const path = pathOf(c);
  await callApi(c, viewer.account.accountId, { method: 'POST', path: `${path}/dkim/rotate` }, z.unknown());
  return c.redirect(`${path}?done=rotated#dkim`, 303);
});

domainPages.action('/domains/:id/dkim/:selector/retire', async (c, viewer) => {
  const path = pathOf(c);
  const selector = encodeURIComponent(c.req.param('selector') ?? '');
  await callApi(
    c,
    viewer.account.accountId,
    { method: 'POST', path: `${path}/dkim/${selector}/retire` },
    z.unknown(),
  );
  return c.redirect(`${path}?done=retired#dkim`, 303);
});

domainPages.action('/domains/:id/remove', async (c, viewer, form) => {
  const query = form.text('cancel') === 'true' ? '?cancel=true' : '';
  const request = { method: 'DELETE', path: `${pathOf(c)}${query}` } as const;
  try {
    await callApi(c, viewer.account.accountId, request, z.unknown());
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'conflict') throw error;
    return await domainPage(c, viewer, error);
  }
  return c.redirect('/domains?done=domain-removed', 303);
});
