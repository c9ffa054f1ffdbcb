import { type MailClass, shareOf } from '#domain/message/class.ts';
import type { MxTarget } from './mx-order.ts';
import type { SmtpConnection } from './smtp-connection.ts';
import { newThrottle, slowDown, speedUp, type Throttle } from './throttle.ts';
import { Waiters } from './waiters.ts';

/** The right to one connection to an address, with the connection when one was idle. Give it back once. */
export interface Slot {
  connection: SmtpConnection | null;
  /** The host took a message. */
  succeeded(): void;
  /** The host said to slow down. */
  throttled(): void;
  /** The host takes so many messages over one connection, at least 1. */
  learned(messages: number): void;
  /** Gives the slot back; a usable connection is kept for the next delivery. */
  release(): void;
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
  /** Messages over one connection: as configured, or as learned from the host. */
  messagesPerConnection: number;
}

export interface PoolStats {
  openConnections: number;
  idleConnections: number;
  waitingDeliveries: number;
  hosts: HostStats[];
}

export interface PoolOptions {
  port: number;
  connectionsPerHost: number;
  messagesPerConnection: number;
  idleMs: number;
  throttlePauseMs: number;
  now: () => number;
}

export interface Pool {
  /**
   * A slot for the address, at once or when one is free. Waiting for one host keeps no other waiting; of those
   * who wait for one, the most urgent class is next, and a class gets no more than its share of the connections.
   * @param domain the recipient's, for `throttledDomains` and `busyDomains`
   * @returns `busy` when none was free within `waitMs` or the pool is closed, `paused` when the host asked to slow down
   *   for longer than that
   */
  acquire(
    target: MxTarget,
    domain: string,
    mailClass: MailClass,
    waitMs: number,
  ): Promise<Slot | 'busy' | 'paused'>;
  throttledDomains(): string[];
  busyDomains(): string[];
  stats(): PoolStats;
  close(): Promise<void>;
}

interface Waiter {
  target: MxTarget;
  domain: string;
  mailClass: MailClass;
  give(slot: Slot | 'busy'): void;
}

/** All that is known of one address. */
interface Host {
  address: string;
  throttle: Throttle;
  /** Slots given out and idle connections. */
  open: number;
  /** Slots given out, by class. */
  busy: Map<MailClass, number>;
  idle: { connection: SmtpConnection; timer: NodeJS.Timeout }[];
  waiters: Waiters<Waiter>;
  /** Wakes the waiters when a pause ends. */
  pauseTimer: NodeJS.Timeout | null;
  /** Recipient domains served through it while it is known. */
  domains: Set<string>;
  /** How many messages it takes over one connection, by its own refusals. */
  learned: { messages: number; untilMs: number } | null;
}

/** What was learned is asked anew after this: limits are raised, and a refusal may have meant something else. */
const learnedForMs = 3_600_000;

/** Of a host's recipient domains, and of the list that a lease request may carry. */
const maxDomains = 50;

