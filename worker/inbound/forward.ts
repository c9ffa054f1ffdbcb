import { simulatorDomain } from '#domain/delivery/simulator.ts';
import { type ForwardOrder, orderOf } from '#domain/inbound/forward-order.ts';
import { forwarded, forwardLoop, losesDmarc } from '#domain/inbound/forwarding.ts';
import type { Decision } from '#domain/inbound/route.ts';
import type { Verdicts } from '#domain/inbound/verdicts.ts';
import { joinMessage, splitMessage } from '#domain/message/header.ts';
import { type MessageId, newMessageId } from '#domain/message/ids.ts';
import { defaultStream } from '#domain/message/stream.ts';
import { untracked } from '#domain/message/tracking.ts';
import type { ReceivedHead, SmtpRefusal } from '#domain/node-contract.ts';
import type { Env } from '../env.ts';
import type { MailHead } from '../received/open-mail.ts';
import type { AcceptedMessage, MessageSource } from '../store/accepted-rows.ts';
import { switchOffUrl } from '../tokens/alias-links.ts';

/** A mail that is to be sent on, as a decision says. */
export interface MailOf<D> {
  head: ReceivedHead;
  /** The mail as it is kept: latin1 with CRLF line ends. */
  text: string;
  read: MailHead;
  decision: D;
  accountId: number;
  /** The domain of the address: what is made of it is signed by it. */
  domain: string;
  /** Where this Worker is reached. */
  origin: string;
  /** The home in which it is. */
  home: number;
}

/** The message as which a mail is sent on, or why it is not. */
export async function forwardOf(
  env: Env,
  mail: MailOf<Extract<Decision, { action: 'forward' }>>,
  nowMs: number,
): Promise<AcceptedMessage | SmtpRefusal> {
  const { head, decision, read, domain } = mail;
  const message = splitMessage(mail.text);
  if (typeof message === 'string') return unsendable(message);
  const loop = forwardLoop(message.fields, decision.address);
  if (loop !== null) return unsendable(loop, '554 5.4.6');
  const rewriteFrom = needsOwnFrom(head.verdicts, head.remoteIp);
  const sent = forwarded(message, {
    alias: decision.address,
    rewriteFrom,
    switchOffUrl: decision.alias === null ? null : await switchOffUrl(env, mail.origin, decision.alias),
  });
  return messageOf(
    env,
    {
      home: mail.home,
      source: 'forward',
      fromAddress: rewriteFrom ? decision.address : head.mailFrom,
      fromHeader: read.fromHeader,
      to: decision.to,
      addressee: decision.address,
      subject: read.subject,
      messageIdHeader: read.messageId,
      signingDomain: domain,
      raw: joinMessage(sent),
      order: orderOf({ address: decision.address, signs: rewriteFrom }, head),
    },
    nowMs,
  );
}

/** What its sender is told of a mail that cannot be sent on. */
export function unsendable(why: string, reply = '554 5.6.0'): SmtpRefusal {
  return { reply, text: `The mail is not sent on: ${why}`.slice(0, 450) };
}

/** From must be ours where the author's domain would disown the mail, and where nobody could find out whether it would. */
function needsOwnFrom(verdicts: Verdicts, remoteIp: string): boolean {
  return losesDmarc(verdicts) || verdicts.dmarc.result === 'temperror' || remoteIp === '';
}

/** What a message is made of that no customer submitted. */
export interface OwnMessage {
  /** Left out: a new one. */
  id?: MessageId;
  /** The home of whose message it is. */
  home: number;
  source: Extract<MessageSource, 'forward' | 'answer' | 'notice'>;
  fromAddress: string;
  fromHeader: string;
  /** Envelope recipients. */
  to: readonly string[];
  /** Whom it is addressed to, as it is shown. */
  addressee: string;
  subject: string;
  messageIdHeader: string;
  signingDomain: string;
  /** Latin1 text. */
  raw: string;
  order: ForwardOrder;
}

/** The rows of such a message. */
export function messageOf(env: Pick<Env, 'serviceDomain'>, of: OwnMessage, nowMs: number): AcceptedMessage {
  return {
    id: of.id ?? newMessageId(nowMs, crypto.getRandomValues(new Uint8Array(10)), of.home),
    class: 'standard',
    stream: defaultStream,
    fromAddress: of.fromAddress,
    fromHeader: of.fromHeader,
    addressees: { to: [of.addressee], cc: [] },
    subject: of.subject,
    tags: [],
    metadata: {},
    source: of.source,
    signingDomain: of.signingDomain,
    messageIdHeader: of.messageIdHeader,
    smtputf8: false,
    eightBit: /[\x80-\xff]/.test(of.raw),
    testMode: false,
    tls: 'policy',
    tracked: untracked,
    firstDueMs: nowMs,
    raw: of.raw,
    counted: 0,
    deliveries: of.to.map((recipient) => {
      const domain = recipient.slice(recipient.lastIndexOf('@') + 1);
      return {
        recipient,
        domain,
        state: 'queued',
        simulated: domain === simulatorDomain(env.serviceDomain),
        held: null,
        event: null,
        reason: null,
      };
    }),
    forward: of.order,
  };
}
