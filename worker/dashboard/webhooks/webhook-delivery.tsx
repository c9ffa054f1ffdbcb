import { z } from 'zod';
import { Problem } from '#domain/problem.ts';
import { receivedPointerOf } from '#domain/webhook.ts';
import { callApi } from '../../api/own-api.ts';
import type { Call } from '../../http/app.ts';
import { may } from '../../identity/viewer.ts';
import { html } from '../../pages/answer.tsx';
import { Card } from '../../pages/blocks.tsx';
import { Post } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import { Code, duration, Head, State, Time, type Tone } from '../../pages/parts.tsx';
import { Board } from '../board.tsx';

/** One thing that was posted to a webhook endpoint: every try, its body, and posting it again. */
export const webhookDeliveryPages = new Board();

/** An entry of `GET /v1/webhook-deliveries`, as far as it is shown. */
export const deliverySchema = z.object({
  id: z.string(),
  endpoint: z.string().nullable(),
  state: z.string(),
  /** The name of the first event in it; null: it has none. */
  event: z.string().nullable(),
  events: z.number(),
  recipient: z.string().nullable(),
  attempts: z.number(),
  next_attempt_at: z.string().nullable(),
  last_status: z.number().nullable(),
  last_error: z.string().nullable(),
  created_at: z.string(),
});
const detailSchema = deliverySchema.extend({
  body: z.string(),
  tries: z.array(
    z.object({
      at: z.union([z.string(), z.number()]),
      duration_ms: z.number(),
      status: z.number().nullable(),
      answer: z.string().nullable(),
      error: z.string().nullable(),
    }),
  ),
});

export const deliveryTone: Record<string, Tone> = { delivered: 'good', pending: 'wait', dead: 'bad' };

/** The id in the path of an endpoint or of a delivery. */
export function idOf(c: Call): string {
  const id = c.req.param('id') ?? '';
  if (!/^[\w-]{1,64}$/.test(id)) throw new Problem('not_found', 'There is no such webhook in this account.');
  return id;
}

webhookDeliveryPages.page('/webhook-deliveries/:id', async (c, viewer) => {
  const id = idOf(c);
  const delivery = await callApi(
    c,
    viewer.account.accountId,
    { method: 'GET', path: `/webhook-deliveries/${id}` },
    detailSchema,
  );
  const pointer = receivedPointerOf(delivery.body);
  return html(
    c,
    <Page title="Webhook delivery" viewer={viewer} url={c.req.url}>
      <Head
        title={`Webhook delivery${delivery.event === null ? '' : `: ${delivery.event}`}`}
        crumb={{ href: `/webhooks/${delivery.endpoint ?? ''}`, text: 'Endpoint' }}
      >
        {may(viewer, 'developer') && delivery.state !== 'pending' && (
          <Post action={`/webhook-deliveries/${id}/replay`} label="Post again" tone="primary" small={false} />
        )}
      </Head>
      <Card
        id="tries"
        title="Tries"
        aside={<State tone={deliveryTone[delivery.state] ?? 'quiet'}>{delivery.state}</State>}
      >
        {delivery.recipient !== null && (
          <p class="quiet">
            For <bdi>{delivery.recipient}</bdi>
            {delivery.events > 1 && ` and ${delivery.events - 1} other events`}
          </p>
        )}
        {delivery.next_attempt_at && (
          <p>
            Next try <Time ms={Date.parse(delivery.next_attempt_at)} as="ago" />.
          </p>
        )}
        {delivery.tries.length === 0 && <p class="quiet">Not tried yet.</p>}
        <ol class="timeline">
          {delivery.tries.map((one) => (
            <li class={one.status !== null && one.status < 300 ? 'good' : 'bad'}>
              <span class="dot" aria-hidden="true" />
              <div class="stack tight">
                <div class="what">
                  <strong>{one.status === null ? (one.error ?? 'failed') : `status ${one.status}`}</strong>
                  <span class="small quiet">
                    <Time ms={new Date(one.at).getTime()} /> ({duration(one.duration_ms)})
                  </span>
                </div>
                {one.answer && <p class="mono small break">{one.answer.slice(0, 1000)}</p>}
              </div>
            </li>
          ))}
        </ol>
      </Card>
      <Card id="body" title="Body">
        {pointer ? (
          <p>
            It tells of <a href={`/received/${pointer.received}`}>a received mail</a>, and is written anew at
            each try from the mail as it is kept.
          </p>
        ) : (
          <Code id="body-text" what="Body of the request" text={pretty(delivery.body)} wrap />
        )}
      </Card>
    </Page>,
  );
});

function pretty(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}

webhookDeliveryPages.action('/webhook-deliveries/:id/replay', async (c, viewer) => {
  const id = idOf(c);
  await callApi(
    c,
    viewer.account.accountId,
    { method: 'POST', path: `/webhook-deliveries/${id}/replay` },
    z.unknown(),
  );
  return c.redirect(`/webhook-deliveries/${id}?done=replayed`, 303);
});
