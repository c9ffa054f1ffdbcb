import { type MailClass, shareOf } from '#domain/message/class.ts';
import type { MxHost } from './mx-order.ts';
import { Pace } from './pace.ts';
import { Waiters } from './waiters.ts';

/** A place among the attempts at one destination. Leave it once. */
export interface Stay {
  /** One of its hosts spoke SMTP with us: more attempts at once are welcome. */
  answered(): void;
  /** None of those that were tried answered. */
  silent(): void;
  /** One of its hosts said that we send too much: nothing more is begun for so long, or longer if that was said before. */
  slowDown(saidText: string, pauseMs: number): void;
  leave(): void;
}

/** It asked to be left alone; a sentence that says so. */
export interface LeftAlone {
  leftAlone: string;
}

/** None was free in time, as no more may begin in a minute. */
export interface Paced {
  paced: true;
}

interface Waiter {
  mailClass: MailClass;
  give(answer: Stay | LeftAlone | Paced | null): void;
}

interface Destination {
  name: string;
  /** Attempts at once, and most of them. */
  window: number;
  most: number;
  /** Unix ms until which nothing is begun; 0: it never asked for that. */
  pausedUntilMs: number;
  pauseMs: number;
  saidText: string;
  /** How often one may begin; null: as often as there is a place. */
  pace: Pace | null;
  /** Lets in who waits for the pace alone. */
  paceTimer: NodeJS.Timeout | null;
  /** Attempts under way, by class. */
  inside: Map<MailClass, number>;
  waiters: Waiters<Waiter>;
  /** Recipient domains that it takes mail for, those asked for last. */
  domains: Set<string>;
}

export interface DestinationsOptions {
  /** Attempts at one destination at once, when it answers. */
  most: number;
  now: () => number;
}

/** What is known of one destination, for the page of the node. */
export interface DestinationStats {
  name: string;
  attempts: number;
  waiting: number;
  window: number;
  most: number;
  pausedUntil: string | null;
  because: string | null;
}

/** So many attempts find out whether a destination answers. */
const firstWindow = 5;
const maxDomains = 50;
const longestPauseMs = 2 * 3_600_000;
const mostKnown = 10_000;

/** The hosts that take mail for a domain, as one name: domains with the same hosts are one destination. */
export function destinationName(hosts: readonly MxHost[]): string {
  return [...new Set(hosts.map(({ host }) => host.toLowerCase().replace(/\.$/, '')))].sort().join(' ');
}

/**
 * Gives each destination (a set of MX hosts) a share of the attempts that a node makes at once, however many hosts it
 * has: five at first, one more for each that is answered, five again when nobody answers. What is silent or slow keeps
 * its own mail waiting and no other.
 */
export class Destinations {
  readonly #options: DestinationsOptions;
  readonly #known = new Map<string, Destination>();
  #closed = false;

  constructor(options: DestinationsOptions) {
    this.#options = options;
  }

