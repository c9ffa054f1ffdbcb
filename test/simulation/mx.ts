import type { Outcome } from '#domain/delivery/outcome.ts';
import type { DkimKey, LeasedDelivery } from '#domain/node-contract.ts';
import type { Courier, CourierHooks, RawSource } from '../../smtp-node/outbound/courier.ts';
import type { Clock } from './clock.ts';
import type { History } from './history.ts';
import { accepted, broken, refused, times, unsignable } from './outcomes.ts';
import type { Random } from './random.ts';

/** How the MX of a domain treats mail; the domain is `<name>.mx.example`. */
export const manners = {
  fine: 30,
  slow: 3,
  grey: 6,
  busy: 6,
  gone: 4,
  full: 2,
  lost: 8,
  away: 4,
  late: 6,
  angry: 4,
  auto: 2,
  read: 14,
} as const;
export type Manner = keyof typeof manners;

/** That an MX took a message: what is true, whatever the node and the edge have heard of it. */
export interface Acceptance {
  messageId: string;
  n: number;
  leaseId: string;
  rcptTo: string;
  mailFrom: string;
  atMs: number;
  manner: Manner;
}

const dayMs = 86_400_000;
const none = { openConnections: 0, idleConnections: 0, waitingDeliveries: 0, hosts: [] };

/** The internet's MX, with a memory of their own: what they have accepted. */
export class MxModel {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #history: History;
  readonly #accepted = new Map<string, Acceptance[]>();
  readonly #tries = new Map<string, number>();
  /** Told of each acceptance as it happens. */
  onAccepted: (acceptance: Acceptance, raw: string) => void = () => undefined;
  /** Told of each attempt before it begins. */
  onBegin: (delivery: LeasedDelivery) => Promise<void> = async () => undefined;
  /** Told, too, of each attempt as it begins. */
  readonly begun = new Set<(delivery: LeasedDelivery) => void>();
  acceptances = 0;
  attempts = 0;

  constructor(of: { clock: Clock; random: Random; history: History }) {
    this.#clock = of.clock;
    this.#random = of.random;
    this.#history = of.history;
  }

  acceptedOf(messageId: string, n: number): readonly Acceptance[] {
    return this.#accepted.get(`${messageId} ${n}`) ?? [];
  }

  all(): Iterable<readonly Acceptance[]> {
    return this.#accepted.values();
  }

  forget(beforeMs: number): void {
    for (const [key, [first]] of this.#accepted)
      if (first && first.atMs < beforeMs) this.#accepted.delete(key);
  }

  /** The courier of a node, for as long as it lives. */
  courier(of: { alive: () => boolean; now: () => number; fileOf: (path: string) => Buffer | null }): Courier {
    const sleep = (ms: number) =>
      new Promise<void>((resolve) => {
        this.#clock.after(ms, () => of.alive() && resolve());
      });
    return {
      deliver: async (delivery, raw, keys, hooks) => {
        const startedAtMs = of.now();
        const outcome = await this.#attempt(delivery, textOf(raw, of.fileOf), keys, hooks, sleep);
        return { ...outcome, ...times(startedAtMs, of.now()) };
      },
      useRelays: () => undefined,
      throttledDomains: () => [],
      busyDomains: () => [],
      stats: () => none,
      destinations: () => [],
      sendingAddresses: () => [],
      close: async () => undefined,
    };
  }

  async #attempt(
    delivery: LeasedDelivery,
    raw: string,
    keys: readonly DkimKey[],
    hooks: CourierHooks,
    sleep: (ms: number) => Promise<void>,
  ): Promise<Outcome> {
    const random = this.#random;
    const { messageId, n, leaseId, rcptTo } = delivery;
    this.attempts += 1;
    await this.onBegin(delivery);
    this.#history.add(`mx begins ${messageId} ${n} lease ${leaseId} attempt ${delivery.attempt} ${rcptTo}`);
    for (const told of [...this.begun]) told(delivery);
    if (keys.length === 0) return unsignable(`no active DKIM key of ${delivery.signingDomain}`);
    const key = `${messageId} ${n}`;
    const tries = (this.#tries.get(key) ?? 0) + 1;
    this.#tries.set(key, tries);
    const manner = mannerOf(rcptTo);
    await sleep(random.between(5, 400));
    if (manner === 'away' && isAway(rcptTo, this.#clock.nowMs)) {
      await sleep(random.between(1000, 60_000));
      return broken('deferred', 'connect', 'connection timed out', 'ETIMEDOUT');
    }
    if (manner === 'gone') return refused('bounced', 550, '5.1.1', 'No such user', 'bad_mailbox');
    if (manner === 'full') return refused('deferred', 452, '4.2.2', 'Mailbox full', 'mailbox_full');
    if (manner === 'grey' && tries === 1)
      return refused('deferred', 451, '4.7.1', 'Greylisted', 'greylisted');
    if (manner === 'busy' && random.chance(0.5)) return refused('deferred', 451, '4.3.2', 'Busy', 'unknown');
    try {
      await hooks.beforeData();
    } catch (error) {
      this.#history.add(`mx: no DATA for ${key}: ${String(error)}`);
      return broken('deferred', 'data', `not begun: ${String(error)}`, null);
    }
    await sleep(manner === 'slow' ? random.between(2000, 180_000) : random.between(5, 300));
    const lost = manner === 'lost' && random.chance(0.4);
    if (lost && random.chance(0.5))
      return broken('maybeAccepted', 'final', 'connection lost after the dot', 'ECONNRESET');
    this.#accept(
      { messageId, n, leaseId, rcptTo, mailFrom: delivery.mailFrom, atMs: this.#clock.nowMs, manner },
      raw,
    );
    await sleep(manner === 'slow' ? random.between(1000, 120_000) : random.between(5, 300));
    if (lost) return broken('maybeAccepted', 'final', 'connection lost after the dot', 'ECONNRESET');
    return accepted(`queued as ${this.acceptances}`);
  }

  #accept(acceptance: Acceptance, raw: string): void {
    const key = `${acceptance.messageId} ${acceptance.n}`;
    const before = this.#accepted.get(key) ?? [];
    this.#accepted.set(key, [...before, acceptance]);
    this.acceptances += 1;
    this.#history.add(`mx accepts ${key} for the ${before.length + 1}. time, lease ${acceptance.leaseId}`);
    this.onAccepted(acceptance, raw);
  }
}

/** How the MX of an address treats it; the simulator's parts are mapped to the nearest. */
export function mannerOf(address: string): Manner {
  const [local = '', domain = ''] = address.toLowerCase().split('@');
  const [name = ''] = domain.split('.');
  if (name in manners) return name as Manner;
  if (local.startsWith('hard-bounce')) return 'gone';
  if (local.startsWith('soft-bounce') || local.startsWith('mailbox-full')) return 'full';
  if (local.startsWith('greylisted') || local.startsWith('rate-limited')) return 'grey';
  if (local.startsWith('delayed-bounce')) return 'late';
  if (local.startsWith('complaint')) return 'angry';
  if (local.startsWith('auto-reply')) return 'auto';
  return 'fine';
}

/** Two days here, two days away. */
function isAway(address: string, nowMs: number): boolean {
  return Math.floor(nowMs / dayMs + address.length / 3) % 4 < 2;
}

function textOf(raw: RawSource, fileOf: (path: string) => Buffer | null): string {
  return raw.kind === 'bytes' ? raw.bytes.toString('latin1') : (fileOf(raw.path)?.toString('latin1') ?? '');
}
