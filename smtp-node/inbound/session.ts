import { domainToASCII } from 'node:url';
import type { SMTPServerOptions, SMTPServerSession } from 'smtp-server';
import { isOwner, notTheOwner } from '#domain/inbound/answer-right.ts';
import {
  type InboundDoor,
  largestReceivedBytes,
  largestReturnedBytes,
  type SmtpRefusal,
} from '#domain/node-contract.ts';
import type { Log } from '../log.ts';
import type { Meters } from '../metrics.ts';
import type { AddressLimits } from '../submission/address-limits.ts';
import type { ListenerHooks } from '../submission/listener.ts';
import { edgeAway, SmtpFault } from '../submission/smtp-fault.ts';
import type { WorkerClient } from '../worker-client.ts';
import { type DataStream, tooLarge } from './collect.ts';
import type { Doors } from './doors.ts';
import { clientOf, faultOf, type ReceiveContext, receive } from './receive.ts';
import { takeReturned } from './returned.ts';
import type { SenderPolicy } from './sender-policy.ts';
import type { ResolveTxt } from './signed-author.ts';

export interface SessionContext extends ListenerHooks, ReceiveContext {
  client: Pick<WorkerClient, 'authorize' | 'inbound'>;
  doors: Pick<Doors, 'of'>;
  resolveTxt: ResolveTxt;
  senderPolicy: SenderPolicy;
  limits: AddressLimits;
  /** Longest time that one message may take to arrive. */
  dataMs: number;
  /** Longest time that a session may last. */
  sessionMs: number;
  log: Log;
  meters: Meters;
}

/** A recipient that may be taken: one that is not refused. */
type OpenDoor = Exclude<InboundDoor, { door: 'refused' }>;

interface SessionState {
  address: string;
  end: NodeJS.Timeout;
  /** Addresses that were asked for and are not there. */
  unknown: number;
  /** Behind which door the recipients of the mail are; null: there are none yet. */
  door: OpenDoor | null;
  /** SPF of the mail's sender; null: nobody has asked for it yet. */
  spf: ReturnType<SenderPolicy> | null;
}

/** A peer that asks for more addresses than this which are not there is guessing. */
const mostUnknownRecipients = 10;

/** What smtp-server asks us in the course of a session at port 25. */
export function sessionHandlers(context: SessionContext): Partial<SMTPServerOptions> {
  const { limits, meters } = context;
  const open = new Map<string, SessionState>();
  return {
    onConnect(session, callback) {
      if (!limits.connect(session.remoteAddress)) {
        return callback(new SmtpFault('421 4.7.0', 'Too many connections from your address'));
      }
      const late = () => context.hangUp(session, '4.4.2 The session took too long');
      const end = setTimeout(late, context.sessionMs);
      end.unref();
      open.set(session.id, { address: session.remoteAddress, end, unknown: 0, door: null, spf: null });
      callback();
    },

    onClose(session) {
      const state = open.get(session.id);
      open.delete(session.id);
      if (!state) return;
      clearTimeout(state.end);
      limits.disconnect(state.address);
    },

    // any sender, and none (RFC 5321 §4.5.5: reports come from <>)
    onMailFrom(_address, session, callback) {
      const state = open.get(session.id);
      if (state) state.door = state.spf = null;
      callback();
    },

    onRcptTo({ address }, session, callback) {
      const state = open.get(session.id);
      recipientFault(address, session, state, context).then(({ fault, door }) => {
        meters.returnedRecipients.inc({ reply: fault ? fault.responseCode : 250 });
        if (!fault) context.inTime(session);
        if (state && door) state.door = door;
        if (fault?.responseCode === 550 && state) {
          state.unknown += 1;
          if (state.unknown > mostUnknownRecipients) {
            return context.hangUp(session, '4.7.1 Too many addresses that are not here');
          }
        }
        callback(fault);
      });
    },

    onData(stream, session, callback) {
      const door = open.get(session.id)?.door ?? null;
      take(stream, session, door, () => open.has(session.id), context).then(
        (text) => {
          meters.returned.inc({ reply: 2 });
          callback(null, text);
        },
        (error) => {
          const fault = asFault(error, context.log);
          meters.returned.inc({ reply: Math.floor(fault.responseCode / 100) });
          callback(fault);
        },
      );
    },
  };
}

