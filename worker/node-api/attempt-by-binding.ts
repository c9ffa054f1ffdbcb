import { Buffer } from 'node:buffer';
import { z } from 'zod';
import { bindingMessage } from '#domain/delivery/binding-message.ts';
import { type BindingEnding, bindingSession, endingOfError } from '#domain/delivery/binding-outcome.ts';
import type { Outcome, Session } from '#domain/delivery/outcome.ts';
import { transportPresets } from '#domain/delivery/transport.ts';
import { workerNodeId } from '#domain/delivery/turn.ts';
import type { LeasedDelivery } from '#domain/node-contract.ts';
import { storeOfMessage } from '../store/message-homes.ts';
import { findLeasedBody } from '../store/messages.ts';
import { latin1Bytes, readBody } from '../store/raw.ts';
import type { WorkerTransport } from '../store/routing.ts';
import type { Store } from '../store/store.ts';

/** A binding that has not answered for so long has taken the message, or has not: nobody knows. */
const answersWithinMs = 60_000;

/** One attempt at a delivery by the binding, which the Worker has leased. Never rejects. */
export async function attemptByBinding(
  delivery: LeasedDelivery,
  transports: ReadonlyMap<string, WorkerTransport>,
  { store, EMAIL }: { store: Store; EMAIL: SendEmail },
): Promise<Outcome> {
  const startedAtMs = Date.now();
  const [name = ''] = delivery.route ?? [];
  const ended = (ending: Ending, more: Partial<Session> = {}): Outcome => {
    const endedAtMs = Date.now();
    const steps = [{ name: 'final' as const, ms: endedAtMs - startedAtMs }];
    return { ...ending, startedAtMs, endedAtMs, session: bindingSession(name, { steps, ...more }) };
  };
  if (delivery.requiretls) return ended(untold);
  try {
    const raw = await rawOf(delivery, store);
    if (raw === null) return ended(ownTrouble('the content of the message is not to be had'));
    const message = bindingMessage(raw, fieldsOf(transports.get(name)));
    if (typeof message === 'string')
      return ended({ type: 'failed', reason: 'policy', text: message.slice(0, 1000) });
    const leftOut = message.leftOut.slice(0, 50).map((field) => field.slice(0, 100));
    const session = leftOut.length > 0 ? { leftOut } : {};
    const { EmailMessage } = await import('cloudflare:email');
    const content = new Response(latin1Bytes(message.raw)).body;
    if (!content) return ended(ownTrouble('the content of the message is empty'));
    const email = new EmailMessage(message.from, delivery.rcptTo, content);
    try {
      const answer: unknown = await within(answersWithinMs, EMAIL.send(email));
      // Whatever it says, and if nothing: what is not refused was taken.
      const { data } = sent.safeParse(answer);
      const relayId = (data?.messageId ?? '').replace(/^<|>$/g, '').slice(0, 250);
      return ended(taken, { ...session, ...(relayId === '' ? {} : { relayId }) });
    } catch (error) {
      return ended(endingOfError(error), session);
    }
  } catch (error) {
    // Nothing was sent yet: the mail is still good.
    return ended(ownTrouble(`our own trouble: ${String(error)}`));
  }
}

const sent = z.object({ messageId: z.string() });

type Ending = BindingEnding | Pick<Extract<Outcome, { type: 'delivered' }>, 'type' | 'reply' | 'dkim'>;

/** The service signs by itself; it is no SMTP server, so there is no reply. */
const taken: Ending = { type: 'delivered', reply: null, dkim: [] };

/** RFC 8689 §4.2.1: who cannot pass the wish on must not send the message. */
const untold: Ending = {
  type: 'bounced',
  failure: {
    reply: null,
    status: '5.7.30',
    class: 'tls',
    text: 'the message asks for REQUIRETLS, which the binding cannot pass on',
    step: null,
    code: null,
  },
};

function ownTrouble(text: string): Ending {
  const failure = { reply: null, status: null, class: 'system', step: null, code: null } as const;
  return { type: 'deferred', failure: { ...failure, text: text.slice(0, 1000) } };
}

function fieldsOf(transport: WorkerTransport | undefined) {
  return transportPresets.find(({ name }) => name === transport?.preset)?.fields ?? null;
}

/** The raw message as latin1 text; null where it is kept no longer. */
async function rawOf({ messageId, raw }: LeasedDelivery, store: Store): Promise<string | null> {
  if (raw !== null) return raw;
  const nowMs = Date.now();
  const home = await storeOfMessage(store, messageId);
  const place = home && (await findLeasedBody(home, messageId, workerNodeId, nowMs));
  const body = place && (await readBody(home, place, nowMs));
  if (body === null || typeof body === 'string') return body;
  return Buffer.from(await new Response(body).arrayBuffer()).toString('latin1');
}

/** What the work gives. @throws when it fails, or has given nothing within the time */
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${ms / 1000} seconds`)), ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
