import { z } from 'zod';
import { eventRow, type NewEvent } from '#domain/delivery/event.ts';
import { sessionSchema, smtpReplySchema } from '#domain/delivery/outcome.ts';
import { workerNodeId } from '#domain/delivery/turn.ts';
import { acceptedEventId, type MessageId } from '#domain/message/ids.ts';
import { Columns } from '../../pages/blocks.tsx';
import { Code, Cut, DeliveryStateOf, duration, Note, State, Time, type Tone } from '../../pages/parts.tsx';
import type { StoredDelivery, StoredMessage } from '../../store/messages.ts';
import { TlsUsed } from './tls-used.tsx';
import { WhatNext } from './what-next.tsx';

/** More recipients than these are a table, of which one is shown. */
const mostShown = 3;

/** What became of each recipient; of many a table, and the one that is chosen in it. */
export function Deliveries({
  message,
  path,
  chosen,
}: {
  message: StoredMessage;
  path: string;
  /** Its number, as the address of the page has it. */
  chosen: string | undefined;
}) {
  const { deliveries } = message;
  if (deliveries.length <= mostShown)
    return (
      <>
        {deliveries.map((delivery) => (
          <Delivery message={message} delivery={delivery} />
        ))}
      </>
    );
  const shown = deliveries.find(({ n }) => String(n) === chosen);
  return (
    <>
      <section class="card flush" aria-label="Recipients">
        <table class="cards">
          <Columns names={['Recipient', 'State', 'Last said']} />
          <tbody>
            {deliveries.map((delivery) => (
              <tr>
                <td class="one">
                  <a
                    href={`${path}?recipient=${delivery.n}#delivery-${delivery.n}`}
                    aria-current={delivery === shown ? 'true' : undefined}
                  >
                    <Cut text={delivery.recipient} />
                  </a>
                </td>
                <td>
                  <DeliveryStateOf state={delivery.state} />
                </td>
                <td class="break small quiet">{lastSaid(delivery)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {shown && <Delivery message={message} delivery={shown} />}
    </>
  );
}

/** What an event says by being there: a relay is no MX, and may give no reply. */
function raisedBy(kind: NewEvent['kind'], transport: string | undefined): string {
  return kind === 'delivered' && transport ? 'the relay has taken the message' : eventRow(kind).raised;
}

/** The newest words of the other side, or what was the last to happen. */
function lastSaid({ timeline }: StoredDelivery): string {
  const last = timeline.at(-1);
  if (!last) return '';
  const parsed = shownDetails.safeParse(last.details);
  const { reply, diagnostic, text, transport } = parsed.success ? parsed.data : {};
  const words = reply
    ? `${reply.code} ${reply.text}`
    : (diagnostic ?? text ?? raisedBy(last.kind, transport));
  return words.length > 160 ? `${words.slice(0, 160)}…` : words;
}

/** What happened to one delivery of a message, down to the SMTP steps, and why it waits. */
export function Delivery({ message, delivery }: { message: StoredMessage; delivery: StoredDelivery }) {
  const accepted: NewEvent = {
    id: acceptedEventId(message.messageId, delivery.n),
    kind: 'accepted',
    atMs: message.acceptedAtMs,
    details: { class: message.class, sizeBytes: message.sizeBytes },
  };
  const entries = [...(delivery.accepted ? [accepted] : []), ...delivery.timeline];
  const id = `delivery-${delivery.n}`;
  const domain = delivery.recipient.slice(delivery.recipient.lastIndexOf('@') + 1).toLowerCase();
  return (
    <section class="card" aria-labelledby={id}>
      <div class="card-head">
        <h2 id={id} class="break">
          <bdi>{delivery.recipient}</bdi>
        </h2>
        <DeliveryStateOf state={delivery.state} />
      </div>
      <WhatNext delivery={delivery} />
      {domain !== '' && (
        <p class="small">
          <a href={`/recipients/${encodeURIComponent(domain)}`}>What {domain} asks of TLS</a>
        </p>
      )}
      <ol class="timeline">
        {entries.map((event, i) => (
          <Entry
            event={event}
            messageId={message.messageId}
            recipient={delivery.recipient}
            sinceMs={entries[i - 1]?.atMs ?? null}
          />
        ))}
      </ol>
      <details>
        <summary>The same as data</summary>
        <Code
          id={`events-${delivery.n}`}
          what="Events as JSON"
          text={JSON.stringify(entries.map(asData), null, 1)}
          wrap
        />
      </details>
    </section>
  );
}

/** As the API tells it, without what stands on the page anyway. */
function asData({ id, kind, atMs, details }: NewEvent) {
  return { id, kind, at: new Date(atMs).toISOString(), details };
}

const eventTone: Record<NewEvent['kind'], Tone> = {
  accepted: 'wait',
  dispatched: 'wait',
  rate_limited: 'warn',
  delivered: 'good',
  deferred: 'warn',
  bounced: 'bad',
  expired: 'bad',
  suppressed: 'warn',
  complained: 'bad',
  opened: 'good',
  clicked: 'good',
  unsubscribed: 'warn',
  auto_replied: 'quiet',
  bounce_replied: 'quiet',
  failed: 'bad',
  canceled: 'quiet',
};

export function toneOf(kind: NewEvent['kind']): Tone {
  return eventTone[kind];
}

/** What of an event's details the page knows how to show; all of it may be missing. */
const shownDetails = z
  .object({
    ...sessionSchema.partial().shape,
    reply: smtpReplySchema.nullable(),
    dkim: z.array(z.string()),
    class: z.string(),
    diagnostic: z.string(),
    text: z.string(),
    node: z.string(),
    nextAttemptAt: z.string(),
    maybeAccepted: z.boolean(),
    durationMs: z.number(),
    source: z.string(),
    url: z.string(),
    userAgent: z.string(),
    machine: z.boolean(),
    subject: z.string(),
    notSuppressed: z.string(),
    verified: z.boolean(),
  })
  .partial();

/** Whether a mail that came back told of it, which can be looked at. */
export function cameByMail({ kind, details }: NewEvent): boolean {
  if (kind === 'bounced' || kind === 'deferred') return details.source === 'dsn' || details.source === 'feed';
  return kind === 'complained' || kind === 'auto_replied' || kind === 'bounce_replied';
}

function Entry({
  event,
  messageId,
  recipient,
  sinceMs,
}: {
  event: NewEvent;
  messageId: MessageId;
  recipient: string;
  sinceMs: number | null;
}) {
  const parsed = shownDetails.safeParse(event.details);
  const details = parsed.success ? parsed.data : {};
  const { mx, tls, reply, dkim, steps, tried, passedOn, leftOut } = details;
  return (
    <li class={eventTone[event.kind]}>
      <span class="dot" aria-hidden="true" />
      <div class="stack tight">
        <div class="what">
          <strong>{event.kind.replaceAll('_', ' ')}</strong>
          <span class="small quiet">
            <Time ms={event.atMs} as="clock" />
            {sinceMs !== null && ` (+${duration(event.atMs - sinceMs)})`}
          </span>
        </div>
        <p class="small quiet">{raisedBy(event.kind, details.transport)}</p>
        {details.maybeAccepted && (
          <Note tone="warn">
            <p class="small">
              No answer came after the last byte: it may have arrived. It is tried again,{' '}
              {details.transport
                ? 'and relays may write a Message-ID of their own.'
                : 'with the same Message-ID.'}
            </p>
          </Note>
        )}
        {details.verified === false && (
          <Note tone="warn">
            <p class="small">
              This complaint is unverified: it names the message and its recipient, which everybody who got
              the mail can do, and neither the message’s return path nor the signature of a known feedback
              loop vouches for it. Therefore it has suppressed nobody and counts in no figure. If you believe
              it,{' '}
              <a href={`/suppressions?query=${encodeURIComponent(recipient)}`}>
                suppress the address yourself
              </a>
              .
            </p>
          </Note>
        )}
        {reply && (
          <p class="mono break">
            {reply.code} {reply.status && !reply.text.startsWith(reply.status) ? `${reply.status} ` : ''}
            {reply.text}
          </p>
        )}
        {!reply && details.diagnostic && <p class="break">{details.diagnostic}</p>}
        {!reply && details.text && <p class="break">{details.text}</p>}
        {details.notSuppressed && <p class="small">{details.notSuppressed}</p>}
        {cameByMail(event) && (
          <p class="small">
            <a href={`/messages/${messageId}/returned/${event.id}`}>Look at the mail that came back</a>
          </p>
        )}
        {details.node && (
          <p class="small">
            by {details.node === workerNodeId ? 'the Worker itself' : `node ${details.node}`}
          </p>
        )}
        {details.transport && (
          <p class="small">
            {event.kind === 'delivered' ? 'handed to' : 'by'} the relay {details.transport}
          </p>
        )}
        {details.from && <p class="small break">from {details.from}</p>}
        {passedOn && passedOn.length > 0 && (
          <ul class="small" aria-label="Transports that did not have it">
            {passedOn.map(({ transport, error }) => (
              <li class="break">
                not {transport}: {error}
              </li>
            ))}
          </ul>
        )}
        {leftOut && leftOut.length > 0 && (
          <p class="small break">without header fields that it does not take: {leftOut.join(', ')}</p>
        )}
        {details.url && <p class="small break">{details.url}</p>}
        {details.userAgent && <p class="small break quiet">{details.userAgent}</p>}
        {details.machine && (
          <p class="small">
            <State tone="quiet">probably a machine</State>
          </p>
        )}
        {details.subject && <p class="small break">{details.subject}</p>}
        {mx && (
          <p class="small break">
            {mx.host} [{mx.address}]
          </p>
        )}
        {tls !== undefined && mx && <TlsUsed used={tls} />}
        {dkim && (
          <p class="small">{dkim.length > 0 ? `signed with DKIM: ${dkim.join(', ')}` : 'not signed here'}</p>
        )}
        {steps && steps.length > 0 && (
          <ol class="steps" aria-label="Steps of the SMTP dialogue">
            {steps.map((step) => (
              <li>
                {step.name} {duration(step.ms)}
              </li>
            ))}
          </ol>
        )}
        {tried && tried.length > 0 && (
          <ul class="small">
            {tried.map((host) => (
              <li class="break">
                {host.host} [{host.address}]: {host.error}
              </li>
            ))}
          </ul>
        )}
      </div>
    </li>
  );
}
