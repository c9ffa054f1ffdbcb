import type { SendingAddressState } from '#domain/delivery/sending-address.ts';
import type { LeasedDelivery } from '#domain/node-contract.ts';
import type { Around } from './host-attempt.ts';
import type { MxHost } from './mx-order.ts';
import type { Pool, PoolStats } from './pool.ts';
import { reachable, type SendingAddress, type SendingAddresses } from './sending-addresses.ts';

/** What belongs to where mail leaves from: receivers judge it by that, so each has connections and a memory of its own. */
export type Departure = Pick<Around, 'hostName' | 'pool' | 'silent' | 'connect'>;

/** Where a delivery leaves from, and the hosts as they can be reached from there. */
export interface Leaving {
  /** Null: from the address that the node has for everything. */
  from: SendingAddress | null;
  departure: Departure;
  hosts: readonly MxHost[];
  /** To be told where no attempt came of it. */
  untried(): void;
}

/** The addresses that mail to an MX leaves from: the node's one, or those of a list. */
export class Departures {
  readonly #addresses: SendingAddresses | null;
  readonly #used: readonly (readonly [SendingAddress | null, Departure])[];

  /** @param open makes a departure; null: that of the node */
  constructor(addresses: SendingAddresses | null, open: (from: SendingAddress | null) => Departure) {
    this.#addresses = addresses;
    this.#used = (addresses?.list ?? [null]).map((one) => [one, open(one)] as const);
  }

  of(delivery: LeasedDelivery, hosts: readonly MxHost[]): Leaving {
    const chosen = this.#addresses?.choose(delivery, hosts);
    const from = chosen?.address ?? null;
    const [, departure] = this.#used.find(([one]) => one === from) ?? [];
    if (!departure) throw new Error(`${from?.name} is no address of this node`);
    return {
      from,
      departure,
      hosts: from ? reachable(hosts, from) : hosts,
      untried: () => chosen?.giveBack(),
    };
  }

  forgetSilent(): void {
    for (const [, { silent }] of this.#used) silent.forget();
  }

  /** Domains of which nothing should be leased: their MX is paused for an address that all mail leaves from. */
  throttledDomains(): string[] {
    return this.#domains((one, pool) => (isForAll(one) ? pool.throttledDomains() : []));
  }

  /** Domains of which only `priority` should be leased: some address has a queue there, or is paused for its own mail. */
  busyDomains(): string[] {
    return this.#domains((one, pool) => [
      ...pool.busyDomains(),
      ...(isForAll(one) ? [] : pool.throttledDomains()),
    ]);
  }

  stats(): PoolStats {
    const all = this.#pools().map((pool) => pool.stats());
    const sum = (of: (stats: PoolStats) => number) => all.reduce((total, stats) => total + of(stats), 0);
    return {
      openConnections: sum((stats) => stats.openConnections),
      idleConnections: sum((stats) => stats.idleConnections),
      waitingDeliveries: sum((stats) => stats.waitingDeliveries),
      hosts: all.flatMap(({ hosts }) => hosts),
    };
  }

  /** How the addresses of a list stand; none: there is no list. */
  addressStates(): SendingAddressState[] {
    const pausedFor = (one: SendingAddress) =>
      this.#used.flatMap(([from, { pool }]) => (from === one ? pool.throttledDomains() : []));
    return this.#addresses?.stats(pausedFor) ?? [];
  }

  async close(): Promise<void> {
    await Promise.all(this.#pools().map((pool) => pool.close()));
  }

  #pools(): Pool[] {
    return this.#used.map(([, { pool }]) => pool);
  }

  #domains(of: (from: SendingAddress | null, pool: Pool) => string[]): string[] {
    return [...new Set(this.#used.flatMap(([from, { pool }]) => of(from, pool)))];
  }
}

const isForAll = (from: SendingAddress | null) => !from?.classes && !from?.accounts;
