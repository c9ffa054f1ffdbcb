import type { Relay } from '#domain/delivery/transport.ts';
import type { Around } from './host-attempt.ts';
import { type MxAnswer, resolveRoute } from './mx.ts';
import { createPool, type Pool, type PoolOptions } from './pool.ts';
import { openRelay } from './relay-connection.ts';
import { SilentHosts } from './silent-hosts.ts';

/** What a delivery by a relay has in place of what belongs to the MX of its recipient. */
export interface RelayAccess extends Pick<Around, 'pool' | 'silent' | 'open' | 'connect'> {
  relay: Relay;
  /** Its addresses. Never rejects. */
  resolve(): Promise<MxAnswer>;
}

interface Known extends RelayAccess {
  /** All that connections depend on, as text. */
  key: string;
  pool: Pool;
}

/** The relays that deliveries may go by, each with connections of its own; they are made anew when it is configured anew. */
export class Relays {
  readonly #connectTo: (port: number) => Around['connect'];
  readonly #options: Omit<PoolOptions, 'port' | 'connectionsPerHost'>;
  readonly #known = new Map<string, Known>();

  constructor(
    connectTo: (port: number) => Around['connect'],
    options: Omit<PoolOptions, 'port' | 'connectionsPerHost'>,
  ) {
    this.#connectTo = connectTo;
    this.#options = options;
  }

  /** Takes relays as they are configured now; others stay as they were. */
  use(relays: readonly Relay[]): void {
    for (const relay of relays) {
      const key = JSON.stringify(relay);
      const before = this.#known.get(relay.name);
      if (before?.key === key) continue;
      void before?.pool.close();
      const connect = this.#connectTo(relay.port);
      this.#known.set(relay.name, {
        relay,
        key,
        connect,
        pool: createPool({
          ...this.#options,
          port: relay.port,
          connectionsPerHost: relay.connections,
          messagesPerConnection: Math.min(
            this.#options.messagesPerConnection,
            relay.sessionRecipients ?? Number.POSITIVE_INFINITY,
          ),
        }),
        silent: new SilentHosts(this.#options.now),
        open: (target, options) => openRelay(target, relay, options),
        resolve: () => resolveRoute(relay.host),
      });
    }
  }

  /** Null: it was never told. */
  of(name: string): RelayAccess | null {
    return this.#known.get(name) ?? null;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#known.values()].map(({ pool }) => pool.close()));
  }
}
