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
import { mostMessageBytes, receive } from './receive.ts';
import { edgeAway, SmtpFault } from './smtp-fault.ts';

export interface SessionContext {
  intake: Pick<EdgeIntake, 'credential' | 'upload'>;
  limits: AddressLimits;
  /** Longest time that one message may take to arrive. */
  dataMs: number;
  log: Log;
  meters: Meters;
  /** Sessions whose message is in transfer, by id. */
  receiving: Set<string>;
  /** Says 421 and closes. */
  hangUp(session: SMTPServerSession, text: string): void;
}

/** Who logged in; the secret lives as long as the session and is nowhere else. */
interface User {
  username: string;
  secret: string;
}

const mostRecipients = 50;
const sendScope = 'send' satisfies Scope;
/** Username that every credential may use. */
const commonUsername = 'pennypost';

/** What smtp-server asks us in the course of a session. */
export function sessionHandlers(context: SessionContext): Partial<SMTPServerOptions> {
  const { limits } = context;
  const counted = new Map<string, string>();
  const users = new WeakMap<object, User>();
  return {
    size: mostMessageBytes,
    maxRecipients: mostRecipients,

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
      callback(faultOfAddress(address, session, mailParameters));
    },

    onRcptTo(address, session, callback) {
      callback(faultOfAddress(address, session, []));
    },

    onData(stream, session, callback) {
      const user = users.get(session.user);
      const work = user
        ? take(stream, session, user, context)
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

/** @throws SmtpFault when the client may not log in (RFC 4954 §4.7) */
async function logIn(
  auth: SMTPServerAuthentication,
  session: SMTPServerSession,
  { limits, intake, log }: SessionContext,
): Promise<User> {
  const address = session.remoteAddress;
  if (limits.mayNotLogIn(address)) {
    throw new SmtpFault('421 4.7.0', 'Too many failed logins from your address; try again later');
  }
  const username = (auth.username ?? '').toLowerCase();
  const secret = auth.password ?? '';
  // a secret is base62 and underscores; anything else need not be asked, nor put in a header
  const credential = /^\w{1,256}$/.test(secret) ? await intake.credential(secret) : null;
  if (credential && !credential.scopes.includes(sendScope)) {
    throw new SmtpFault('535 5.7.8', 'This key may not send');
  }
  if (credential && (username === commonUsername || username === credential.username.toLowerCase())) {
    return { username: credential.username, secret };
  }
  limits.loginFailed(address);
  log.info({ clientAddress: address }, 'login refused');
  throw new SmtpFault('535 5.7.8', 'Authentication credentials invalid');
}

/** Takes the message of one DATA, within its time. */
async function take(
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
  user: User,
  context: SessionContext,
): Promise<string> {
  const { mailFrom, rcptTo } = session.envelope;
  const envelope = {
    mailFrom: mailFrom ? mailFrom.address : '',
    rcptTo: rcptTo.map((recipient) => recipient.address),
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

/** RFC 1870, RFC 6152, RFC 6531, RFC 4954 §5. What else was not offered must not be taken in silence. */
const mailParameters = ['SIZE', 'BODY', 'SMTPUTF8', 'AUTH'];

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
