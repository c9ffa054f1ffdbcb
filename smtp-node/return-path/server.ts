import type { SMTPServerOptions } from 'smtp-server';
import { largestReturnedBytes, mostReturnedRecipients } from '#domain/node-contract.ts';
import type { Log } from '../log.ts';
import type { Meters } from '../metrics.ts';
import { AddressLimits } from '../submission/address-limits.ts';
import { CertificateWatch, certificateFiles, readPair } from '../submission/certificate.ts';
import { SmtpListener } from '../submission/listener.ts';
import type { WorkerClient } from '../worker-client.ts';
import { sessionHandlers } from './session.ts';

export interface ReturnPathOptions {
  client: Pick<WorkerClient, 'knownRecipients' | 'inbound'>;
  hostName: string;
  /** Empty: all addresses. */
  bindAddress: string;
  /** Ports with STARTTLS; none: it does not listen. */
  ports: readonly number[];
  /** PEM files; empty: a self-signed pair is kept in `dataDirectory`. */
  tlsCertificateFile: string;
  tlsKeyFile: string;
  dataDirectory: string;
  maxConnections: number;
  connectionsPerAddress: number;
  /** A peer that is silent for so long is disconnected. Default 2 min. */
  idleMs?: number;
  /** Longest time that one message may take to arrive. Default 5 min. */
  dataMs?: number;
  /** Longest time that a session may last. Default 15 min. */
  sessionMs?: number;
  /** How often the certificate files are looked at. Default 30 s. */
  certificateCheckMs?: number | undefined;
  log: Log;
  meters: Meters;
}

export interface ReturnPath {
  /** The ports that are listened on, in the order of the options. */
  ports: readonly number[];
  /** Lets mails in transfer come to their end, for at most `mostMs`, and closes everything. */
  stop(mostMs: number): Promise<void>;
}

const minuteMs = 60_000;

/**
 * Listens for mail to return paths (RFC 5321, port 25). It takes mail only for addresses that the edge knows, from
 * anybody; it relays nothing and never sends mail, so that it can be neither a relay nor a source of backscatter.
 */
export async function startReturnPath(options: ReturnPathOptions): Promise<ReturnPath> {
  if (options.ports.length === 0) return { ports: [], stop: async () => {} };
  const { log } = options;
  const files = await certificateFiles(options, Date.now());
  const pair = await readPair(files);
  // bouncing hosts have no passwords to guess
  const limits = new AddressLimits({ connections: options.connectionsPerAddress, failedLogins: 1 });
  const context = {
    client: options.client,
    limits,
    dataMs: options.dataMs ?? 5 * minuteMs,
    sessionMs: options.sessionMs ?? 15 * minuteMs,
    log,
    meters: options.meters,
  };
  const servers = options.ports.map(
    () =>
      new SmtpListener(
        { ...serverOptions(options), ...pair, minVersion: 'TLSv1.2' },
        (hooks) => sessionHandlers({ ...context, ...hooks }),
        (error) => log.debug({ err: error }, 'a return-path connection failed'),
      ),
  );
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
  };
  try {
    const ports = await Promise.all(
      servers.map((server, i) => server.open(options.ports[i] ?? 0, options.bindAddress)),
    );
    return { ports, stop };
  } catch (error) {
    await stop(0);
    throw error;
  }
}

function serverOptions(options: ReturnPathOptions): SMTPServerOptions {
  return {
    name: options.hostName,
    banner: 'Pennypost return path',
    heloResponse: '%s greets %s',
    authOptional: true,
    hideENHANCEDSTATUSCODES: false,
    // nobody logs in here; the others are toys and proxies of smtp-server
    disabledCommands: ['AUTH', 'WIZ', 'SHELL', 'KILL', 'XCLIENT', 'XFORWARD'],
    disableReverseLookup: true,
    logger: false,
    maxClients: options.maxConnections,
    socketTimeout: options.idleMs ?? 2 * minuteMs,
    size: largestReturnedBytes,
    maxRecipients: mostReturnedRecipients,
  };
}
