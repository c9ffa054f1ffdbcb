import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import type { Relay } from '#domain/delivery/transport.ts';

/** A mail server that takes mail of those who sign in, by smtp-server. */
export interface TestRelay {
  /** As the edge would tell a node of it. */
  relay: Relay;
  messages: { from: string; to: string[]; raw: string; user: string | undefined }[];
  /** How those who came signed in. */
  methods: string[];
  close(): Promise<void>;
}

export const relayLogin = { user: 'shop', secret: 'a secret of the relay' };

/** @param refuse what it says instead of taking a message, at RCPT or after the final dot */
export async function startRelay(
  options: SMTPServerOptions & { refuse?: { at: 'rcpt' | 'dot'; code: number; text: string } } = {},
  more: Partial<Relay> = {},
): Promise<TestRelay> {
  const { refuse, ...server } = options;
  const refusal = () => Object.assign(new Error(refuse?.text), { responseCode: refuse?.code });
  const messages: TestRelay['messages'] = [];
  const methods: string[] = [];
  const smtp = new SMTPServer({
    authMethods: ['PLAIN', 'LOGIN'],
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    hidePIPELINING: true,
    ...server,
    onAuth({ username, password, method }, _session, callback) {
      methods.push(method);
      const known = username === relayLogin.user && password === relayLogin.secret;
      callback(known ? null : Object.assign(new Error('5.7.8 no such user'), { responseCode: 535 }), {
        user: username,
      });
    },
    onRcptTo: (_address, _session, callback) => callback(refuse?.at === 'rcpt' ? refusal() : null),
    onData(stream, { envelope, user }, callback) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        if (refuse?.at === 'dot') return callback(refusal());
        const from = envelope.mailFrom ? envelope.mailFrom.address : '';
        const to = envelope.rcptTo.map(({ address }) => address);
        messages.push({
          from,
          to,
          raw: Buffer.concat(chunks).toString('latin1'),
          user: user as string | undefined,
        });
        callback(null, '2.0.0 taken');
      });
    },
  });
  smtp.on('error', () => undefined);
  await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve));
  const { port } = smtp.server.address() as AddressInfo;
  return {
    relay: {
      name: 'smarthost',
      host: 'localhost',
      port,
      tls: 'none',
      login: relayLogin,
      maxBytes: null,
      connections: 5,
      perMinute: null,
      sessionRecipients: null,
      fields: null,
      ...more,
    },
    messages,
    methods,
    close: () => new Promise((resolve) => smtp.close(() => resolve())),
  };
}