/**
 * Why an address takes no mail, or which door it is behind. All recipients of one mail are behind the same door: what
 * differs comes by a mail of its own, which the peer is told as it is told of too many (RFC 5321 §4.5.3.1.10). Never
 * rejects.
 */
async function recipientFault(
  address: string,
  session: SMTPServerSession,
  state: SessionState | undefined,
  context: SessionContext,
): Promise<{ fault: SmtpFault | null; door?: OpenDoor }> {
  const { doors, log } = context;
  const before = state?.door ?? null;
  try {
    const door = await doors.of(withAsciiDomain(address));
    if (door.door === 'refused') return { fault: new SmtpFault(door.reply, door.text) };
    if (door.door === 'received' && door.senders && !isOwner(senderOf(session), door.senders)) {
      return { fault: new SmtpFault('550 5.7.1', notTheOwner) };
    }
    if (before && groupOf(before) !== groupOf(door)) {
      return { fault: new SmtpFault('452 4.5.3', 'Bring the mail to this recipient by itself') };
    }
    const mostBytes = door.door === 'returned' ? largestReturnedBytes : largestReceivedBytes;
    if ((sizeOf(session) ?? 0) > mostBytes) return { fault: tooLarge(mostBytes) };
    const refusal =
      door.door === 'received' && door.authorize && (await authorization(address, session, state, context));
    return refusal ? { fault: faultOf(refusal) } : { fault: null, door };
  } catch (error) {
    return { fault: asFault(error, log) };
  }
}

function groupOf(door: OpenDoor): string {
  return door.door === 'received' ? door.group : '';
}

function senderOf({ envelope: { mailFrom } }: SMTPServerSession): string {
  return mailFrom ? withAsciiDomain(mailFrom.address) : '';
}

/** What MAIL said of the size (RFC 1870); null: nothing. */
function sizeOf(session: SMTPServerSession): number | null {
  const { mailFrom } = session.envelope;
  const args = mailFrom ? mailFrom.args : false;
  const size = args && 'SIZE' in args ? Number(args.SIZE) : Number.NaN;
  return Number.isSafeInteger(size) && size >= 0 ? size : null;
}

/** What those say who are asked at RCPT; null: the recipient is taken. */
async function authorization(
  address: string,
  session: SMTPServerSession,
  state: SessionState | undefined,
  { client, senderPolicy }: SessionContext,
): Promise<SmtpRefusal | null> {
  const from = senderOf(session);
  const of = clientOf(session, from);
  const asked = state?.spf ?? senderPolicy(of);
  if (state) state.spf = asked;
  const { remoteIp, helo } = of;
  const to = withAsciiDomain(address);
  return await client.authorize({ to, from, size: sizeOf(session), remoteIp, helo, spf: await asked });
}

/** Takes the mail of one DATA, within its time. Gives the words of the reply. */
async function take(
  stream: DataStream & { destroy(): unknown; once(event: 'end', done: () => void): unknown },
  session: SMTPServerSession,
  door: OpenDoor | null,
  isOpen: () => boolean,
  context: SessionContext,
): Promise<string> {
  const { rcptTo } = session.envelope;
  const envelope = {
    mailFrom: senderOf(session),
    rcptTo: rcptTo.map((recipient) => withAsciiDomain(recipient.address)),
  };
  const inTime = setTimeout(() => {
    context.hangUp(session, '4.4.2 The message took too long');
    stream.destroy();
  }, context.dataMs);
  stream.once('end', () => clearTimeout(inTime));
  context.receiving.add(session.id);
  try {
    if (door?.door === 'received') return await receive(stream, { session, envelope, door, isOpen }, context);
    await takeReturned(stream, { session, envelope }, context);
    return 'Taken';
  } finally {
    clearTimeout(inTime);
    // the reply is written after this turn
    setImmediate(() => context.receiving.delete(session.id));
  }
}

/** RFC 5890 §2.3.2.1: the domain in its A-label form, which smtp-server has turned into U-labels. */
function withAsciiDomain(address: string): string {
  const at = address.lastIndexOf('@');
  const domain = address.slice(at + 1);
  return address.slice(0, at + 1) + (domainToASCII(domain) || domain);
}

/** What the peer is told of an error; what is no fault of its own is temporary, so that it keeps the mail. */
function asFault(error: unknown, log: Log): SmtpFault {
  if (error instanceof SmtpFault) return error;
  log.warn({ err: error }, 'mail could not be taken; its sender keeps it');
  return edgeAway();
}
