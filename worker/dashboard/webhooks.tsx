import { z } from 'zod';
import { events as catalogue } from '#domain/event.ts';
import { Problem } from '#domain/problem.ts';
import { webhookFormats, webhookLimits } from '#domain/webhook.ts';
import type { Call } from '../api/app.ts';
import { Card, Columns, Fields } from './blocks.tsx';
import { Board, html } from './board.tsx';
import { Page } from './layout.tsx';
import { callApi } from './own-api.ts';
import {
  Copy,
  duration,
  Empty,
  Field,
  Head,
  Note,
  Post,
  Refusal,
  Select,
  State,
  Time,
  type Tone,
} from './parts.tsx';
import { may, type Viewer } from './viewer.ts';
import { deliverySchema, deliveryTone, idOf } from './webhook-delivery.tsx';
import { Replay, type ReplayShown, replay } from './webhook-replay.tsx';

/** Webhook endpoints: what is posted where, every try, and posting it again. */
export const webhookPages = new Board();

const endpointSchema = z.object({
  id: z.string(),
  url: z.string(),
  format: z.string(),
  events: z.array(z.string()).nullable(),
  description: z.string(),
  state: z.string(),
  state_reason: z.string().nullable(),
  failing_since: z.string().nullable(),
  previous_secret_until: z.string().nullable(),
  created_at: z.string(),
});
const listSchema = z.object({ data: z.array(deliverySchema), next: z.string().nullable() });
const testSchema = z.object({
  delivered: z.boolean(),
  duration_ms: z.number(),
  status: z.number().nullable(),
  answer: z.string().nullable(),
  error: z.string().nullable(),
  body: z.string(),
});

const endpointTone: Record<string, Tone> = { active: 'good', disabled: 'bad' };

interface Shown {
  secret: string;
  test: z.output<typeof testSchema>;
  replay: ReplayShown;
}

/** What the form of a new endpoint is filled with, after a refusal too. */
interface Typed {
  url: string;
  format: string;
  events: string[];
  description: string;
}
const nothingTyped: Typed = { url: '', format: 'event', events: [], description: '' };
const labels = { url: 'URL', format: 'Format', events: 'Events', description: 'Description' };

webhookPages.page('/webhooks', (c, viewer) => listPage(c, viewer));

