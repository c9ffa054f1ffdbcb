import { Buffer } from 'node:buffer';
import { isOwner, isUncertain, mayAnswer, notTheOwner } from '#domain/inbound/answer-right.ts';
import type { Decision } from '#domain/inbound/decision.ts';
import { maskedOrder } from '#domain/inbound/forward-order.ts';
import { forwardLoop, passedMarks, passedOn } from '#domain/inbound/forwarding.ts';
import { type Masking, maskMessage, messageIdsIn } from '#domain/inbound/masking.ts';
import { parseReplyAddress, replyLocalPart } from '#domain/inbound/reply-address.ts';
import { domainFault, type Mailbox, parseMailbox, splitMailboxes } from '#domain/message/address.ts';
import {
  fieldsNamed,
  type HeaderField,
  headerField,
  joinMessage,
  type SplitMessage,
  splitMessage,
} from '#domain/message/header.ts';
import { type MessageId, newMessageId } from '#domain/message/ids.ts';
import type { SmtpRefusal } from '#domain/node-contract.ts';
import type { Env } from '../env.ts';
import { asciiDomain } from '../intake/recipient.ts';
import { ownId } from '../received/thread.ts';
import type { AcceptedMessage } from '../store/accepted-rows.ts';
import { readMaskedIds, type UsedReply } from '../store/reply-addresses.ts';
import type { Store } from '../store/store.ts';
import { switchOffUrl } from '../tokens/alias-links.ts';
import { aliasMark, replyTokenOf } from '../tokens/reply-address.ts';
import { type MailOf, messageOf, unsendable } from './forward.ts';

/** A mail on its way between the two sides of a masked alias. */
export interface MaskedMail {
  message: AcceptedMessage;
  /** The address that stands for the one who wrote to the alias. */
  reply: UsedReply;
}

type Forward = Extract<Decision, { action: 'forward' }>;
type Answer = Extract<Decision, { action: 'answer' }>;

/** The message as which a masked alias sends a mail on: from an address that its owner can answer to. */
export async function maskedForward(
  store: Store,
  env: Env,
  mail: MailOf<Forward & { alias: number }>,
  nowMs: number,
): Promise<MaskedMail | SmtpRefusal> {
  const { head, decision, read, domain } = mail;
  const fields = fieldsOf(mail.text);
  if (typeof fields === 'string') return unsendable(fields);
  const author = authorOf(fields);
  if (author === null) return unsendable('it has no author who could be answered');
  const mark = await aliasMark(env.returnPathKeys, decision.alias);
  const loop = forwardLoop(fields, decision.address, mark);
  if (loop !== null) return unsendable(loop, '554 5.4.6');
  const address = answeredAt(fields) ?? author;
  const token = await replyTokenOf(env.returnPathKeys, decision.alias, address);
  const reply = `${replyLocalPart(token)}@${domain}`;
  const masked = await maskedText(store, mail, fields, nowMs, {
    reply,
    writer: [address, ...(head.mailFrom === '' ? [] : [head.mailFrom])],
    shownAs: reply,
    reader: new Map(),
  });
  if ('reply' in masked) return masked;
  const sent = passedOn(masked.message, {
    marks: [...passedMarks(fields), mark],
    alias: decision.address,
    switchOffUrl: await switchOffUrl(env, mail.origin, decision.alias),
  });
  const message = messageOf(
    env,
    {
      id: masked.id,
      home: store.home,
      source: 'forward',
      fromAddress: reply,
      fromHeader: read.fromHeader,
      to: decision.to,
      addressee: decision.address,
      subject: read.subject,
      messageIdHeader: masked.messageId,
      signingDomain: domain,
      raw: joinMessage(sent),
      order: maskedOrder(decision.address, head, { reply, messageId: masked.original }),
    },
    nowMs,
  );
  return { message, reply: { aliasId: decision.alias, token, address } };
}

