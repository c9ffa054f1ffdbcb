import type { Returned } from '#domain/bounce/returned-mail.ts';
import type { CounterName } from '#domain/counter.ts';
import { countsInFigures, type EventKind } from '#domain/delivery/event.ts';
import { type ReturnReduction, reduceReturn } from '#domain/delivery/returned-event.ts';
import { type EventId, uuidV7 } from '#domain/message/ids.ts';
import { mostProofCharacters } from '../store/consequences.ts';
import { count } from '../store/counters.ts';
import { withHomes } from '../store/homes-memory.ts';
import { storeOfMessage } from '../store/message-homes.ts';
import { keepReturned } from '../store/returned-mails.ts';
import { findReturned, type ReturnedDelivery, writeReturn } from '../store/returns.ts';
import { readAddress } from './address.ts';
import { type Correlated, correlate } from './correlate.ts';
import { fingerprintOf } from './fingerprint.ts';
import { mayComplain, readMail } from './read-mail.ts';
import type { InboundMail, Room } from './room.ts';
import { takeReport } from './take-report.ts';

/**
 * - `taken`: it is done with, whatever it came to.
 * - `unknown`: there is no such address (550 5.1.1).
 * - `refused`: a mailbox for reports got something else (550 5.7.1).
 */
export type Verdict = 'taken' | 'unknown' | 'refused';

/** More mails than this to one delivery change nothing: whoever has a token could send them without end. */
const mostReturns = 50;
/** Stands for the fingerprint of a complaint that is not verified. */
const unverifiedMark = 'unverified';
/** The node's report that the peer took the message may be overtaken by the peer's own DSN. */
const overtakenWaitsMs = [250, 750, 2000] as const;

/**
 * The one room for what comes back by mail, whichever door it came through: whose is it, what does it say, what
 * follows, write it. Throws only when the store cannot be reached: then the sender keeps it and tries again.
 */
export async function receive(room: Room, mail: InboundMail): Promise<Verdict> {
  const address = await readAddress(mail.rcptTo, room.settings);
  if (address.kind === 'forged' || address.kind === 'unknown') {
    return await counted(room, address.kind === 'forged' ? 'token_forged' : 'address_unknown', 'unknown');
  }
  if (address.kind === 'report') return await takeReport(room.store, address.report, mail.raw, room.nowMs);
  // What a mailbox will not take is refused before it is read: a stranger's mail costs no more than a look.
  if (address.kind === 'feedback' && !mayComplain(mail.raw)) return 'refused';
  const reading = readMail(mail.raw, mail.mailFrom);
  if (address.kind === 'feedback' && reading.kind !== 'complaint') return 'refused';
  const found =
    address.kind === 'feedback' ? await correlate(room, reading, mail) : await settled(room, address);
  if (!found) {
    const name = address.kind === 'feedback' ? 'feedback_uncorrelated' : 'returned_gone';
    return await counted(room, name, 'taken');
  }
  await takeReading(room, found, reading, mail);
  return 'taken';
}

/** Decides what follows from what was read, and writes it, or counts that nothing does. @param mail.transport whose events told it */
export async function takeReading(
  room: Room,
  found: Correlated,
  reading: Returned,
  mail: ToldBy,
): Promise<void> {
  const outcome = await withHomes(room.store, async () =>
    record(await atHomeOf(room, found.delivery), found, reading, mail),
  );
  if (outcome !== null) await count(room.store, { [outcome]: 1 }, room.nowMs);
}

type ToldBy = Pick<InboundMail, 'mailFrom' | 'raw'> & { transport?: string };

/** Counts what has no effect, and gives the verdict. */
async function counted(room: Room, name: CounterName, verdict: Verdict): Promise<Verdict> {
  await count(room.store, { [name]: 1 }, room.nowMs);
  return verdict;
}

/** The room at the home of a message. */
async function atHomeOf(room: Room, { messageId }: { messageId: string }): Promise<Room> {
  return { ...room, store: (await storeOfMessage(room.store, messageId)) ?? room.store };
}

