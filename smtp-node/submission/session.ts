import { setTimeout as pause } from 'node:timers/promises';
import type {
  SMTPServerAddress,
  SMTPServerAuthentication,
  SMTPServerDataStream,
  SMTPServerOptions,
  SMTPServerSession,
} from 'smtp-server';
import type { Scope } from '#domain/scope.ts';
import type { Log } from '../log.ts';
import type { Meters } from '../metrics.ts';
import type { AddressLimits } from './address-limits.ts';
import { queuedText } from './connection.ts';
import type { EdgeIntake } from './edge-intake.ts';
import type { ListenerHooks } from './listener.ts';
import { mostMessageBytes, receive } from './receive.ts';
import { asciiDomain, faultOfMailbox, Recipients } from './recipients.ts';
import { edgeAway, SmtpFault } from './smtp-fault.ts';

export interface SessionContext extends ListenerHooks {
  intake: Pick<EdgeIntake, 'credential' | 'upload'>;
  limits: AddressLimits;
  /** Longest time that one message may take to arrive. */
  dataMs: number;
  /** How long the failed logins of an address are held back that has had too many. */
  lateMs: number;
  log: Log;
  meters: Meters;
}

/** Who logged in; the secret lives as long as the session and is nowhere else. */
interface User {
  username: string;
  secret: string;
}

const sendScope = 'send' satisfies Scope;
/** Usernames that every credential may use: ours, and those that other services have for all of their keys. */
const commonUsernames: readonly string[] = ['pennypost', 'resend', 'postscale'];

/** What smtp-server asks us in the course of a session. */
export function sessionHandlers(context: SessionContext): Partial<SMTPServerOptions> {
  const { limits } = context;
  const counted = new Map<string, string>();
  const users = new WeakMap<object, User>();
  /** Those of the transaction that each session is in. */
  const recipients = new WeakMap<SMTPServerSession, Recipients>();
  return {
    size: mostMessageBytes,

    onConnect(session, callback) {
      if (!limits.connect(session.remoteAddress)) {
        return callback(new SmtpFault('421 4.7.0', 'Too many connections from your address'));
      }
      counted.set(session.id, session.remoteAddress);
      callback();
    },

    onClose(session) {
      const address = counted.get(session.id);
      counted.delete(session.id);
      if (address !== undefined) limits.disconnect(address);
    },

    onAuth(auth, session, callback) {
      logIn(auth, session, context).then(
        (user) => {
          const mark = { username: user.username };
          users.set(mark, user);
          context.meters.logins.inc({ reply: 235 });
          context.trust(session);
          callback(null, { user: mark });
        },
        (error) => {
          const fault = asFault(error, context.log);
          context.meters.logins.inc({ reply: fault.responseCode });
          callback(fault);
        },
      );
    },

    onMailFrom(address, session, callback) {
      recipients.set(session, new Recipients());
      const fault = faultOfAddress(address, session, mailParameters);
      const sender = address.address;
      callback(fault ?? (sender === '' ? null : faultOfMailbox(sender, '501 5.1.7')));
    },

    onRcptTo(address, session, callback) {
      callback(faultOfAddress(address, session, []) ?? recipients.get(session)?.add(address.address));
    },

    onData(stream, session, callback) {
      const user = users.get(session.user);
      const work = user
        ? take(stream, session, recipients.get(session)?.addresses ?? [], user, context)
        : Promise.reject(new Error('nobody logged in'));
      work.then(
        (messageId) => {
          context.meters.submissions.inc({ reply: 2 });
          callback(null, queuedText(messageId));
        },
        (error) => {
          const fault = asFault(error, context.log);
          context.meters.submissions.inc({ reply: Math.floor(fault.responseCode / 100) });
          callback(fault);
        },
      );
    },
  };
}

/**
 * Whoever has a good key is let in, whatever others behind the same address do. Secrets cannot be guessed; that an
 * address which fails often is answered late keeps it from asking the edge at speed.
 * @throws SmtpFault when the client may not log in (RFC 4954 §4.7)
 */
async function logIn(
  auth: SMTPServerAuthentication,
  session: SMTPServerSession,
  { limits, intake, lateMs, log }: SessionContext,
): Promise<User> {
  const address = session.remoteAddress;
  const username = (auth.username ?? '').toLowerCase();
  const secret = auth.password ?? '';
  // a secret is base62 and underscores; anything else need not be asked, nor put in a header
  const credential = /^\w{1,256}$/.test(secret) ? await intake.credential(secret) : null;
  if (credential && !credential.scopes.includes(sendScope)) {
    throw new SmtpFault('535 5.7.8', 'This key may not send');
  }
  // Postmark has the token as both user and password.
  const names = [...commonUsernames, credential?.username.toLowerCase(), secret.toLowerCase()];
  if (credential && names.includes(username)) {
    return { username: credential.username, secret };
  }
  const late = limits.failsOften(address);
  limits.loginFailed(address);
  log.info({ clientAddress: address, late }, 'login refused');
  if (late) {
    await pause(lateMs);
    throw new SmtpFault('421 4.7.0', 'Authentication credentials invalid, and too many were before');
  }
  throw new SmtpFault('535 5.7.8', 'Authentication credentials invalid');
}

/** Takes the message of one DATA, within its time. */
async function take(
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
  rcptTo: readonly string[],
  user: User,
  context: SessionContext,
): Promise<string> {
  const { mailFrom, smtpUtf8, requireTLS } = session.envelope;
  const envelope = {
    mailFrom: mailFrom ? asciiDomain(mailFrom.address) : '',
    rcptTo,
    smtpUtf8: Boolean(smtpUtf8),
    requireTls: Boolean(requireTLS),
  };
  const inTime = setTimeout(() => {
    context.hangUp(session, '4.4.2 The message took too long');
    stream.destroy();
  }, context.dataMs);
  stream.once('end', () => clearTimeout(inTime));
  context.receiving.add(session.id);
  try {
    const messageId = await receive(stream, user.secret, envelope, context.intake);
    const { username } = user;
    context.log.info(
      { messageId, username, recipients: rcptTo.length, sizeBytes: stream.byteLength },
      'submitted',
    );
    return messageId;
  } finally {
    clearTimeout(inTime);
    // the reply is written after this turn
    setImmediate(() => context.receiving.delete(session.id));
  }
}

/** RFC 1870, RFC 6152, RFC 6531, RFC 8689, RFC 4954 §5. What else was not offered must not be taken in silence. */
const mailParameters = ['SIZE', 'BODY', 'SMTPUTF8', 'REQUIRETLS', 'AUTH'];

function faultOfAddress(
  { address, args }: SMTPServerAddress,
  session: SMTPServerSession,
  known: readonly string[],
): SmtpFault | null {
  const unknown = Object.keys(args || {}).find((name) => !known.includes(name));
  // RFC 5321 §4.1.1.11
  if (unknown !== undefined) return new SmtpFault('555 5.5.4', `The parameter ${unknown} is not offered`);
  const local = address.slice(0, address.lastIndexOf('@'));
  // RFC 6531 §3.4; smtp-server has turned the domain into U-labels, so only the local part tells
  if (/[^\x00-\x7f]/.test(local) && !session.envelope.smtpUtf8) {
    return new SmtpFault('553 5.6.7', 'A non-ASCII address needs SMTPUTF8');
  }
  return null;
}

/** What the client is told of an error; what is no fault of its own is temporary. */
function asFault(error: unknown, log: Log): SmtpFault {
  if (error instanceof SmtpFault) return error;
  log.warn({ err: error }, 'a submission broke off');
  return edgeAway();
}
