import { workerNodeId } from '#domain/delivery/turn.ts';
import { failureClasses } from '#domain/failure/failure-class.ts';
import { readScope } from '#domain/suppression/scope.ts';
import { Note, Time } from '../../pages/parts.tsx';
import type { StoredDelivery } from '../../store/messages.ts';

/** Where a delivery is, why, and what comes next, in words. */
export function WhatNext({ delivery }: { delivery: StoredDelivery }) {
  return (
    <>
      <OfState delivery={delivery} />
      <OfAddress delivery={delivery} />
    </>
  );
}

/** Who has it: a relay’s word is that it will be delivered. */
function takerOf({ timeline }: StoredDelivery): string {
  const { transport } = timeline.findLast(({ kind }) => kind === 'delivered')?.details ?? {};
  return typeof transport === 'string'
    ? `It was handed to the relay ${transport}, which`
    : 'The recipient’s mail server';
}

function OfState({ delivery }: { delivery: StoredDelivery }) {
  const next = delivery.dueMs;
  const why = failureClasses.find((row) => row.name === delivery.reason)?.text ?? delivery.reason;
  switch (delivery.state) {
    case 'scheduled':
      return next === null ? null : (
        <Note tone="wait">
          <p>
            It was asked to wait: delivery begins <Time ms={next} />. Until then it can be cancelled.
          </p>
        </Note>
      );
    case 'queued':
      return (
        <Note tone="wait">
          <p>
            {delivery.waitsFor ??
              'It waits for a mail node to take it, which is a matter of moments. If it lasts, look at the nodes on the overview.'}
          </p>
        </Note>
      );
    case 'sending':
      return (
        <Note tone="wait">
          <p>
            {delivery.node === workerNodeId
              ? 'The Worker is handing it to Cloudflare now.'
              : `Mail node ${delivery.node} is delivering it now.`}
          </p>
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
                ).{' '}
              </>
            )}
            Nothing needs to be done: it goes on by itself until it is delivered or its time is over.
            {delivery.waitsFor && ` ${delivery.waitsFor}`}
          </p>
        </Note>
      );
    case 'delivered':
      return (
        <p class="quiet">
          {delivery.simulated
            ? 'The simulator took it.'
            : `${takerOf(delivery)} took it. Should it come back later, or be complained about, that stands here.`}
        </p>
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
          <p>It was given up: {why}. It is not tried again.</p>
        </Note>
      );
    case 'suppressed':
      return (
        <Note tone="warn">
          <p>
            Nothing was sent: the address is on the suppression list ({why}).{' '}
            <EntryLink recipient={delivery.recipient} />
          </p>
        </Note>
      );
    case 'canceled':
      return <p class="quiet">It was cancelled before a mail node had it. Nothing was sent.</p>;
    case 'simulated':
      return <p class="quiet">It was sent in test mode: checked and kept, and delivered to nobody.</p>;
  }
}

/** To what mail a suppression is limited, by the scope that an event tells. */
function limitOf(scope: unknown): string {
  if (typeof scope !== 'string' || scope === 'account') return '';
  const { type, value } = readScope(scope);
  return type === 'domain' ? ` from ${value}` : ` of ${type} ${value}`;
}

/** What the delivery has done to the address: whether it is mailed again. */
function OfAddress({ delivery: { recipient, simulated, timeline } }: { delivery: StoredDelivery }) {
  const complained = timeline.some(
    ({ kind, details }) => kind === 'complained' && details.verified !== false,
  );
  const unsubscribed = timeline.some(({ kind }) => kind === 'unsubscribed');
  const suppressing = timeline.find(({ details }) => details.suppresses === true);
  const ended = timeline.some(({ kind }) => kind === 'bounced') || complained || unsubscribed;
  if (!ended) return null;
  return (
    <Note tone={suppressing ? 'warn' : 'quiet'}>
      {complained && (
        <p>
          Its recipient called it spam. Mailbox providers watch how often that happens: do not write again.
        </p>
      )}
      {unsubscribed && <p>Its recipient does not want this mail any more.</p>}
      {suppressing ? (
        <p>
          The address was suppressed by it: nothing more is sent to it
          {limitOf(suppressing.details.scope)}. <EntryLink recipient={recipient} />
        </p>
      ) : (
        <p>
          {simulated
            ? 'It is simulated, so the address is not suppressed: you can send to it again.'
            : 'The address was not suppressed by it: it can be mailed again.'}
        </p>
      )}
    </Note>
  );
}

function EntryLink({ recipient }: { recipient: string }) {
  return <a href={`/suppressions?query=${encodeURIComponent(recipient)}`}>Look at the entry</a>;
}
