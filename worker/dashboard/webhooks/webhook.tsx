import { z } from 'zod';
import { callApi } from '../../api/own-api.ts';
import { may } from '../../identity/viewer.ts';
import { html } from '../../pages/answer.tsx';
import { Card, Columns } from '../../pages/blocks.tsx';
import { Post } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import {
  Cut,
  duration,
  Empty,
  Head,
  Note,
  number,
  Secret,
  State,
  Time,
  type Tone,
} from '../../pages/parts.tsx';
import { Board } from '../board.tsx';
import { shownOnce, thenShow } from '../once.ts';
import { deliverySchema, deliveryTone, idOf } from './webhook-delivery.tsx';
import { Replay, replay, replayedSchema } from './webhook-replay.tsx';

/** One webhook endpoint: what was posted there, its secret, posting again. */
export const webhookPages = new Board();

/** An endpoint as the API shows it. */
export const endpointSchema = z.object({
  id: z.string(),
  url: z.string(),
  format: z.string(),
  events: z.array(z.string()).nullable(),
  domain: z.string().nullable(),
  address_pattern: z.string().nullable(),
  authorization_url: z.string().nullable(),
  sending_domains: z.array(z.string()).nullable(),
  tags: z.array(z.string()).nullable(),
  streams: z.array(z.string()).nullable(),
  header_names: z.array(z.string()),
  username: z.string().nullable(),
  public_key_url: z.string(),
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
});

export const endpointTone: Record<string, Tone> = { active: 'good', disabled: 'bad' };

/** What an action has just brought. */
const onceSchema = z.object({
  secret: z.string().optional(),
  test: testSchema.optional(),
  replay: replayedSchema.optional(),
});

webhookPages.page('/webhooks/:id', async (c, viewer) => {
  const id = idOf(c);
  const shown = (await shownOnce(c, viewer, onceSchema)) ?? {};
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
        <Secret
          title="The signing secret"
          what="the secret"
          text={shown.secret}
          about="Your program verifies the signature of every request with it."
        />
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
            Nothing is posted here: {endpoint.state_reason ?? 'it is disabled.'} Its events wait; enable it
            and they follow.
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
          {endpoint.domain && (
            <>
              <dt>Received mail to</dt>
              <dd>
                {endpoint.address_pattern ?? '*'}@{endpoint.domain}
              </dd>
            </>
          )}
          {endpoint.authorization_url && (
            <>
              <dt>Asked for each recipient</dt>
              <dd class="break">{endpoint.authorization_url}</dd>
            </>
          )}
          {endpoint.sending_domains && (
            <>
              <dt>Sent mail of</dt>
              <dd>{endpoint.sending_domains.join(', ')}</dd>
            </>
          )}
          {endpoint.tags && (
            <>
              <dt>Sent mail with the tag</dt>
              <dd>{endpoint.tags.join(', ')}</dd>
            </>
          )}
          {endpoint.streams && (
            <>
              <dt>Sent mail of the stream</dt>
              <dd>{endpoint.streams.join(', ')}</dd>
            </>
          )}
          {(endpoint.header_names.length > 0 || endpoint.username !== null) && (
            <>
              <dt>Sent along</dt>
              <dd>
                {[
                  ...endpoint.header_names,
                  ...(endpoint.username === null ? [] : [`user ${endpoint.username}`]),
                ].join(', ')}
              </dd>
            </>
          )}
          <dt>Public keys</dt>
          <dd class="break">
            <a href={endpoint.public_key_url}>{endpoint.public_key_url}</a>
          </dd>
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
            <Columns names={['Event', 'Recipient', 'State', { num: 'Tries' }, 'Last answer', 'Made']} />
            <tbody>
              {deliveries.data.map((delivery) => (
                <tr>
                  <td>
                    <a href={`/webhook-deliveries/${delivery.id}`} title={delivery.id}>
                      {delivery.event ?? 'a body'}
                    </a>
                    {delivery.events > 1 && <span class="small quiet"> and {delivery.events - 1} more</span>}
                  </td>
                  <td class="one" data-label="Recipient">
                    {delivery.recipient === null ? '–' : <Cut text={delivery.recipient} />}
                  </td>
                  <td>
                    <State tone={deliveryTone[delivery.state] ?? 'quiet'}>{delivery.state}</State>
                    {delivery.next_attempt_at && (
                      <p class="small quiet">
                        next try <Time ms={Date.parse(delivery.next_attempt_at)} as="ago" />
                      </p>
                    )}
                  </td>
                  <td class="num" data-label="Tries">
                    {number(delivery.attempts)}
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
  );
});

webhookPages.action('/webhooks/:id/test', async (c, viewer) => {
  const id = idOf(c);
  const test = await callApi(
    c,
    viewer.account.accountId,
    { method: 'POST', path: `/webhooks/${id}/test` },
    testSchema,
  );
  const [answer, error] = [test.answer?.slice(0, 500) ?? null, test.error?.slice(0, 300) ?? null];
  return await thenShow(c, viewer, `/webhooks/${id}`, { test: { ...test, answer, error } });
});

webhookPages.action('/webhooks/:id/rotate', async (c, viewer) => {
  const id = idOf(c);
  const { secret } = await callApi(
    c,
    viewer.account.accountId,
    { method: 'POST', path: `/webhooks/${id}/rotate` },
    z.object({ secret: z.string() }),
  );
  return await thenShow(c, viewer, `/webhooks/${id}`, { secret });
});

webhookPages.action('/webhooks/:id/state', async (c, viewer, form) => {
  const path = `/webhooks/${idOf(c)}`;
  const body = { state: form.text('state') === 'disabled' ? 'disabled' : 'active' };
  await callApi(c, viewer.account.accountId, { method: 'PATCH', path, body }, z.unknown());
  return c.redirect(path, 303);
});

webhookPages.action('/webhooks/:id/replay', async (c, viewer, form) => {
  const id = idOf(c);
  const shown = await replay(c, viewer.account.accountId, id, {
    from: form.text('from'),
    to: form.text('to'),
  });
  return await thenShow(c, viewer, `/webhooks/${id}#replay`, { replay: shown });
});

webhookPages.action('/webhooks/:id/remove', async (c, viewer) => {
  await callApi(c, viewer.account.accountId, { method: 'DELETE', path: `/webhooks/${idOf(c)}` }, z.unknown());
  return c.redirect('/webhooks?done=webhook-removed', 303);
});
