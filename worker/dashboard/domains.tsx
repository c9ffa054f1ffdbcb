import { scaleLinear, scaleLog } from 'd3-scale';
import { line } from 'd3-shape';
import { z } from 'zod';
import { Problem } from '#domain/problem.ts';
import { domainTypes } from '#domain/record-check.ts';
import { phaseDays, phases, warmingStates } from '#domain/warming.ts';
import type { Call } from '../api/app.ts';
import { listDomains } from '../store/domains.ts';
import { Board, html } from './board.tsx';
import { Page } from './layout.tsx';
import { callApi } from './own-api.ts';
import {
  Code,
  Copy,
  Empty,
  Field,
  Head,
  Note,
  number,
  Post,
  Select,
  State,
  Time,
  type Tone,
} from './parts.tsx';
import { may, type Viewer } from './viewer.ts';

/** Sending domains: the records to publish, what was found, keys and rotation. */
export const domainPages = new Board();

const typeAbout: Record<(typeof domainTypes)[number], string> = {
  outbound: 'outbound: send; the MX stays with your mailbox provider',
  inbound: 'inbound: receive and parse; the MX comes to us',
  both: 'both: send and receive',
  alias: 'alias: masked or forwarding addresses',
};
const statusTone: Record<string, Tone> = { verified: 'good', pending: 'wait', disabled: 'quiet' };
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
const warmingSchema = z.object({
  phase: z.enum(warmingStates),
  phase_started_at: z.string(),
  days_in_current_phase: z.number().nullable(),
  current_limits: z
    .object({ daily_limit: z.number(), hourly_limit: z.number(), per_minute_limit: z.number() })
    .nullable(),
  today_sent: z.number(),
  remaining_today: z.number().nullable(),
  metrics: z.object({
    delivery_rate: z.number().nullable(),
    bounce_rate: z.number().nullable(),
    complaint_rate: z.number().nullable(),
  }),
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

domainPages.page('/domains', (c, viewer) => listPage(c, viewer));

async function listPage(c: Call, viewer: Viewer, fault?: string, typed = '') {
  const domains = await listDomains(c.get('store'), viewer.account.accountId, { limit: 100, offset: 0 });
  return html(
    c,
    <Page title="Domains" viewer={viewer} url={c.req.url}>
      <Head title="Domains" lead="Mail is sent from a domain once its DNS records prove that it is yours." />
      <section class="card flush" aria-label="Domains">
        {domains.length === 0 ? (
          <Empty title="No domain yet">
            <p>
              Add the domain after the @ of your sender address. A subdomain such as mail.example.com is fine
              too.
            </p>
          </Empty>
        ) : (
          <table class="cards">
            <thead>
              <tr>
                <th scope="col">Domain</th>
                <th scope="col">State</th>
                <th scope="col">Type</th>
                <th scope="col">Last looked at</th>
              </tr>
            </thead>
            <tbody>
              {domains.map((domain) => (
                <tr>
                  <td class="break">
                    <a href={`/domains/${domain.id}`}>{domain.name}</a>
                  </td>
                  <td>
                    <State tone={statusTone[domain.status] ?? 'quiet'}>{domain.status}</State>
                    {domain.statusReason && <p class="small quiet">{domain.statusReason}</p>}
                  </td>
                  <td class="quiet">{domain.type}</td>
                  <td>
                    {domain.checkedAtMs === null ? (
                      <span class="quiet">not yet</span>
                    ) : (
                      <Time ms={domain.checkedAtMs} as="ago" />
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      {may(viewer, 'developer') && (
        <section class="card" aria-labelledby="add">
          <h2 id="add">Add a domain</h2>
          {fault && <Note tone="bad">{fault}</Note>}
          <form method="post" action="/domains" class="fields">
            <Field label="Domain" name="domain" placeholder="example.com" value={typed} autocomplete="off" />
            <Select
              label="For"
              name="type"
              options={domainTypes.map((type) => ({ value: type, text: typeAbout[type] }))}
            />
            <button type="submit" class="primary">
              Add
            </button>
          </form>
        </section>
      )}
    </Page>,
    fault ? 400 : 200,
  );
}

domainPages.action('/domains', 'developer', async (c, viewer, form) => {
  const domain = form.text('domain');
  try {
    const { id } = await callApi(
      c,
      viewer.account.accountId,
      { method: 'POST', path: '/domains', body: { domain, type: form.text('type') || 'outbound' } },
      z.object({ id: z.number() }),
    );
    return c.redirect(`/domains/${id}?done=domain-added`, 303);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return await listPage(c, viewer, error.detail, domain);
  }
});

function pathOf(c: Call): string {
  const id = c.req.param('id') ?? '';
  if (!/^\d{1,15}$/.test(id)) throw new Problem('not_found', 'There is no such domain in this account.');
  return `/domains/${id}`;
}

domainPages.page('/domains/:id', async (c, viewer) => {
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
          {change && domain.status !== 'disabled' && (
            <Post action={`${path}/verify`} label="Verify now" tone="primary" small={false} />
          )}
        </div>
      </Head>
      {domain.status === 'verified' ? (
        <Note tone="good">
          <p>
            Mail can be sent from {domain.domain}.
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
      <section class="card" aria-labelledby="records">
        <div class="card-head">
          <h2 id="records">Records to publish</h2>
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
        </div>
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
      </section>
      {keys.data.length > 0 && (
        <section class="card" aria-labelledby="dkim">
          <div class="card-head">
            <h2 id="dkim">DKIM keys</h2>
            {change && (
              <Post
                action={`${path}/dkim/rotate`}
                label="Rotate"
                sure="A new pair of keys is made. Publish its records; it signs once they are found, and the old pair retires seven days later. Mail is signed all the time."
              />
            )}
          </div>
          <div class="scroll">
            <table class="plain-table">
              <thead>
                <tr>
                  <th scope="col">Selector</th>
                  <th scope="col">Algorithm</th>
                  <th scope="col">State</th>
                  <th scope="col">Made</th>
                  <th scope="col">
                    <span class="visually-hidden">Actions</span>
                  </th>
                </tr>
              </thead>
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
        </section>
      )}
      {warming && <Warming warming={warming} />}
      <section class="card" aria-labelledby="facts">
        <h2 id="facts">How it is used</h2>
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
        {change && (
          <Post
            action={`${path}/remove`}
            label="Remove this domain"
            sure="Mail from it is refused at once. Its keys are deleted and cannot be brought back."
            tone="danger"
          />
        )}
      </section>
    </Page>,
  );
});

/** How far the domain is warmed, and the curve of what it may send in a day. */
function Warming({ warming }: { warming: z.output<typeof warmingSchema> }) {
  const { phase, current_limits: limits, days_in_current_phase: day, metrics } = warming;
  const at = phases.findIndex(({ name }) => name === phase);
  const rate = (value: number | null) => (value === null ? '–' : `${(100 * value).toFixed(2)} %`);
  return (
    <section class="card" aria-labelledby="warming">
      <div class="card-head">
        <h2 id="warming">Warming</h2>
        <State tone={limits === null ? 'good' : 'wait'}>{phase.replaceAll('_', ' ')}</State>
      </div>
      {limits === null ? (
        <p>
          {phase === 'off'
            ? 'The operator does without it: no limit by day.'
            : 'It is done: no limit by day.'}
        </p>
      ) : (
        <>
          <p class="quiet">
            Mailbox providers get to know a new domain slowly; what it may send grows with each day that goes
            well.
          </p>
          <WarmingCurve at={at} day={day ?? 1} />
          <dl class="figures">
            <div>
              <dt>Today</dt>
              <dd>
                {number(warming.today_sent)} <small>of {number(limits.daily_limit)}</small>
              </dd>
            </div>
            <div>
              <dt>In an hour</dt>
              <dd>{number(limits.hourly_limit)}</dd>
            </div>
            <div>
              <dt>In a minute</dt>
              <dd>{number(limits.per_minute_limit)}</dd>
            </div>
          </dl>
        </>
      )}
      <dl class="facts">
        <dt>Delivered in this phase</dt>
        <dd>{rate(metrics.delivery_rate)}</dd>
        <dt>Bounced</dt>
        <dd>{rate(metrics.bounce_rate)}</dd>
        <dt>Complained</dt>
        <dd>{rate(metrics.complaint_rate)}</dd>
      </dl>
    </section>
  );
}

function WarmingCurve({ at, day }: { at: number; day: number }) {
  const x = scaleLinear()
    .domain([1, phases.length * phaseDays])
    .range([48, 708]);
  const y = scaleLog().domain([50, 200_000]).range([150, 14]);
  const points = phases.flatMap(({ first, last }, i) => [
    { day: i * phaseDays + 1, limit: first },
    { day: (i + 1) * phaseDays, limit: last },
  ]);
  const today = Math.max(0, at) * phaseDays + Math.min(day, phaseDays);
  const phase = phases[Math.max(0, at)] ?? phases[0];
  const limit = phase.first + ((phase.last - phase.first) * (Math.min(day, phaseDays) - 1)) / (phaseDays - 1);
  const curve = line<{ day: number; limit: number }>()
    .x((point) => x(point.day))
    .y((point) => y(point.limit));
  return (
    <figure class="chart">
      <svg
        viewBox="0 0 720 176"
        role="img"
        aria-label={`Daily limit over ${phases.length * phaseDays} days; today is day ${today} with ${Math.round(limit)}`}
      >
        {[100, 1_000, 10_000, 100_000].map((tick) => (
          <>
            <line class="axis" x1="48" x2="708" y1={y(tick)} y2={y(tick)} />
            <text x="42" y={y(tick) + 4} text-anchor="end">
              {tick >= 1_000 ? `${tick / 1_000}k` : tick}
            </text>
          </>
        ))}
        {phases.map((_, i) => (
          <text x={x(i * phaseDays + 1)} y="170">
            day {i * phaseDays + 1}
          </text>
        ))}
        <path class="line c-delivered" d={curve(points) ?? ''} />
        <circle class="dot f-bounced" cx={x(today)} cy={y(Math.max(50, limit))} r="5" />
      </svg>
    </figure>
  );
}

function DnsRecord({ record, i }: { record: z.output<typeof recordSchema>; i: number }) {
  return (
    <article class="stack tight">
      <h3 class="row">
        {record.purpose}
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

domainPages.action('/domains/:id/verify', 'developer', async (c, viewer) => {
  const path = pathOf(c);
  await callApi(c, viewer.account.accountId, { method: 'POST', path: `${path}/verify` }, z.unknown());
  return c.redirect(`${path}#records`, 303);
});

domainPages.action('/domains/:id/dkim/rotate', 'developer', async (c, viewer) => {
  const path = pathOf(c);
  await callApi(c, viewer.account.accountId, { method: 'POST', path: `${path}/dkim/rotate` }, z.unknown());
  return c.redirect(`${path}?done=rotated#dkim`, 303);
});

domainPages.action('/domains/:id/dkim/:selector/retire', 'developer', async (c, viewer) => {
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

domainPages.action('/domains/:id/remove', 'developer', async (c, viewer) => {
  await callApi(c, viewer.account.accountId, { method: 'DELETE', path: pathOf(c) }, z.unknown());
  return c.redirect('/domains?done=domain-removed', 303);
});
