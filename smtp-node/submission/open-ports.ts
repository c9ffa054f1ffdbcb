import type { SMTPServerOptions } from 'smtp-server';
import type { Log } from '../log.ts';
import { CertificateWatch, certificateFiles, readPair } from './certificate.ts';
import { type ListenerHooks, SmtpListener } from './listener.ts';

/** What every listening room of the node is told. */
export interface PortsOptions {
  hostName: string;
  /** Empty: all addresses. */
  bindAddress: string;
  /** PEM files; empty: a self-signed pair is kept in `dataDirectory`. */
  tlsCertificateFile: string;
  tlsKeyFile: string;
  dataDirectory: string;
  maxConnections: number;
  connectionsPerAddress: number;
  /** How often the certificate files are looked at. Default 30 s. */
  certificateCheckMs?: number | undefined;
  log: Log;
}

/** A port to listen on: with STARTTLS, or `secure`: with TLS from the first octet. Port 0: any free one. */
export interface Port {
  port: number;
  secure: boolean;
}

export interface OpenPorts {
  /** The ports that are listened on, in the order they were asked for. */
  ports: readonly number[];
  /** Lets messages in transfer come to their end, for at most `mostMs`, and closes everything. */
  stop(mostMs: number): Promise<void>;
}

/**
 * Listens on ports that share a certificate, whose files are watched. All of them are open, or none is.
 * @throws Error when a port or the certificate cannot be had
 */
export async function openPorts(
  options: PortsOptions,
  wanted: readonly Port[],
  server: {
    options: SMTPServerOptions;
    arrivalMs: number;
    handlers: (hooks: ListenerHooks) => Partial<SMTPServerOptions>;
  },
): Promise<OpenPorts> {
  const { log } = options;
  const files = await certificateFiles(options, Date.now());
  const pair = await readPair(files);
  const shared: SMTPServerOptions = {
    name: options.hostName,
    heloResponse: '%s greets %s',
    hideENHANCEDSTATUSCODES: false,
    disableReverseLookup: true,
    logger: false,
    maxClients: options.maxConnections,
    minVersion: 'TLSv1.2',
    ...pair,
    ...server.options,
  };
  const bounds = { connectionsPerAddress: options.connectionsPerAddress, arrivalMs: server.arrivalMs };
  const listeners = wanted.map(
    ({ secure }) =>
      new SmtpListener({ ...shared, secure }, bounds, server.handlers, (error) =>
        log.debug({ err: error, banner: shared.banner }, 'an SMTP connection failed'),
      ),
  );
  const watch = new CertificateWatch(files, {
    current: pair,
    everyMs: options.certificateCheckMs ?? 30_000,
    log,
    onChange: (changed) => {
      for (const listener of listeners) listener.updateSecureContext(changed);
    },
  });
  const stop = async (mostMs: number) => {
    watch.close();
    await Promise.all(listeners.map((listener) => listener.stop(mostMs)));
  };
  try {
    const ports = await Promise.all(
      listeners.map((listener, i) => listener.open(wanted[i]?.port ?? 0, options.bindAddress)),
    );
    return { ports, stop };
  } catch (error) {
    await stop(0);
    throw error;
  }
}

/** What smtp-server answers beside SMTP: toys, and proxies that nobody here speaks for. */
export const neverCommands = ['WIZ', 'SHELL', 'KILL', 'XCLIENT', 'XFORWARD'];
