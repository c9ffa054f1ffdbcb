/// <reference path="./mx-connect.d.ts" />

import mxConnect from 'mx-connect';
import type { Outcome } from '#domain/delivery/outcome.ts';
import type { SendingAddressState } from '#domain/delivery/sending-address.ts';
import type { Relay } from '#domain/delivery/transport.ts';
import type { DkimKey, LeasedDelivery } from '#domain/node-contract.ts';
import { DkimSigner } from '../signing/dkim.ts';
import { ForwardSealer } from '../signing/forward-seal.ts';
import type { RawSource } from '../signing/raw-source.ts';
import { noTlsPolicies, type TlsPolicies } from '../tls-policy/policy.ts';
import { type AttemptHooks, attempt } from './attempt.ts';
import { type Departure, Departures } from './departures.ts';
import { type DestinationStats, Destinations } from './destinations.ts';
import { errorCode, errorText } from './failures.ts';
import { createMxResolver, type ResolveRecords } from './mx.ts';
import type { MxTarget } from './mx-order.ts';
import { createPool, type PoolStats } from './pool.ts';
import { Port25 } from './port-25.ts';
import { type Provider, providers } from './providers.ts';
import { Relays } from './relays.ts';
import type { SendingAddress, SendingAddresses } from './sending-addresses.ts';
import { SilentHosts } from './silent-hosts.ts';
import { openConnection } from './smtp-connection.ts';
import type { Surroundings } from './surroundings.ts';
import { defaultTimeouts, type Timeouts } from './timeouts.ts';
import { Turns } from './turns.ts';

export type { RawSource } from '../signing/raw-source.ts';
export type { HostStats, PoolStats } from './pool.ts';

export interface CourierHooks extends AttemptHooks {
  /**
   * Awaited after RCPT was accepted and before DATA is sent: the caller writes its journal here. When it
   * rejects, the transaction is reset and the outcome is `deferred`. Called again when the connection breaks
   * before the final dot and another host gets the message.
   */
  beforeData(): Promise<void>;
}

export interface CourierOptions {
  /** Name said in EHLO (RFC 5321 §4.1.1.1): the node's own, resolvable name. */
  hostName: string;
  /** Default 25. */
  port?: number;
  /** Every domain's mail goes to this host instead of its MX, e.g. to a capture server. */
  route?: { host: string; port: number };
  /** Servers to ask, `address` or `address:port`; the system's when absent. */
  dnsServers?: readonly string[];
  /** Replaces DNS altogether; for tests. */
  resolveRecords?: ResolveRecords;
  /** What mail to an MX leaves from instead of `hostName` and the local addresses. */
  sendingAddresses?: SendingAddresses;
  /** Local address to connect from, by family. */
  localAddressIPv4?: string;
  localAddressIPv6?: string;
  /** Never use IPv6, for machines without it. Default false. */
  ignoreIPv6?: boolean;
  /** Refuse MX addresses that are local or private. Default true, and false with `route`. */
  blockLocalAddresses?: boolean;
  timeouts?: Partial<Timeouts>;
  /** At most so many connections to one MX address. Default 10. */
  connectionsPerHost?: number;
  /** At most so many messages on one connection. Default 100. */
  messagesPerConnection?: number;
  /** How long an unused connection is kept. Default 10 s. */
  idleMs?: number;
  /** Attempts at once at one set of MX hosts. Default 25. */
  attemptsPerDestination?: number;
  /** Whose hosts are one destination. Default: those that are known. */
  providers?: readonly Provider[];
  /** How long a delivery waits for a connection of ours that is free. Default 60 s. */
  slotWaitMs?: number;
  /** First pause after a host said to slow down; doubles while it goes on saying so. Default 5 s. */
  throttlePauseMs?: number;
  /** What receivers ask of TLS. Default: nobody is asked, as behind a `route`. */
  tlsPolicies?: TlsPolicies;
  /** Clock, Unix ms. */
  now?: () => number;
  /** From 0 (inclusive) to 1; decides the order among equal MX. */
  random?: () => number;
}

/** Carries one delivery at a time from bytes to an outcome; keeps connections between deliveries. */
export interface Courier {
  /**
   * One attempt of a delivery. Never rejects: what went wrong is in the outcome.
   * @param keys the active DKIM keys of `delivery.signingDomain`; all of them sign
   * @returns `untried` when no connection of ours was free in time: that is no failure of its MX
   */
  deliver(
    delivery: LeasedDelivery,
    raw: RawSource,
    keys: readonly DkimKey[],
    hooks: CourierHooks,
  ): Promise<Outcome | 'untried'>;
  /** Relays that routes of deliveries may name, as they are configured now. */
  useRelays(relays: readonly Relay[]): void;
  /** Recipient domains that should not be leased now, at most 50: their MX is paused. */
  throttledDomains(): string[];
  /** Recipient domains of which only `priority` should be leased now, at most 50: their MX has a queue. */
  busyDomains(): string[];
  stats(): PoolStats;
  /** What is known of each destination: how much it is sent at once, and why it is left alone. */
  destinations(): DestinationStats[];
  /** What leaves from where, with `sendingAddresses`. */
  sendingAddresses(): SendingAddressState[];
  /** Says QUIT on idle connections; those in use are closed when their delivery ends. */
  close(): Promise<void>;
}