/** The message as which an owner's answer leaves from the alias; refused to everybody else. */
export async function answerOf(
  store: Store,
  env: Env,
  mail: MailOf<Answer>,
  nowMs: number,
): Promise<MaskedMail | SmtpRefusal> {
  const { head, decision, read, domain } = mail;
  const fields = fieldsOf(mail.text);
  if (typeof fields === 'string') return unsendable(fields);
  const refusal = answerFault(mail, authorOf(fields));
  if (refusal) return refusal;
  const mark = await aliasMark(env.returnPathKeys, decision.alias);
  const loop = forwardLoop(fields, decision.address, mark);
  if (loop !== null) return unsendable(loop, '554 5.4.6');
  const masked = await maskedText(store, mail, fields, nowMs, {
    reply: decision.address,
    writer: [...decision.hidden, head.mailFrom],
    shownAs: decision.from,
    reader: new Map([[decision.address, decision.to]]),
  });
  if ('reply' in masked) return masked;
  const marks = [...passedMarks(fields), mark];
  const [from] = fieldsNamed(masked.message.fields, 'from');
  const message = messageOf(
    env,
    {
      id: masked.id,
      home: store.home,
      source: 'answer',
      fromAddress: decision.from,
      fromHeader: Buffer.from(from?.value ?? '', 'latin1').toString(),
      to: [decision.to],
      addressee: decision.to,
      subject: read.subject,
      messageIdHeader: masked.messageId,
      signingDomain: domain,
      raw: joinMessage(passedOn(masked.message, { marks, alias: null, switchOffUrl: null })),
      order: maskedOrder(decision.address, head, { reply: decision.address, messageId: masked.original }),
    },
    nowMs,
  );
  const { token = '' } = parseReplyAddress(decision.address.replace(/@.*$/s, '')) ?? {};
  return { message, reply: { aliasId: decision.alias, token, address: decision.to } };
}

/** Why a mail is no answer of the owner; null when it is one. */
function answerFault({ head, decision }: MailOf<Answer>, author: string | null): SmtpRefusal | null {
  const { mailFrom, verdicts } = head;
  if (mayAnswer(mailFrom, author ?? '', decision.owners, verdicts)) return null;
  if (!isOwner(mailFrom, decision.owners)) return { reply: '550 5.7.1', text: notTheOwner };
  if (isUncertain(verdicts)) {
    return {
      reply: '451 4.7.0',
      text: 'Whether the owner of the alias sends this cannot be told now; try again later',
    };
  }
  return { reply: '550 5.7.1', text: `${notTheOwner}, and SPF, DKIM or DMARC must pass for it` };
}

interface MaskedText {
  id: MessageId;
  /** Message-ID as it goes on, and as it came (empty: it had none). */
  messageId: string;
  original: string;
  message: SplitMessage;
}

async function maskedText(
  store: Store,
  { text, accountId, domain }: MailOf<Decision>,
  fields: readonly HeaderField[],
  nowMs: number,
  { reply, ...masking }: Omit<Masking, 'messageIds'> & { reply: string },
): Promise<MaskedText | SmtpRefusal> {
  const id = newMessageId(nowMs, crypto.getRandomValues(new Uint8Array(10)), store.home);
  const messageId = `<${id}@${domain}>`;
  const [original = ''] = fieldsNamed(fields, 'message-id').flatMap(
    ({ value }) => value.match(/<[^<>\s]{1,990}>/g) ?? [],
  );
  const messageIds = new Map([[original, messageId]]);
  // The newest stand last (RFC 5322 §3.6.4).
  const named = messageIdsIn(text)
    .filter((one) => one !== original && one.endsWith(`@${domain}>`))
    .slice(-mostIds);
  const others = new Map(named.flatMap((one) => ownId(one).map((own) => [own, one] as const)));
  for (const [own, theirs] of await readMaskedIds(store, accountId, [...others.keys()], reply, nowMs)) {
    if (theirs !== '') messageIds.set(others.get(own) ?? '', theirs);
  }
  const masked = maskMessage(text, { ...masking, messageIds });
  if ('fault' in masked) return unsendable(masked.fault);
  const { message } = masked;
  if (fieldsNamed(message.fields, 'message-id').length === 0)
    message.fields.push(headerField('Message-ID', messageId));
  return { id, messageId, original, message };
}

const mostIds = 50;

function fieldsOf(text: string): HeaderField[] | string {
  const message = splitMessage(text);
  return typeof message === 'string' ? message : message.fields;
}

/** The address of the one author; null when there is not exactly one. */
function authorOf(fields: readonly HeaderField[]): string | null {
  const froms = fieldsNamed(fields, 'from');
  const boxes = froms.flatMap(mailboxesIn);
  const [only] = boxes;
  return froms.length === 1 && boxes.length === 1 && only ? addressOf(only) : null;
}

/** Where its author wants answers, as far as one address can be that. */
function answeredAt(fields: readonly HeaderField[]): string | null {
  const boxes = fieldsNamed(fields, 'reply-to').flatMap(mailboxesIn);
  return boxes.map(addressOf).find((one) => one !== null) ?? null;
}

function mailboxesIn({ value }: HeaderField): (Mailbox | string)[] {
  return splitMailboxes(Buffer.from(value, 'latin1').toString()).map(parseMailbox);
}

/** As an envelope has it; null when it is none. */
function addressOf(box: Mailbox | string): string | null {
  if (typeof box === 'string') return null;
  const domain = asciiDomain(box.domain).toLowerCase();
  return domainFault(domain) === null ? `${box.localPart}@${domain}` : null;
}
