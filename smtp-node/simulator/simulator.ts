import type { SMTPServerOptions } from 'smtp-server';
import { simulatedRecipient } from '#domain/delivery/simulator.ts';
import { Backoff } from '../backoff.ts';
import type { Log } from '../log.ts';
import { SmtpListener } from '../submission/listener.ts';
import { SmtpFault } from '../submission/smtp-fault.ts';
import type { WorkerClient } from '../worker-client.ts';
import { type Accepted, composeReturned } from './returned.ts';

export interface SimulatorOptions {
  client: Pick<WorkerClient, 'inbound'>;
  tls: { key: string; cert: string };
  /** How long after a message its bounce, complaint or reply comes. */
  returnAfterMs: number;
  log: Log;
}

/** Its ports, on loopback. */
export interface Simulator {
  port: number;
  /** The MX whose TLS handshake fails and that takes nothing without TLS. */
  brokenTlsPort: number;
  /** Hands in at once what was to come back later, and closes. */
  stop(): Promise<void>;
}

const host = '127.0.0.1';
/** The header that is returned; more of a message is not looked at. */
const mostHeaderBytes = 64 * 1024;
/** Deliveries that have been put off once are remembered, the oldest forgotten first. */
const mostRemembered = 10_000;
const mostTries = 8;

/**
 * The MX of the simulator's domain: it plays what the recipient's name asks for (`#domain/delivery/simulator.ts`). Courier,
 * dialogue, journal and results are those of any mail.
 */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const returns = new Returns(options);
  const common: SMTPServerOptions = {
    name: 'mx.simulator',
    banner: 'Pennypost simulator',
    authOptional: true,
    disabledCommands: ['AUTH'],
    hideENHANCEDSTATUSCODES: false,
    disableReverseLookup: true,
    logger: false,
    ...options.tls,
  };
  // What goes wrong with the courier's connections it sees itself.
  const listener = (more: Partial<SMTPServerOptions>) =>
    new SmtpListener(
      { ...common, ...more },
      // only this node connects
      { connectionsPerAddress: Number.POSITIVE_INFINITY, arrivalMs: 2 ** 31 - 1 },
      () => script(returns),
      () => undefined,
    );
  const servers = [
    listener({}),
    // No current client speaks TLS 1.0 alone: STARTTLS is offered and the handshake fails.
    listener({
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1',
      onMailFrom: (_address, session, callback) =>
        callback(session.secure ? null : new SmtpFault('530 5.7.0', 'Must issue a STARTTLS command first')),
    }),
  ];
  const [port = 0, brokenTlsPort = 0] = await Promise.all(
    servers.map((server) => server.open(0, host, true)),
  );
  return {
    port,
    brokenTlsPort,
    stop: async () => {
      await returns.stop();
      await Promise.all(servers.map((server) => server.stop(0)));
    },
  };
}

function script(returns: Returns): Partial<SMTPServerOptions> {
  const putOff = new Set<string>();
  return {
    onRcptTo({ address }, session, callback) {
      const part = simulatedRecipient(address.slice(0, address.lastIndexOf('@')));
      if (!part) return callback(new SmtpFault('550 5.1.1', 'The simulator has no such part'));
      const delivery = session.envelope.mailFrom ? session.envelope.mailFrom.address : '';
      if (!part.reply || (part.again && putOff.has(delivery))) return callback();
      putOff.add(delivery);
      const [oldest] = putOff;
      if (oldest !== undefined && putOff.size > mostRemembered) putOff.delete(oldest);
      const [status = '', ...words] = part.reply.text.split(' ');
      callback(new SmtpFault(`${part.reply.code} ${status}`, words.join(' ')));
    },

    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      let size = 0;
      stream.on('data', (chunk: Buffer) => {
        if (size < mostHeaderBytes) chunks.push(chunk);
        size += chunk.length;
      });
      stream.on('error', callback);
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        const text = Buffer.concat(chunks).toString('latin1').slice(0, mostHeaderBytes);
        for (const { address } of rcptTo) {
          returns.later({
            mailFrom: mailFrom ? mailFrom.address : '',
            rcptTo: address,
            header: text.split('\r\n\r\n', 1)[0] ?? '',
          });
        }
        callback(null, 'Accepted (simulated)');
      });
    },
  };
}

/** What is to come back to the return paths of accepted messages. */
class Returns {
  readonly #options: SimulatorOptions;
  readonly #waiting = new Map<NodeJS.Timeout, () => Promise<void>>();
  readonly #running = new Set<Promise<void>>();
  readonly #stopped = new AbortController();

  constructor(options: SimulatorOptions) {
    this.#options = options;
  }

  later(message: Accepted): void {
    const kind = simulatedRecipient(message.rcptTo.slice(0, message.rcptTo.lastIndexOf('@')))?.returns;
    if (!kind || message.mailFrom === '') return;
    const handIn = () =>
      this.#handIn({ ...composeReturned(kind, message, new Date()), to: message.mailFrom });
    const timer = setTimeout(() => {
      this.#waiting.delete(timer);
      this.#run(handIn);
    }, this.#options.returnAfterMs);
    timer.unref();
    this.#waiting.set(timer, handIn);
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    for (const [timer, handIn] of this.#waiting) {
      clearTimeout(timer);
      this.#run(handIn);
    }
    this.#waiting.clear();
    await Promise.all(this.#running);
  }

  #run(handIn: () => Promise<void>): void {
    const running = handIn().finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** By the door that the port-25 listener uses. Never rejects. */
  async #handIn({ mailFrom, to, raw }: { mailFrom: string; to: string; raw: Buffer }): Promise<void> {
    const { client, log } = this.#options;
    const backoff = new Backoff(500, 30_000);
    for (let tries = 1; ; tries++) {
      try {
        const [verdict] = await client.inbound({ mailFrom, rcptTo: [to], raw, signedAuthor: null });
        if (verdict !== 'taken') log.warn({ verdict }, 'what the simulator sent back was not taken');
        return;
      } catch (error) {
        if (tries >= mostTries || this.#stopped.signal.aborted) {
          log.warn({ err: error }, 'what the simulator was to send back is lost');
          return;
        }
        await rest(backoff.nextMs(), this.#stopped.signal);
      }
    }
  }
}

/** A pause that a stop ends. */
function rest(ms: number, stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    stopped.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
