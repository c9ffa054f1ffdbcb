import { z } from 'zod';
import { eventRow, type NewEvent } from '#domain/delivery/event.ts';
import { sessionSchema, smtpReplySchema } from '#domain/delivery/outcome.ts';
import { failureClasses } from '#domain/failure/failure-class.ts';
import { acceptedEventId, type MessageId } from '#domain/message/ids.ts';
import { DeliveryStateOf, duration, Note, State, Time, type Tone } from '../../pages/parts.tsx';
import type { StoredDelivery, StoredMessage } from '../../store/messages.ts';

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
  return (
    <section class="card" aria-labelledby={id}>
      <div class="card-head">
        <h2 id={id} class="break">
          <bdi>{delivery.recipient}</bdi>
        </h2>
        <DeliveryStateOf state={delivery.state} />
      </div>
      <Waiting delivery={delivery} />
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
    </section>
  );
}

/** Why it is where it is, and what comes next. */
function Waiting({ delivery }: { delivery: StoredDelivery }) {
  const next = delivery.dueMs;
  const why = failureClasses.find((row) => row.name === delivery.reason)?.text ?? delivery.reason;
  switch (delivery.state) {
    case 'scheduled':
      return next === null ? null : (
        <Note tone="wait">
          <p>
            It was asked to wait: delivery begins <Time ms={next} />.
          </p>
        </Note>
      );
    case 'queued':
      return (
        <Note tone="wait">
          <p>
            {delivery.waitsFor ??
              'It waits for a node to take it. If that lasts longer than a few seconds, look at the nodes on the overview.'}
          </p>
        </Note>
      );
    case 'sending':
      return (
        <Note tone="wait">
          <p>Node {delivery.node} is delivering it now.</p>
        </Note>
      );
    case 'deferred':
      return (
        <Note tone="warn">
          <p>
            Tried {delivery.attempts} {delivery.attempts === 1 ? 'time' : 'times'}, without success: {why}.{' '}
            {next !== null && (
              <>
                The next try is <Time ms={next} as="ago" /> (<Time ms={next} />
                ).
              </>
            )}
            {delivery.waitsFor && ` ${delivery.waitsFor}`}
          </p>
        </Note>
      );
    case 'bounced':
      return (
        <Note tone="bad">
          <p>The recipient’s side refused it for good: {why}. It is not tried again.</p>
        </Note>
      );
    case 'failed':
      return (
        <Note tone="bad">
          <p>It was given up: {why}.</p>
        </Note>
      );
    case 'suppressed':
      return (
        <Note tone="warn">
          <p>
            Nothing was sent: the address is on the suppression list ({why}).{' '}
            <a href={`/suppressions?query=${encodeURIComponent(delivery.recipient)}`}>Look at the entry</a>
          </p>
        </Note>
      );
    default:
      return null;
  }
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
  if (kind === 'bounced' || kind === 'deferred') return details.source === 'dsn';
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
  const { mx, tls, reply, dkim, steps, tried } = details;
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
        <p class="small quiet">{eventRow(event.kind).raised}</p>
        {details.maybeAccepted && (
          <Note tone="warn">
            <p class="small">
              The connection broke after the last byte and before the answer: it may have arrived. It is tried
              again with the same Message-ID.
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
        {details.node && <p class="small">by node {details.node}</p>}
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
        {tls !== undefined && mx && (
          <p class="small row">
            {tls ? (
              <>
                <State tone={tls.verdict === 'verified' ? 'good' : 'quiet'}>{tls.version}</State>
                {tls.cipher}, certificate {tls.verdict}
                {tls.reason ? `: ${tls.reason}` : ''}
              </>
            ) : (
              <State tone="warn">without TLS</State>
            )}
          </p>
        )}
        {dkim && (
          <p class="small">{dkim.length > 0 ? `signed with DKIM: ${dkim.join(', ')}` : 'not signed'}</p>
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
