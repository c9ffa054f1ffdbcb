import type { DkimKey, LeasedDelivery } from '#domain/node-contract.ts';
import type { Outcome } from '#domain/outcome.ts';
import type { RawSource } from '../signing/raw-source.ts';
import type { ResolveRecords } from './mx.ts';
import type { Timeouts } from './timeouts.ts';

export type { RawSource } from '../signing/raw-source.ts';

export interface CourierHooks {
  /**
   * Awaited after RCPT was accepted and before DATA is sent: the caller writes its journal here. When it
   * rejects, the transaction is reset and the outcome is `deferred`.
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

export interface HostStats {
  address: string;
  port: number;
  open: number;
  idle: number;
  waiting: number;
  /** Connections allowed now; lowered by 421 and rate limits, raised again by successes. */
  limit: number;
  /** Unix ms until which no new delivery is begun; null when not paused. */
  pausedUntilMs: number | null;
}

export interface CourierStats {
  openConnections: number;
  idleConnections: number;
  waitingDeliveries: number;
  hosts: HostStats[];
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
  /** Recipient domains that should not be leased now, at most 50: their MX is paused or has a queue. */
  throttledDomains(): string[];
  stats(): CourierStats;
  /** Says QUIT on idle connections; those in use are closed when their delivery ends. */
  close(): Promise<void>;
}
