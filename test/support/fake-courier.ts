import type { Outcome } from '#domain/delivery/outcome.ts';
import type { SendingAddressState } from '#domain/delivery/sending-address.ts';
import type { LeasedDelivery } from '#domain/node-contract.ts';
import type { Courier, CourierHooks, RawSource } from '../../smtp-node/outbound/courier.ts';
import { readRaw } from '../../smtp-node/signing/raw-source.ts';
import { deferred, delivered } from './outcomes.ts';

/** A courier without a network: keeps what it was given, and holds deliveries back when told to. */
export class FakeCourier implements Courier {
  readonly begun: LeasedDelivery[] = [];
  readonly raws: string[] = [];
  /** The keys that each was to be signed with. */
  readonly keys: (readonly unknown[])[] = [];
  readonly excluded: string[] = [];
  readonly busy: string[] = [];
  readonly addresses: SendingAddressState[] = [];
  /** Most deliveries at once so far. */
  peak = 0;
  /** When set, each delivery waits for it after DATA has begun. */
  hold: Promise<void> | null = null;
  /** When set, each delivery waits for it before DATA. */
  holdBeforeData: Promise<void> | null = null;
  /** When set, each delivery ends untried, as this relay takes no more in a minute. */
  pacedBy: string | null = null;
  #running = 0;
  #inData = 0;
  readonly #listeners = new Set<() => void>();

  async deliver(
    delivery: LeasedDelivery,
    raw: RawSource,
    keys: readonly unknown[],
    hooks: CourierHooks,
  ): Promise<Outcome | 'untried'> {
    this.begun.push(delivery);
    this.keys.push(keys);
    this.#running += 1;
    this.peak = Math.max(this.peak, this.#running);
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of readRaw(raw)) chunks.push(chunk);
      this.raws.push(Buffer.concat(chunks).toString('latin1'));
      this.#tell();
      await this.holdBeforeData;
      if (this.pacedBy !== null) {
        hooks.onPaced?.(this.pacedBy);
        return 'untried';
      }
      await hooks.beforeData();
      this.#inData += 1;
      this.#tell();
      await this.hold;
      return delivered(delivery.messageId);
    } catch (error) {
      return deferred(String(error));
    } finally {
      this.#running -= 1;
      this.#tell();
    }
  }

  useRelays(): void {}

  /** Resolves when so many deliveries have begun and have read their message. */
  begins(count: number): Promise<void> {
    return this.#until(() => this.raws.length >= count);
  }

  /** Resolves when no delivery is under way. */
  idle(): Promise<void> {
    return this.#until(() => this.#running === 0);
  }

  /** Deliveries that have come as far as DATA. */
  get sent(): number {
    return this.#inData;
  }

  /** Resolves when so many deliveries have come as far as DATA. */
  inData(count: number): Promise<void> {
    return this.#until(() => this.#inData >= count);
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#listeners.add(resolve);
      await promise;
      this.#listeners.delete(resolve);
    }
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  throttledDomains(): string[] {
    return this.excluded;
  }

  busyDomains(): string[] {
    return this.busy;
  }

  stats() {
    return { openConnections: 0, idleConnections: 0, waitingDeliveries: 0, hosts: [] };
  }

  destinations() {
    return [];
  }

  sendingAddresses(): SendingAddressState[] {
    return this.addresses;
  }

  async close(): Promise<void> {}
}
