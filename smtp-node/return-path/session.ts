import { domainToASCII } from 'node:url';
import type { SMTPServerOptions, SMTPServerSession } from 'smtp-server';
import type { Log } from '../log.ts';
import type { Meters } from '../metrics.ts';
import type { AddressLimits } from '../submission/address-limits.ts';
import type { ListenerHooks } from '../submission/listener.ts';
import { edgeAway, SmtpFault } from '../submission/smtp-fault.ts';
import type { WorkerClient } from '../worker-client.ts';
import { collect } from './collect.ts';

export interface SessionContext extends ListenerHooks {
  client: Pick<WorkerClient, 'knownRecipients' | 'inbound'>;
  limits: AddressLimits;
  /** Longest time that one message may take to arrive. */
  dataMs: number;
  /** Longest time that a session may last. */
  sessionMs: number;
  log: Log;
  meters: Meters;
}

/** A peer that asks for more addresses than this which are not there is guessing. */
const mostUnknownRecipients = 10;

/** What smtp-server asks us in the course of a session at a return path. */
export function sessionHandlers(context: SessionContext): Partial<SMTPServerOptions> {
  const { limits, meters } = context;
  const open = new Map<string, { address: string; end: NodeJS.Timeout; unknown: number }>();
  return {
    onConnect(session, callback) {
      if (!limits.connect(session.remoteAddress)) {
        return callback(new SmtpFault('421 4.7.0', 'Too many connections from your address'));
      }
      const late = () => context.hangUp(session, '4.4.2 The session took too long');
      const end = setTimeout(late, context.sessionMs);
      end.unref();
      open.set(session.id, { address: session.remoteAddress, end, unknown: 0 });
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
    onMailFrom(_address, _session, callback) {
      callback();
    },

    onRcptTo({ address }, session, callback) {
      recipientFault(address, context).then((fault) => {
        meters.returnedRecipients.inc({ reply: fault ? fault.responseCode : 250 });
        const state = open.get(session.id);
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
      take(stream, session, context).then(
        () => {
          meters.returned.inc({ reply: 2 });
          callback(null, 'Taken');
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

/** Why an address takes no mail; null when it does. Never rejects. */
async function recipientFault(address: string, { client, log }: SessionContext): Promise<SmtpFault | null> {
  try {
    const [known] = await client.knownRecipients([withAsciiDomain(address)]);
    return known ? null : new SmtpFault('550 5.1.1', 'There is no such address here');
  } catch (error) {
    return asFault(error, log);
  }
}

/** Takes the mail of one DATA, and hands it over before it is said to be taken. */
async function take(
  stream: Parameters<typeof collect>[0] & {
    destroy(): unknown;
    once(event: 'end', done: () => void): unknown;
  },
  session: SMTPServerSession,
  context: SessionContext,
): Promise<void> {
  const { mailFrom, rcptTo } = session.envelope;
  const inTime = setTimeout(() => {
    context.hangUp(session, '4.4.2 The message took too long');
    stream.destroy();
  }, context.dataMs);
  stream.once('end', () => clearTimeout(inTime));
  context.receiving.add(session.id);
  try {
    const raw = await collect(stream);
    const verdicts = await context.client.inbound({
      mailFrom: mailFrom ? mailFrom.address : '',
      rcptTo: rcptTo.map((recipient) => withAsciiDomain(recipient.address)),
      raw,
    });
    context.log.info(
      { verdicts, sizeBytes: raw.length, clientAddress: session.remoteAddress },
      'mail came back',
    );
    // Whoever brought it for several hears of a refusal only when nobody has taken it.
    if (verdicts.includes('taken')) return;
    if (verdicts.includes('refused')) {
      throw new SmtpFault('550 5.7.1', 'Only feedback reports (RFC 5965) are read at this address');
    }
    throw new SmtpFault('550 5.1.1', 'There is no such address here');
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
  log.warn({ err: error }, 'returned mail could not be taken; its sender keeps it');
  return edgeAway();
}
