import type { SMTPServerOptions } from 'smtp-server';
import type { Log } from '../log.ts';
import type { Meters } from '../metrics.ts';
import { AddressLimits } from './address-limits.ts';
import { CertificateWatch, certificateFiles, readPair } from './certificate.ts';
import { EdgeIntake } from './edge-intake.ts';
import { SmtpListener } from './listener.ts';
import { sessionHandlers } from './session.ts';

export interface SubmissionOptions {
  edgeUrl: string;
  edgeTimeoutMs: number;
  hostName: string;
  /** Empty: all addresses. */
  bindAddress: string;
  /** Ports with STARTTLS, and with implicit TLS. */
  ports: readonly number[];
  tlsPorts: readonly number[];
  /** PEM files; empty: a self-signed pair is kept in `dataDirectory`. */
  tlsCertificateFile: string;
  tlsKeyFile: string;
  dataDirectory: string;
  maxConnections: number;
  connectionsPerAddress: number;
  failedLogins: number;
  idleMs: number;
  /** Longest time that one message may take to arrive. */
  dataMs: number;
  /** How often the certificate files are looked at. Default 30 s. */
  certificateCheckMs?: number;
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
  const { log } = options;
  const files = await certificateFiles(options, Date.now());
  const pair = await readPair(files);
  if (!options.tlsCertificateFile)
    log.warn({ file: files.certFile }, 'submission has a self-signed certificate');
  const intake = new EdgeIntake({ edgeUrl: options.edgeUrl, timeoutMs: options.edgeTimeoutMs });
  const limits = new AddressLimits({
    connections: options.connectionsPerAddress,
    failedLogins: options.failedLogins,
  });
  const context = { intake, limits, dataMs: options.dataMs, log, meters: options.meters };
  const make = (secure: boolean) =>
    new SmtpListener(
      { ...serverOptions(options), ...pair, minVersion: 'TLSv1.2', secure },
      (hooks) => sessionHandlers({ ...context, ...hooks }),
      (error) => log.debug({ err: error }, 'a submission connection failed'),
    );
  const plain = options.ports.map((port) => ({ port, server: make(false) }));
  const tls = options.tlsPorts.map((port) => ({ port, server: make(true) }));
  const servers = [...plain, ...tls].map(({ server }) => server);
  const listen = (all: typeof plain) =>
    Promise.all(all.map(({ port, server }) => server.open(port, options.bindAddress)));
  const watch = new CertificateWatch(files, {
    current: pair,
    everyMs: options.certificateCheckMs ?? 30_000,
    log,
    onChange: (changed) => {
      for (const server of servers) server.updateSecureContext(changed);
    },
  });
  const stop = async (mostMs: number) => {
    watch.close();
    await Promise.all(servers.map((server) => server.stop(mostMs)));
    intake.close();
  };
  try {
    return { ports: await listen(plain), tlsPorts: await listen(tls), stop };
  } catch (error) {
    await stop(0);
    throw error;
  }
}

function serverOptions(options: SubmissionOptions): SMTPServerOptions {
  return {
    name: options.hostName,
    banner: 'Pennypost',
    heloResponse: '%s greets %s',
    authMethods: ['PLAIN', 'LOGIN'],
    authRequiredMessage: '5.7.0 Authentication required',
    hideENHANCEDSTATUSCODES: false,
    // toys and proxies of smtp-server
    disabledCommands: ['WIZ', 'SHELL', 'KILL', 'XCLIENT', 'XFORWARD'],
    disableReverseLookup: true,
    logger: false,
    maxClients: options.maxConnections,
    socketTimeout: options.idleMs,
  };
}
