import type { Log } from '../log.ts';
import type { Meters } from '../metrics.ts';
import { AddressLimits } from './address-limits.ts';
import { EdgeIntake } from './edge-intake.ts';
import { neverCommands, openPorts, type PortsOptions } from './open-ports.ts';
import { sessionHandlers } from './session.ts';

export interface SubmissionOptions extends PortsOptions {
  edgeUrl: string;
  edgeTimeoutMs: number;
  /** Ports with STARTTLS, and with implicit TLS. */
  ports: readonly number[];
  tlsPorts: readonly number[];
  failedLogins: number;
  /** How long the failed logins of an address are held back that has had too many. Default 5 s. */
  lateMs?: number;
  /** From its beginning, a connection must have logged in after so long. */
  loginMs: number;
  /** A client that is silent, or in the middle of a command line, for so long is disconnected. */
  idleMs: number;
  /** Longest time that one message may take to arrive. */
  dataMs: number;
  log: Log;
  meters: Meters;
}

export interface Submission {
  /** The ports that are listened on, in the order of the options. */
  ports: readonly number[];
  tlsPorts: readonly number[];
  /** Lets messages in transfer come to their end, for at most `mostMs`, and closes everything. */
  stop(mostMs: number): Promise<void>;
}

/** Listens on the submission ports (RFC 6409, RFC 8314). */
export async function startSubmission(options: SubmissionOptions): Promise<Submission> {
  const { log, meters, dataMs, lateMs = 5000 } = options;
  if (!options.tlsCertificateFile)
    log.warn({ directory: options.dataDirectory }, 'submission has a self-signed certificate');
  const intake = new EdgeIntake({
    edgeUrl: options.edgeUrl,
    hostName: options.hostName,
    timeoutMs: options.edgeTimeoutMs,
  });
  const limits = new AddressLimits({
    connections: options.connectionsPerAddress,
    failedLogins: options.failedLogins,
  });
  const wanted = [
    ...options.ports.map((port) => ({ port, secure: false })),
    ...options.tlsPorts.map((port) => ({ port, secure: true })),
  ];
  const { ports, stop } = await openPorts(options, wanted, {
    options: {
      banner: 'Pennypost',
      authMethods: ['PLAIN', 'LOGIN'],
      authRequiredMessage: '5.7.0 Authentication required',
      disabledCommands: neverCommands,
      socketTimeout: options.idleMs,
      hideREQUIRETLS: false,
    },
    arrivalMs: options.loginMs,
    handlers: (hooks) => sessionHandlers({ intake, limits, dataMs, lateMs, log, meters, ...hooks }),
  }).catch((error: unknown) => {
    intake.close();
    throw error;
  });
  return {
    ports: ports.slice(0, options.ports.length),
    tlsPorts: ports.slice(options.ports.length),
    stop: async (mostMs) => {
      await stop(mostMs);
      intake.close();
    },
  };
}