async function listPage(c: Call, viewer: Viewer, refused?: Problem, typed = nothingTyped) {
  const { accountId } = viewer.account;
  const { data } = await callApi(
    c,
    accountId,
    { method: 'GET', path: '/webhooks' },
    z.object({ data: z.array(endpointSchema) }),
  );
  return html(
    c,
    <Page title="Webhooks" viewer={viewer} url={c.req.url}>
      <Head
        title="Webhooks"
        lead="Events are posted to your endpoints, signed as Standard Webhooks, and tried again for two days."
      />
      <section class="card flush" aria-label="Endpoints">
        {data.length === 0 ? (
          <Empty title="No endpoint yet">
            <p>
              Add the address of your program that wants to hear of deliveries, bounces and complaints.
              Without one, the same events are at <code>GET /v1/events</code>.
            </p>
          </Empty>
        ) : (
          <table class="cards">
            <Columns names={['Endpoint', 'State', 'Format', 'Events']} />
            <tbody>
              {data.map((endpoint) => (
                <tr>
                  <td class="break">
                    <a href={`/webhooks/${endpoint.id}`}>{endpoint.url}</a>
                    {endpoint.description && <p class="small quiet">{endpoint.description}</p>}
                  </td>
                  <td>
                    <State tone={endpointTone[endpoint.state] ?? 'quiet'}>{endpoint.state}</State>
                    {endpoint.failing_since && (
                      <p class="small">
                        failing since <Time ms={Date.parse(endpoint.failing_since)} as="ago" />
                      </p>
                    )}
                  </td>
                  <td class="quiet" data-label="Format">
                    {endpoint.format}
                  </td>
                  <td class="small" data-label="Events">
                    {endpoint.events?.join(', ') ?? 'all'}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      {may(viewer, 'developer') && (
        <Card id="add" title="Add an endpoint">
          {refused && <Refusal problem={refused} labels={labels} />}
          <Fields action="/webhooks" submit="Add">
            <Field
              label="URL"
              name="url"
              type="url"
              placeholder="https://example.com/hooks/mail"
              value={typed.url}
              maxlength={webhookLimits.urlCharacters}
              hint="https, at a public address."
            />
            <Select
              label="Format"
              name="format"
              value={typed.format}
              options={webhookFormats.map((format) => ({ value: format, text: format }))}
              hint="event: one event a request. cloudmailin: several events in one request."
            />
            <details open={typed.events.length > 0}>
              <summary>Only some events</summary>
              <fieldset>
                <legend>Events; none chosen: all</legend>
                {catalogue.map((row) => (
                  <label>
                    <input
                      type="checkbox"
                      name="events"
                      value={row.kind}
                      checked={typed.events.includes(row.kind)}
                    />
                    <span>
                      <strong>{row.kind.replaceAll('_', ' ')}</strong> <span class="quiet">{row.raised}</span>
                    </span>
                  </label>
                ))}
              </fieldset>
            </details>
            <Field
              label="Description"
              name="description"
              required={false}
              value={typed.description}
              maxlength={webhookLimits.descriptionCharacters}
            />
          </Fields>
        </Card>
      )}
    </Page>,
    refused ? 400 : 200,
  );
}

webhookPages.action('/webhooks', 'developer', async (c, viewer, form) => {
  const typed: Typed = {
    url: form.text('url'),
    format: form.text('format') || nothingTyped.format,
    events: form.all('events'),
    description: form.text('description'),
  };
  const body = { ...typed, events: typed.events.length === 0 ? null : typed.events };
  try {
    const made = await callApi(
      c,
      viewer.account.accountId,
      { method: 'POST', path: '/webhooks', body },
      z.object({ id: z.string(), secret: z.string() }),
    );
    return await endpointPage(c, viewer, made.id, { secret: made.secret });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return await listPage(c, viewer, error, typed);
  }
});

webhookPages.page('/webhooks/:id', (c, viewer) => endpointPage(c, viewer, idOf(c)));

async function endpointPage(
  c: Call,
  viewer: Viewer,
  id: string,
  shown: Partial<Shown> = {},
  status: 200 | 400 = 200,
) {
  const { accountId } = viewer.account;
  const state = ['pending', 'delivered', 'dead'].find((one) => one === c.req.query('state')) ?? '';
  const cursor = c.req.query('cursor') ?? '';
  const query = new URLSearchParams({ endpoint: id, limit: '25' });
  if (state !== '') query.set('state', state);
  if (/^[\w.-]{1,64}$/.test(cursor)) query.set('cursor', cursor);
  const [endpoint, deliveries] = await Promise.all([
    callApi(c, accountId, { method: 'GET', path: `/webhooks/${id}` }, endpointSchema),
    callApi(c, accountId, { method: 'GET', path: `/webhook-deliveries?${query}` }, listSchema),
  ]);
  const change = may(viewer, 'developer');
  const path = `/webhooks/${id}`;
  return html(
    c,
    <Page title="Webhook" viewer={viewer} url={c.req.url}>
      <Head title={endpoint.url} crumb={{ href: '/webhooks', text: 'Webhooks' }}>
        {change && <Post action={`${path}/test`} label="Post a test" tone="primary" small={false} />}
      </Head>
      {shown.secret && (
        <section class="secret" aria-labelledby="secret-head">
          <h2 id="secret-head">The signing secret</h2>
          <div class="with-copy">
            <code id="secret">{shown.secret}</code>
            <Copy of="secret" what="the secret" />
          </div>
          <p>
            Keep it now: it is shown this once. Your program verifies the signature of every request with it.
          </p>
        </section>
      )}
      {shown.test && (
        <Note tone={shown.test.delivered ? 'good' : 'bad'}>
          <p>
            {shown.test.delivered ? 'The test was taken' : 'The test was not taken'}
            {shown.test.status !== null && `: status ${shown.test.status}`} after{' '}
            {duration(shown.test.duration_ms)}
            {shown.test.error && `: ${shown.test.error}`}.
          </p>
          {shown.test.answer && <p class="mono small break">{shown.test.answer.slice(0, 500)}</p>}
        </Note>
      )}
      {endpoint.state === 'disabled' && (
        <Note tone="warn">
          <p>
            Nothing is posted here: {endpoint.state_reason ?? 'it is disabled'} Its events wait; enable it and
            they follow.
          </p>
        </Note>
      )}
      <Card id="facts" title="Endpoint">
        <dl class="facts">
          <dt>State</dt>
          <dd>
            <State tone={endpointTone[endpoint.state] ?? 'quiet'}>{endpoint.state}</State>
          </dd>
          <dt>Format</dt>
          <dd>{endpoint.format}</dd>
          <dt>Events</dt>
          <dd>{endpoint.events?.join(', ') ?? 'all'}</dd>
          {endpoint.previous_secret_until && (
            <>
              <dt>Older secret signs too</dt>
              <dd>
                until <Time ms={Date.parse(endpoint.previous_secret_until)} />
              </dd>
            </>
          )}
        </dl>
        {change && (
          <div class="row">
            <Post
              action={`${path}/rotate`}
              label="Rotate the secret"
              sure="A new secret is made and shown once. Both sign for a day, so that you can change over."
            />
            <Post
              action={`${path}/state`}
              label={endpoint.state === 'active' ? 'Disable' : 'Enable'}
              values={{ state: endpoint.state === 'active' ? 'disabled' : 'active' }}
            />
            <Post
              action={`${path}/remove`}
              label="Remove"
              sure="Nothing is posted here any more, and what was posted is forgotten."
              tone="danger"
            />
          </div>
        )}
      </Card>
      <Card
        id="posted"
        title="What was posted"
        flush
        refresh={{
          id: 'posted-list',
          seconds: 10,
          // What a form answers with has no address of its own.
          ...(c.req.method === 'POST' && { from: path }),
        }}
        aside={
          <nav class="row" aria-label="State">
            {['', 'pending', 'delivered', 'dead'].map((one) => (
              <a
                class="button small"
                href={`${path}?state=${one}`}
                aria-current={one === state ? 'true' : undefined}
              >
                {one || 'all'}
              </a>
            ))}
          </nav>
        }
      >
        {deliveries.data.length === 0 ? (
          <Empty title={state === '' ? 'Nothing yet' : `Nothing is ${state}`}>
            <p>
              Send a message: its events come here within a second or two. Tests are posted at once and not
              listed.
            </p>
          </Empty>
        ) : (
          <table class="cards">
            <Columns names={['Delivery', 'State', 'Last answer', 'Made']} />
            <tbody>
              {deliveries.data.map((delivery) => (
                <tr>
                  <td class="break mono">
                    <a href={`/webhook-deliveries/${delivery.id}`}>{delivery.id}</a>
                  </td>
                  <td>
                    <State tone={deliveryTone[delivery.state] ?? 'quiet'}>{delivery.state}</State>
                    {delivery.next_attempt_at && (
                      <p class="small quiet">
                        next try <Time ms={Date.parse(delivery.next_attempt_at)} as="ago" />
                      </p>
                    )}
                  </td>
                  <td class="break small" data-label="Last answer">
                    {delivery.last_status ?? delivery.last_error ?? '–'}
                  </td>
                  <td class="nowrap" data-label="Made">
                    <Time ms={Date.parse(delivery.created_at)} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Card>
      {deliveries.next && (
        <nav class="row" aria-label="Pages">
          <a class="button" href={`${path}?${new URLSearchParams({ state, cursor: deliveries.next })}`}>
            Older
          </a>
        </nav>
      )}
      {change && <Replay path={path} shown={shown.replay} nowMs={Date.now()} />}
    </Page>,
    status,
  );
}

webhookPages.action('/webhooks/:id/test', 'developer', async (c, viewer) => {
  const id = idOf(c);
  const test = await callApi(
    c,
    viewer.account.accountId,
    { method: 'POST', path: `/webhooks/${id}/test` },
    testSchema,
  );
  return await endpointPage(c, viewer, id, { test });
});

webhookPages.action('/webhooks/:id/rotate', 'developer', async (c, viewer) => {
  const id = idOf(c);
  const { secret } = await callApi(
    c,
    viewer.account.accountId,
    { method: 'POST', path: `/webhooks/${id}/rotate` },
    z.object({ secret: z.string() }),
  );
  return await endpointPage(c, viewer, id, { secret });
});

webhookPages.action('/webhooks/:id/state', 'developer', async (c, viewer, form) => {
  const path = `/webhooks/${idOf(c)}`;
  const body = { state: form.text('state') === 'disabled' ? 'disabled' : 'active' };
  await callApi(c, viewer.account.accountId, { method: 'PATCH', path, body }, z.unknown());
  return c.redirect(path, 303);
});

webhookPages.action('/webhooks/:id/replay', 'developer', async (c, viewer, form) => {
  const id = idOf(c);
  const shown = await replay(c, viewer.account.accountId, id, {
    from: form.text('from'),
    to: form.text('to'),
  });
  return await endpointPage(c, viewer, id, { replay: shown }, shown.refused ? 400 : 200);
});

webhookPages.action('/webhooks/:id/remove', 'developer', async (c, viewer) => {
  await callApi(c, viewer.account.accountId, { method: 'DELETE', path: `/webhooks/${idOf(c)}` }, z.unknown());
  return c.redirect('/webhooks?done=webhook-removed', 303);
});
