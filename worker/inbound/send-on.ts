import { Buffer } from 'node:buffer';
import type { Decision } from '#domain/inbound/decision.ts';
import { aliasOf } from '#domain/inbound/route.ts';
import { withoutMailboxLine } from '#domain/message/clean-header.ts';
import { toCrlf } from '#domain/message/header.ts';
import type { ReceivedHead, SmtpRefusal } from '#domain/node-contract.ts';
import type { Env } from '../env.ts';
import type { MailHead } from '../received/open-mail.ts';
import type { CountedAlias, SendingOn } from '../store/forwards.ts';
import type { NewReceived } from '../store/received.ts';
import { type ReceivedPlace, receivedText } from '../store/received-object.ts';
import type { ReceivingDomain } from '../store/receiving.ts';
import type { Store } from '../store/store.ts';
import { partsOf } from './check.ts';
import { forwardOf, type MailOf, unsendable } from './forward.ts';
import { answerOf, type MaskedMail, maskedForward } from './mask.ts';

/** What one rule takes of a mail, with its row. */
export interface TakenPart {
  domain: ReceivingDomain;
  decision: Exclude<Decision, { action: 'refuse' }>;
  recipients: readonly string[];
  row: NewReceived;
}

/** A mail as it was put into R2. */
export interface KeptMail {
  place: ReceivedPlace;
  /** Its first octets, all of them where there are no more. */
  beginning: Uint8Array;
  sizeBytes: number;
  /** Some octet is not ASCII. */
  eightBit: boolean;
}

/**
 * The messages as which a mail is sent on, noted in its rows; a fault of one is everybody's, so that its sender hears of
 * it. Only what is masked is read as a whole.
 */
export async function sendingOnOf(
  store: Store,
  env: Env,
  { head, origin, kept }: { head: ReceivedHead; origin: string; kept: KeptMail },
  read: MailHead,
  parts: readonly TakenPart[],
  nowMs: number,
): Promise<SendingOn | SmtpRefusal> {
  const all: SendingOn = { messages: [], aliases: [], replies: [] };
  for (const { decision, domain, recipients, row } of parts) {
    const { received } = row;
    const counted = countedAs(domain, decision, recipients[0] ?? '');
    if (counted) all.aliases.push(counted);
    if (counted) received.decision.alias = counted.id;
    if (decision.action !== 'forward' && decision.action !== 'answer') continue;
    const mail = { head, read, accountId: received.accountId, domain: domain.name, origin, home: store.home };
    const sent = await sentAs(store, env, mail, kept, decision, nowMs);
    if (!('message' in sent)) return sent;
    all.messages.push(sent.message);
    if (sent.reply) all.replies.push(sent.reply);
    received.decision.forwarded = sent.message.id;
  }
  return all;
}

async function sentAs(
  store: Store,
  env: Env,
  mail: Omit<MailOf<Decision>, 'decision' | 'text'>,
  kept: KeptMail,
  decision: Extract<Decision, { action: 'forward' | 'answer' }>,
  nowMs: number,
): Promise<MaskedMail | { message: MaskedMail['message']; reply: null } | SmtpRefusal> {
  const isWhole = kept.beginning.length === kept.sizeBytes;
  const all = async () =>
    sendableText(isWhole ? latin1(kept.beginning) : await receivedText(store, kept.place));
  if (decision.action === 'answer') {
    return await answerOf(store, env, { ...mail, decision, text: await all() }, nowMs);
  }
  const { alias } = decision;
  if (decision.masked && alias !== null) {
    const of = { ...mail, decision: { ...decision, alias }, text: await all() };
    return await maskedForward(store, env, of, nowMs);
  }
  const message = isWhole
    ? await forwardOf(env, { ...mail, decision, text: await all() }, nowMs)
    : await largeForward(env, { ...mail, decision }, kept, nowMs);
  return 'reply' in message ? message : { message, reply: null };
}

/** A mail that is too large to be held goes on by its header; what is below that stays where it is. */
async function largeForward(
  env: Env,
  mail: Omit<MailOf<Extract<Decision, { action: 'forward' }>>, 'text'>,
  { beginning, place, sizeBytes, eightBit }: KeptMail,
  nowMs: number,
): Promise<MaskedMail['message'] | SmtpRefusal> {
  const head = latin1(beginning);
  const end = headerEnd.exec(head);
  if (!end) return unsendable('its header has no end');
  const fromByte = end.index + end[0].length;
  const text = sendableText(head.slice(0, fromByte));
  const message = await forwardOf(env, { ...mail, text }, nowMs);
  if ('reply' in message) return message;
  return { ...message, eightBit, behind: { place, fromByte, sizeBytes: sizeBytes - fromByte } };
}

/** An empty line, with whatever line ends; the node makes CRLF of those that are bare. */
const headerEnd = /(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?!\n))/;

/** Its alias, with what the mail is for it; null: it came for none. */
function countedAs(
  domain: ReceivingDomain,
  decision: TakenPart['decision'],
  address: string,
): CountedAlias | null {
  if (decision.action === 'answer') return { id: decision.alias, as: 'answer' };
  const alias = aliasOf(domain, partsOf(address).localPart);
  return alias && { id: alias.id, as: decision.action === 'forward' ? 'sentOn' : 'taken' };
}

function latin1({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
}

/** With CRLF line ends. */
function sendableText(text: string): string {
  return toCrlf(withoutMailboxLine(text));
}