  /**
   * A place at once or when one is free, for the most urgent class first; digests have no more than their share.
   * @param most attempts at once at the most, when that is fewer than at others
   * @param perMinute attempts that may begin in a minute; left out or null: no limit
   * @returns `paced` or null when none was free in time; null when all is closed
   */
  enter(
    { name, most, perMinute = null }: { name: string; most: number | null; perMinute?: number | null },
    domain: string,
    mailClass: MailClass,
    waitMs: number,
  ): Promise<Stay | LeftAlone | Paced | null> {
    const at = this.#destinationOf(name, Math.min(most ?? this.#options.most, this.#options.most));
    this.#setPace(at, perMinute);
    at.domains.delete(domain);
    at.domains.add(domain);
    const [oldest] = at.domains;
    if (at.domains.size > maxDomains && oldest !== undefined) at.domains.delete(oldest);
    const leftAlone = this.#leftAlone(at);
    if (leftAlone) return Promise.resolve(leftAlone);
    const stay = at.waiters.isNext(mailClass) ? this.#take(at, mailClass) : null;
    if (stay || waitMs <= 0 || this.#closed) return Promise.resolve(stay ?? outOfTime(at));
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        at.waiters.delete(waiter);
        resolve(outOfTime(at));
      }, waitMs);
      const waiter: Waiter = {
        mailClass,
        give(given) {
          clearTimeout(timer);
          resolve(given);
        },
      };
      at.waiters.add(waiter);
      this.#serve(at);
    });
  }

  /** Domains of which no more should be begun but `priority`: as many wait as may be served at once. */
  busyDomains(): string[] {
    return this.#domainsOf((at) => at.waiters.ofFullShare >= at.window);
  }

  /** Domains of which nothing more should be begun. */
  fullDomains(): string[] {
    return this.#domainsOf((at) => at.waiters.size >= 2 * this.#options.most || this.#leftAlone(at) !== null);
  }

  stats(): DestinationStats[] {
    return [...this.#known.values()].map((at) => {
      const isPaused = this.#leftAlone(at) !== null;
      return {
        name: at.name,
        attempts: insideOf(at),
        waiting: at.waiters.size,
        window: at.window,
        most: at.most,
        pausedUntil: isPaused ? new Date(at.pausedUntilMs).toISOString() : null,
        because: isPaused ? at.saidText : null,
      };
    });
  }

  get waiting(): number {
    return [...this.#known.values()].reduce((sum, at) => sum + at.waiters.size, 0);
  }

  /** Nobody waits any longer. */
  close(): void {
    this.#closed = true;
    for (const at of this.#known.values()) {
      if (at.paceTimer) clearTimeout(at.paceTimer);
      for (const waiter of at.waiters) waiter.give(null);
      at.waiters.clear();
    }
  }

  #setPace(at: Destination, perMinute: number | null): void {
    if ((at.pace?.perMinute ?? null) === perMinute) return;
    at.pace = perMinute === null ? null : new Pace(perMinute, this.#options.now());
  }

  #leftAlone({ name, pausedUntilMs, saidText }: Destination): LeftAlone | null {
    if (pausedUntilMs <= this.#options.now()) return null;
    return {
      leftAlone: `${name} is left alone until ${new Date(pausedUntilMs).toISOString()}, since it said: ${saidText}`,
    };
  }

  #destinationOf(name: string, most: number): Destination {
    const known = this.#known.get(name);
    if (known) return known;
    if (this.#known.size >= mostKnown) this.#forget();
    const at: Destination = {
      name,
      window: Math.min(firstWindow, most),
      most,
      pausedUntilMs: 0,
      pauseMs: 0,
      saidText: '',
      pace: null,
      paceTimer: null,
      inside: new Map(),
      waiters: new Waiters(),
      domains: new Set(),
    };
    this.#known.set(name, at);
    return at;
  }

  #forget(): void {
    for (const [name, at] of this.#known) {
      const isQuiet = insideOf(at) === 0 && at.waiters.size === 0 && !this.#leftAlone(at);
      if (isQuiet) this.#known.delete(name);
    }
  }

  #domainsOf(which: (at: Destination) => boolean): string[] {
    const fullest = [...this.#known.values()].filter(which).sort((a, b) => b.waiters.size - a.waiters.size);
    return fullest.flatMap(({ domains }) => [...domains]);
  }

  #take(at: Destination, mailClass: MailClass): Stay | null {
    const own = at.inside.get(mailClass) ?? 0;
    if (this.#closed || insideOf(at) >= at.window || own >= shareOf(mailClass, at.window)) return null;
    if (at.pace && !at.pace.take(this.#options.now())) {
      this.#serveAtPace(at, at.pace);
      return null;
    }
    at.inside.set(mailClass, own + 1);
    let left = false;
    return {
      answered: () => {
        at.window = Math.min(at.most, at.window + 1);
        if (at.window === at.most) at.pauseMs = 0;
      },
      silent: () => {
        at.window = Math.min(firstWindow, at.window);
      },
      slowDown: (saidText, pauseMs) => {
        // Those that were under way when it was said first are echoes.
        if (this.#leftAlone(at)) return;
        at.pauseMs = Math.min(longestPauseMs, Math.max(pauseMs, at.pauseMs * 2));
        at.pausedUntilMs = this.#options.now() + at.pauseMs;
        at.saidText = saidText;
        at.window = Math.max(1, Math.floor(at.window / 2));
        const leftAlone = this.#leftAlone(at);
        for (const waiter of at.waiters) waiter.give(leftAlone);
        at.waiters.clear();
      },
      leave: () => {
        if (left) throw new Error('a destination is left once');
        left = true;
        at.inside.set(mailClass, (at.inside.get(mailClass) ?? 0) - 1);
        this.#serve(at);
      },
    };
  }

  #serveAtPace(at: Destination, pace: Pace): void {
    if (at.paceTimer) return;
    at.paceTimer = setTimeout(() => {
      at.paceTimer = null;
      this.#serve(at);
    }, pace.waitMs(this.#options.now()));
    at.paceTimer.unref();
  }

  /** Lets in who waits, by class and then by time. */
  #serve(at: Destination): void {
    for (const waiter of at.waiters) {
      if (insideOf(at) >= at.window || at.paceTimer) return;
      const stay = this.#take(at, waiter.mailClass);
      if (!stay) continue;
      at.waiters.delete(waiter);
      waiter.give(stay);
    }
  }
}

/** Why somebody has waited in vain. */
function outOfTime({ paceTimer }: Destination): Paced | null {
  return paceTimer ? { paced: true } : null;
}

function insideOf({ inside }: Destination): number {
  let count = 0;
  for (const ofClass of inside.values()) count += ofClass;
  return count;
}
