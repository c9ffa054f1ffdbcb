import type { Socket } from 'node:net';
import type { Relay } from '#domain/delivery/transport.ts';
import { formatReply } from '#domain/failure/smtp-reply.ts';
import type { PeerTls } from '../tls-policy/policy.ts';
import type { Extensions } from './extensions.ts';
import { StepFailure, TlsFailure } from './failures.ts';
import type { MxTarget } from './mx-order.ts';
import { ReplyReader } from './reply-reader.ts';
import {
  connect,
  encrypt,
  isPositive,
  type OpenOptions,
  refused,
  SmtpConnection,
  sayHello,
} from './smtp-connection.ts';
import { startTls, type TlsVerdict } from './start-tls.ts';

/** A line to a relay as far as it has come. */
interface Line {
  socket: Socket;
  reader: ReplyReader;
  tls: TlsVerdict | null;
  peer: PeerTls | null;
  extensions: Extensions;
}

/**
 * A connection to a relay: encrypted as it is configured, to a certificate that is valid for its name, and signed in. Unlike an MX, a
 * relay gets a secret and all our mail, so nothing is made do with. Throws StepFailure.
 */
export async function openRelay(
  target: MxTarget,
  relay: Pick<Relay, 'tls' | 'login'>,
  options: OpenOptions,
): Promise<SmtpConnection> {
  const socket = await options.clock.time('connect', () => connect(target, options));
  try {
    socket.setNoDelay(true);
    const line = await greet(socket, target, relay, options);
    if (relay.login) await options.clock.time('auth', () => signIn(line, target, relay.login, options));
    return new SmtpConnection({ ...line, target, timeouts: options.timeouts, fellBack: false });
  } catch (error) {
    socket.destroy();
    // Only an MX is spoken to in clear when its handshake has failed.
    if (!(error instanceof TlsFailure)) throw error;
    const { message, kind, code, reply } = error;
    throw new StepFailure('tls', message, { kind, code, ...(reply ? { reply } : {}) });
  }
}

async function greet(
  socket: Socket,
  target: MxTarget,
  { tls }: Pick<Relay, 'tls'>,
  options: OpenOptions,
): Promise<Line> {
  const { clock, timeouts, within } = options;
  const shake = (raw: Socket) =>
    clock.time('tls', () =>
      startTls(raw, target.host, within(timeouts.tlsMs)).then((to) => proven(to, target)),
    );
  const first = tls === 'implicit' ? await shake(socket) : null;
  const clear = first?.socket ?? socket;
  const reader = new ReplyReader(clear);
  const greeting = await clock.time('greeting', () => reader.next('greeting', within(timeouts.greetingMs)));
  if (greeting.code !== 220) throw refused('greeting', target, greeting);
  const extensions = await clock.time('ehlo', () => sayHello(clear, reader, target, options));
  const line = { socket: clear, reader, tls: first?.verdict ?? null, peer: first?.peer ?? null, extensions };
  if (tls !== 'starttls') return line;
  if (!extensions.startTls)
    throw new StepFailure('tls', `${target.host} offers no STARTTLS`, { kind: 'protocol' });
  const encrypted = await clock.time('tls', async () =>
    proven(await encrypt(clear, reader, target, within(timeouts.tlsMs)), target),
  );
  // RFC 3207 §4.2: what was said before the handshake is forgotten.
  const again = new ReplyReader(encrypted.socket);
  const secured = await clock.time('ehlo', () => sayHello(encrypted.socket, again, target, options));
  return {
    socket: encrypted.socket,
    reader: again,
    tls: encrypted.verdict,
    peer: encrypted.peer,
    extensions: secured,
  };
}

function proven<T extends { peer: PeerTls; socket: Socket }>(encrypted: T, { host }: MxTarget): T {
  const { webpkiFault } = encrypted.peer;
  if (webpkiFault === null) return encrypted;
  encrypted.socket.destroy();
  throw new StepFailure('tls', `the certificate of ${host} is not valid for it (${webpkiFault})`, {
    kind: 'protocol',
  });
}

/** AUTH PLAIN, or LOGIN where that is all there is (RFC 4954 §4, RFC 4616). */
async function signIn(
  { socket, reader, extensions }: Line,
  target: MxTarget,
  login: Relay['login'],
  { timeouts, within }: OpenOptions,
): Promise<void> {
  if (!login) return;
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const say = async (line: string) => {
    socket.write(`${line}\r\n`);
    return await reader.next('auth', within(timeouts.authMs));
  };
  const { user, secret } = login;
  let reply = null;
  if (extensions.auth.includes('PLAIN')) {
    reply = await say(`AUTH PLAIN ${base64(`\0${user}\0${secret}`)}`);
  } else if (extensions.auth.includes('LOGIN')) {
    reply = await say('AUTH LOGIN');
    if (reply.code === 334) reply = await say(base64(user));
    if (reply.code === 334) reply = await say(base64(secret));
  } else {
    const text = `${target.host} offers neither AUTH PLAIN nor AUTH LOGIN`;
    throw new StepFailure('auth', text, { kind: 'protocol' });
  }
  if (isPositive(reply)) return;
  throw new StepFailure('auth', `${target.host} refused the sign-in: ${formatReply(reply)}`, { reply });
}