export function createPool(options: PoolOptions): Pool {
  const hosts = new Map<string, Host>();
  let closed = false;

  function hostOf(address: string): Host {
    const known = hosts.get(address);
    if (known) return known;
    const host: Host = {
      address,
      throttle: newThrottle(options.connectionsPerHost),
      open: 0,
      busy: new Map(),
      idle: [],
      waiters: new Waiters(),
      pauseTimer: null,
      domains: new Set(),
      learned: null,
    };
    hosts.set(address, host);
    return host;
  }

  const isPaused = (host: Host) => host.throttle.pausedUntilMs > options.now();
  // As many waiting as may be served at once keep every connection busy while the next ones are leased.
  const busyOf = (host: Host, mailClass: MailClass) => host.busy.get(mailClass) ?? 0;
  // Who waits only for the share of its class does not keep others of the domain from being leased.
  const isBusy = (host: Host) => !isPaused(host) && host.waiters.ofFullShare >= host.throttle.limit;

  function domainsOf(which: (host: Host) => boolean): string[] {
    const busiest = [...hosts.values()].filter(which).sort((a, b) => b.waiters.size - a.waiters.size);
    return [...new Set(busiest.flatMap((host) => [...host.domains]))].slice(0, maxDomains);
  }

  /** A slot when one is free now. An idle connection is reused only for the MX name it was checked against. */
  function take(host: Host, target: MxTarget, mailClass: MailClass): Slot | null {
    if (closed || isPaused(host)) return null;
    if (busyOf(host, mailClass) >= shareOf(mailClass, host.throttle.limit)) return null;
    for (;;) {
      const at = host.idle.findLastIndex(({ connection }) => connection.target.host === target.host);
      const [found] = at >= 0 ? host.idle.splice(at, 1) : [];
      if (!found) break;
      clearTimeout(found.timer);
      if (found.connection.usable) return slotOf(host, found.connection, mailClass);
      found.connection.destroy();
      host.open--;
    }
    if (host.open >= host.throttle.limit) {
      // Connections to the same address under another MX name make room.
      const other = host.idle.shift();
      if (!other) return null;
      discard(host, other);
    }
    if (host.open >= host.throttle.limit) return null;
    host.open++;
    return slotOf(host, null, mailClass);
  }

  function discard(host: Host, idle: { connection: SmtpConnection; timer: NodeJS.Timeout }): Promise<void> {
    clearTimeout(idle.timer);
    host.open--;
    return idle.connection.quit();
  }

  function slotOf(host: Host, connection: SmtpConnection | null, mailClass: MailClass): Slot {
    let released = false;
    host.busy.set(mailClass, busyOf(host, mailClass) + 1);
    return {
      connection,
      succeeded() {
        host.throttle = speedUp(host.throttle);
      },
      throttled() {
        host.throttle = slowDown(host.throttle, options.now(), options.throttlePauseMs);
      },
      learned(messages) {
        host.learned = { messages, untilMs: options.now() + learnedForMs };
      },
      release() {
        if (released) throw new Error('a slot is given back once');
        released = true;
        host.busy.set(mailClass, busyOf(host, mailClass) - 1);
        giveBack(host, this.connection);
      },
    };
  }

  function giveBack(host: Host, connection: SmtpConnection | null): void {
    const worn = connection !== null && connection.messages >= mostMessages(host, options);
    if (!connection?.usable || worn || closed || host.open > host.throttle.limit) {
      host.open--;
      if (connection?.usable) void connection.quit();
      else connection?.destroy();
    } else {
      keepIdle(host, connection);
    }
    serve(host);
  }

  function keepIdle(host: Host, connection: SmtpConnection): void {
    const remove = () => {
      const at = host.idle.findIndex((entry) => entry.connection === connection);
      const [entry] = at >= 0 ? host.idle.splice(at, 1) : [];
      if (!entry) return;
      void discard(host, entry);
      serve(host);
    };
    host.idle.push({ connection, timer: setTimeout(remove, options.idleMs) });
    connection.watchIdle(remove);
  }

  /** Gives free slots to those who wait, by class and then by time, and forgets a host that has nothing to tell. */
  function serve(host: Host): void {
    for (const waiter of host.waiters) {
      const slot = take(host, waiter.target, waiter.mailClass);
      // Without a free one there is none for any other; a share that is used up is its class's own matter.
      if (!slot && busyOf(host, waiter.mailClass) < shareOf(waiter.mailClass, host.throttle.limit)) break;
      if (!slot) continue;
      host.waiters.delete(waiter);
      waiter.give(slot);
    }
    const pauseMs = host.throttle.pausedUntilMs - options.now();
    if (host.waiters.size > 0 && pauseMs > 0 && !host.pauseTimer) {
      host.pauseTimer = setTimeout(() => {
        host.pauseTimer = null;
        serve(host);
      }, pauseMs);
    }
    const atRest = host.open === 0 && host.waiters.size === 0 && pauseMs <= 0;
    const plain = host.throttle.limit >= host.throttle.max && !isLearned(host, options);
    if (atRest && plain) hosts.delete(host.address);
  }

  /** Hosts at rest whose limit is still lowered are kept, but not without end. */
  function forgetOldHosts(): void {
    if (hosts.size < 10_000) return;
    for (const [address, host] of hosts) {
      if (host.open === 0 && host.waiters.size === 0 && !isPaused(host)) hosts.delete(address);
    }
  }

  return {
    acquire(target, domain, mailClass, waitMs) {
      if (closed) return Promise.resolve('busy');
      forgetOldHosts();
      const host = hostOf(target.address);
      host.domains.delete(domain);
      host.domains.add(domain);
      const [oldest] = host.domains;
      if (host.domains.size > maxDomains && oldest !== undefined) host.domains.delete(oldest);
      const slot = host.waiters.isNext(mailClass) ? take(host, target, mailClass) : null;
      const pauseMs = host.throttle.pausedUntilMs - options.now();
      // A pause that outlasts the wait makes it vain.
      if (slot) return Promise.resolve(slot);
      if (pauseMs > waitMs) return Promise.resolve('paused');
      if (waitMs <= 0) return Promise.resolve('busy');
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          host.waiters.delete(waiter);
          resolve(isPaused(host) ? 'paused' : 'busy');
        }, waitMs);
        const waiter: Waiter = {
          target,
          domain,
          mailClass,
          give(given) {
            clearTimeout(timer);
            resolve(given);
          },
        };
        host.waiters.add(waiter);
        serve(host);
      });
    },
    throttledDomains: () => domainsOf(isPaused),
    busyDomains: () => domainsOf(isBusy),
    stats: () => statsOf([...hosts.values()], options),
    async close() {
      closed = true;
      const all = [...hosts.values()];
      for (const host of all) {
        if (host.pauseTimer) clearTimeout(host.pauseTimer);
        for (const waiter of host.waiters) waiter.give('busy');
        host.waiters.clear();
      }
      await Promise.all(all.flatMap((host) => host.idle.splice(0).map((idle) => discard(host, idle))));
    },
  };
}

/** How many messages a connection to the host carries before it is closed. */
function mostMessages(host: Host, options: PoolOptions): number {
  const { messagesPerConnection } = options;
  return isLearned(host, options)
    ? Math.min(host.learned.messages, messagesPerConnection)
    : messagesPerConnection;
}

function isLearned(host: Host, { now }: PoolOptions): host is Host & { learned: object } {
  return host.learned !== null && host.learned.untilMs > now();
}

function statsOf(all: readonly Host[], options: PoolOptions): PoolStats {
  const hosts = all.map(
    (host): HostStats => ({
      address: host.address,
      port: options.port,
      open: host.open,
      idle: host.idle.length,
      waiting: host.waiters.size,
      limit: host.throttle.limit,
      pausedUntilMs: host.throttle.pausedUntilMs > options.now() ? host.throttle.pausedUntilMs : null,
      messagesPerConnection: mostMessages(host, options),
    }),
  );
  const sum = (of: (host: HostStats) => number) => hosts.reduce((total, host) => total + of(host), 0);
  return {
    openConnections: sum((host) => host.open),
    idleConnections: sum((host) => host.idle),
    waitingDeliveries: sum((host) => host.waiting),
    hosts,
  };
}