/** Threads of Node's pool, on which signatures are made, unless UV_THREADPOOL_SIZE says otherwise. */
const signingThreads = 4;

/** Composes resolver, pool and attempts. Opens nothing until the first delivery. */
export function createCourier(options: CourierOptions): Courier {
  const now = options.now ?? Date.now;
  const port = options.route?.port ?? options.port ?? 25;
  const blockLocalAddresses = options.blockLocalAddresses ?? options.route === undefined;
  const timeouts = { ...defaultTimeouts, ...options.timeouts };
  const poolOptions = {
    messagesPerConnection: options.messagesPerConnection ?? 100,
    idleMs: options.idleMs ?? 10_000,
    throttlePauseMs: options.throttlePauseMs ?? 5000,
    now,
  };
  const departures = new Departures(options.sendingAddresses ?? null, (from) => ({
    hostName: from?.name ?? options.hostName,
    pool: createPool({ ...poolOptions, port, connectionsPerHost: options.connectionsPerHost ?? 10 }),
    silent: new SilentHosts(now),
    connect: connectTo({ ...options, port, blockLocalAddresses, ...(from && localOf(from)) }),
  }));
  /** An operator may have a relay on a network of his own. */
  const relays = new Relays(
    (to) => connectTo({ ...options, port: to, blockLocalAddresses: false }),
    poolOptions,
  );
  const destinations = new Destinations({ most: options.attemptsPerDestination ?? 25, now });
  const signer = new DkimSigner();
  const around: Surroundings = {
    hostName: options.hostName,
    resolver: createMxResolver({ ...options, blockLocalAddresses, now }),
    departures,
    destinations,
    providers: options.providers ?? providers,
    tlsPolicies: options.tlsPolicies ?? noTlsPolicies,
    signer,
    sealer: new ForwardSealer(signer, options.hostName),
    signing: new Turns(signingThreads),
    relays,
    port25: new Port25(now),
    timeouts,
    slotWaitMs: options.slotWaitMs ?? 60_000,
    now,
    random: options.random ?? Math.random,
    open: openConnection,
  };
  return {
    deliver: (delivery, raw, keys, hooks) => attempt(delivery, raw, keys, hooks, around),
    useRelays: (known) => relays.use(known),
    throttledDomains: () => listOf(departures.throttledDomains(), destinations.fullDomains()),
    busyDomains: () => listOf(departures.busyDomains(), destinations.busyDomains()),
    stats: () => {
      const stats = departures.stats();
      return { ...stats, waitingDeliveries: stats.waitingDeliveries + destinations.waiting };
    },
    destinations: () => destinations.stats(),
    sendingAddresses: () => departures.addressStates(),
    close: () => {
      destinations.close();
      return Promise.all([departures.close(), relays.close()]).then(() => undefined);
    },
  };
}

/** Only what it names: the system would choose another address for the family that it lacks. */
function localOf({
  ipv4,
  ipv6,
}: SendingAddress): Pick<CourierOptions, 'localAddressIPv4' | 'localAddressIPv6'> {
  return { ...(ipv4 && { localAddressIPv4: ipv4 }), ...(ipv6 && { localAddressIPv6: ipv6 }) };
}

/** Opens sockets to one port, one address at a time. */
function connectTo(
  to: Pick<CourierOptions, 'localAddressIPv4' | 'localAddressIPv6' | 'ignoreIPv6'> & {
    port: number;
    blockLocalAddresses: boolean;
  },
): Departure['connect'] {
  return async ({ host, address }: MxTarget, timeoutMs: number) => {
    const isIPv6 = address.includes(':');
    const beganMs = performance.now();
    const { socket } = await mxConnect({
      target: address,
      port: to.port,
      mx: [{ exchange: host, priority: 0, A: isIPv6 ? [] : [address], AAAA: isIPv6 ? [address] : [] }],
      maxConnectTime: timeoutMs,
      localAddressIPv4: to.localAddressIPv4,
      localAddressIPv6: to.localAddressIPv6,
      dnsOptions: { blockLocalAddresses: to.blockLocalAddresses, ignoreIPv6: to.ignoreIPv6 ?? false },
    }).catch((error: unknown) => {
      // mx-connect gives its own timeout no code.
      const timedOut = errorCode(error) === null && performance.now() - beganMs >= timeoutMs - 1;
      throw timedOut ? Object.assign(new Error(errorText(error)), { code: 'ETIMEDOUT' }) : error;
    });
    return socket;
  };
}

const mostListed = 50;

function listOf(...lists: string[][]): string[] {
  return [...new Set(lists.flat())].slice(0, mostListed);
}
