/// <reference path="./mx-connect.d.ts" />

import mxConnect from 'mx-connect';
import type { DkimKey, LeasedDelivery } from '#domain/node-contract.ts';
import type { Outcome } from '#domain/outcome.ts';
import type { RawSource } from '../signing/raw-source.ts';
import { attempt, type Surroundings } from './attempt.ts';
import { createMxResolver, type ResolveRecords } from './mx.ts';
import { createPool, type PoolStats } from './pool.ts';
import { defaultTimeouts, type Timeouts } from './timeouts.ts';
import { Turns } from './turns.ts';

export type { RawSource } from '../signing/raw-source.ts';
export type { HostStats, PoolStats } from './pool.ts';

export interface CourierHooks {
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
  /** How long a delivery waits for a connection before it is deferred. Default 60 s. */
  slotWaitMs?: number;
  /** First pause after a host said to slow down; doubles while it goes on saying so. Default 5 s. */
  throttlePauseMs?: number;
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
   */
  deliver(
    delivery: LeasedDelivery,
    raw: RawSource,
    keys: readonly DkimKey[],
    hooks: CourierHooks,
  ): Promise<Outcome>;
  /** Recipient domains that should not be leased now, at most 50: their MX is paused. */
  throttledDomains(): string[];
  /** Recipient domains of which only `priority` should be leased now, at most 50: their MX has a queue. */
  busyDomains(): string[];
  stats(): PoolStats;
  /** Says QUIT on idle connections; those in use are closed when their delivery ends. */
  close(): Promise<void>;
}

/** Composes resolver, pool and attempts. Opens nothing until the first delivery. */
export function createCourier(options: CourierOptions): Courier {
  const now = options.now ?? Date.now;
  const port = options.route?.port ?? options.port ?? 25;
  const blockLocalAddresses = options.blockLocalAddresses ?? options.route === undefined;
  const timeouts = { ...defaultTimeouts, ...options.timeouts };
  const pool = createPool({
    port,
    connectionsPerHost: options.connectionsPerHost ?? 10,
    messagesPerConnection: options.messagesPerConnection ?? 100,
    idleMs: options.idleMs ?? 10_000,
    throttlePauseMs: options.throttlePauseMs ?? 5000,
    now,
  });
  const around: Surroundings = {
    hostName: options.hostName,
    resolver: createMxResolver({ ...options, blockLocalAddresses, now }),
    pool,
    signing: new Turns(),
    timeouts,
    slotWaitMs: options.slotWaitMs ?? 60_000,
    now,
    random: options.random ?? Math.random,
    connect: async ({ host, address }) => {
      const isIPv6 = address.includes(':');
      const { socket } = await mxConnect({
        target: address,
        port,
        mx: [{ exchange: host, priority: 0, A: isIPv6 ? [] : [address], AAAA: isIPv6 ? [address] : [] }],
        maxConnectTime: timeouts.connectMs,
        localAddressIPv4: options.localAddressIPv4,
        localAddressIPv6: options.localAddressIPv6,
        dnsOptions: { blockLocalAddresses, ignoreIPv6: options.ignoreIPv6 ?? false },
      });
      return socket;
    },
  };
  return {
    deliver: (delivery, raw, keys, hooks) => attempt(delivery, raw, keys, () => hooks.beforeData(), around),
    throttledDomains: () => pool.throttledDomains(),
    busyDomains: () => pool.busyDomains(),
    stats: () => pool.stats(),
    close: () => pool.close(),
  };
}
