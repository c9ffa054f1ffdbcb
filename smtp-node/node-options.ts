import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { type Config, ConfigError } from './config.ts';
import type { InboundOptions } from './inbound/server.ts';
import type { Log } from './log.ts';
import type { Meters } from './metrics.ts';
import type { CourierOptions } from './outbound/courier.ts';
import { type Provider, withOverrides } from './outbound/providers.ts';
import { readSendingAddresses, type SendingAddress } from './outbound/sending-addresses.ts';
import type { SubmissionOptions } from './submission/server.ts';
import type { WorkerClient } from './worker-client.ts';

/** What a test may have otherwise than the configuration. */
interface Replaced {
  certificateCheckMs?: number;
}

/** What one of the node's workers may have of a limit that holds for all of them. */
export function share(limit: number, { workers }: Config): number {
  return Math.ceil(limit / workers);
}

/** @throws ConfigError that names the file and what is wrong with it */
export async function readProviders(path: string): Promise<Provider[]> {
  return await ofFile('PENNYPOST_SHAPING_FILE', path, async () =>
    withOverrides(await readFile(path, 'utf8')),
  );
}

/** The addresses to send from; null: the configuration names no file. @throws ConfigError that says what is wrong with it */
export async function readAddresses({
  sendingAddressesFile: path,
}: Config): Promise<SendingAddress[] | null> {
  if (path === '') return null;
  return await ofFile('PENNYPOST_SENDING_ADDRESSES_FILE', path, () => readSendingAddresses(path));
}

async function ofFile<T>(setting: string, path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const text = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new ConfigError([`${setting} ${path}: ${text}`]);
  }
}

export function courierOptions(config: Config): CourierOptions {
  const { ipv4, ipv6 } = config.outboundAddresses;
  return {
    hostName: config.hostName,
    port: config.outboundPort,
    connectionsPerHost: share(config.connectionsPerHost, config),
    attemptsPerDestination: share(Math.ceil(config.slots / 2), config),
    ignoreIPv6: config.outboundIpv4Only,
    ...(config.allowLocalMx && { blockLocalAddresses: false }),
    ...(config.outboundRoute && { route: config.outboundRoute }),
    ...(config.dnsServers.length > 0 && { dnsServers: config.dnsServers }),
    ...(ipv4 && { localAddressIPv4: ipv4 }),
    ...(ipv6 && { localAddressIPv6: ipv6 }),
  };
}

export function submissionOptions(
  config: Config,
  deps: Replaced,
  log: Log,
  meters: Meters,
): SubmissionOptions {
  return {
    edgeUrl: config.edgeUrl,
    edgeTimeoutMs: config.edgeTimeoutSeconds * 1000,
    hostName: config.hostName,
    bindAddress: config.bindAddress,
    ports: config.submissionPorts,
    tlsPorts: config.submissionTlsPorts,
    tlsCertificateFile: config.tlsCertificateFile,
    tlsKeyFile: config.tlsKeyFile,
    dataDirectory: config.dataDirectory,
    maxConnections: share(config.submissionMaxConnections, config),
    connectionsPerAddress: share(config.submissionConnectionsPerAddress, config),
    failedLogins: share(config.submissionFailedLogins, config),
    loginMs: config.submissionLoginSeconds * 1000,
    idleMs: config.submissionIdleSeconds * 1000,
    dataMs: config.submissionDataSeconds * 1000,
    certificateCheckMs: deps.certificateCheckMs,
    log,
    meters,
  };
}

export function inboundOptions(
  config: Config,
  deps: Replaced,
  client: WorkerClient,
  log: Log,
  meters: Meters,
): InboundOptions {
  return {
    client,
    hostName: config.hostName,
    bindAddress: config.bindAddress,
    ports: config.returnPathPorts,
    dnsServers: config.dnsServers,
    rspamdUrl: config.rspamdUrl,
    tlsCertificateFile: config.tlsCertificateFile,
    tlsKeyFile: config.tlsKeyFile,
    dataDirectory: config.dataDirectory,
    maxConnections: share(config.returnPathMaxConnections, config),
    connectionsPerAddress: share(config.returnPathConnectionsPerAddress, config),
    certificateCheckMs: deps.certificateCheckMs,
    log,
    meters,
  };
}