/** The delivery, if possible after the node has reported what the peer said to it. */
export async function settled(room: Room, of: { messageId: string; n: number }): Promise<Correlated | null> {
  const { store } = await atHomeOf(room, of);
  let delivery = await findReturned(store, of, room.nowMs);
  for (const waitMs of overtakenWaitsMs) {
    if (delivery?.state !== 'sending') break;
    await room.pause(waitMs);
    delivery = await findReturned(store, of, room.nowMs);
  }
  return delivery && { delivery, verified: true };
}

/**
 * Decides and writes; decides again when the delivery has changed in between.
 * @returns null when it was written, else what to count
 */
async function record(
  room: Room,
  { delivery: found, verified }: Correlated,
  reading: Returned,
  { mailFrom, raw, transport }: ToldBy,
): Promise<CounterName | null> {
  const arrival = { atMs: room.nowMs, nullSender: mailFrom === '', verified, transport };
  const own = await fingerprintOf(reading.kind, raw);
  // Whoever knows a Message-ID could send such reports without end: one is told, and keeps none that is verified away.
  const fingerprint = verified ? own : unverifiedMark;
  const id = uuidV7(room.nowMs, crypto.getRandomValues(new Uint8Array(10)));
  let delivery: ReturnedDelivery | null = found;
  for (let tries = 0; tries < 5 && delivery; tries++) {
    if ([own, fingerprint].some((one) => delivery?.fingerprints.includes(one))) return 'returned_repeated';
    if (delivery.fingerprints.length >= mostReturns) return 'returned_too_many';
    const reduction = reduceReturn(delivery, reading, arrival);
    if (typeof reduction === 'string') return reduction;
    // First the mail, then what follows from it: an event never points at nothing.
    await keepReturned(room.store, { id, atMs: room.nowMs }, { raw, mailFrom });
    if (await write(room, delivery, reduction, { id, fingerprint, raw })) {
      room.eventsCommitted(delivery.accountId);
      if (reduction.event.kind === 'bounced') room.failed(failedBy(delivery, reduction));
      return null;
    }
    delivery = await findReturned(room.store, delivery, room.nowMs);
  }
  if (!delivery) return 'returned_gone';
  throw new Error(`delivery ${found.messageId} ${found.n} changes faster than it can be written`);
}

function failedBy({ messageId }: ReturnedDelivery, { event }: ReturnReduction) {
  const { status } = event.details;
  return { messageId, status: typeof status === 'string' ? status : null };
}

async function write(
  room: Room,
  delivery: ReturnedDelivery,
  { state, reason, event, consequence, scope }: ReturnReduction,
  { id, fingerprint, raw }: { id: EventId; fingerprint: string; raw: Uint8Array },
): Promise<boolean> {
  const { messageId, n, accountId, recipient } = delivery;
  return await writeReturn(
    room.store,
    {
      messageId,
      n,
      event: { id, ...event, fingerprint },
      counters: ['returned_recorded', ...(countsInFigures(event) ? [] : (['feedback_unverified'] as const))],
      from: delivery.state,
      to: state,
      reason,
      consequence: consequence && {
        consequence,
        accountId,
        address: recipient,
        ...(scope !== undefined && { scope }),
        source: sourceOf(event.kind),
        proof: proofOf(event, raw),
        atMs: room.nowMs,
      },
    },
    room.nowMs,
  );
}

function sourceOf(kind: EventKind): 'dsn' | 'feedback' {
  return kind === 'complained' ? 'feedback' : 'dsn';
}

/** What the mail says in one line, and its beginning as text. */
function proofOf(event: ReturnReduction['event'], raw: Uint8Array): string {
  const said = `${saidBy(event)}\n\n`.trimStart();
  const beginning = new TextDecoder().decode(raw.subarray(0, mostProofCharacters));
  return (said + beginning).replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '').toWellFormed();
}

/** The type of a complaint (RFC 5965 §3.1), or the reply of a bounce. */
function saidBy({ kind, details }: ReturnReduction['event']): string {
  if (kind === 'complained') return `Feedback-Type: ${details.feedbackType}`;
  const diagnostic = String(details.diagnostic ?? '').slice(0, 500);
  const code = String(details.replyCode ?? '');
  return diagnostic.startsWith(code) ? diagnostic : `${code} ${diagnostic}`;
}
