import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { z } from 'zod';
import { mostPausedDomains, type SendingAddressState } from '#domain/delivery/sending-address.ts';
import { dayOfPhase, phaseDays, phases, warmingLimits } from '#domain/limits/warming.ts';
import { classNames } from '#domain/message/class.ts';
import type { LeasedDelivery } from '#domain/node-contract.ts';
import type { MxHost } from './mx-order.ts';
import type { SendingCounts } from './sending-counts.ts';

const ipOf = (family: 4 | 6) =>
  z.string().refine((text) => isIP(text) === family, `must be an IPv${family} address`);

const sendingAddress = z
  .strictObject({
    /** Said in EHLO, resolves to the addresses, and they back to it (RFC 5321 §4.1.1.1, RFC 1912 §2.1). */
    name: z
      .string()
      .max(253)
      .toLowerCase()
      .regex(/^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/, 'must be a host name'),
    ipv4: ipOf(4).optional(),
    ipv6: ipOf(6).optional(),
    /** Only mail of these classes leaves from it. */
    classes: z.array(z.enum(classNames)).min(1).optional(),
    /** Only mail of these accounts, by number, leaves from it. */
    accounts: z.array(z.number().int().min(1)).min(1).max(1000).optional(),
    /** The UTC day on which it began to send; left out: receivers know it. */
    since: z.iso.date().optional(),
  })
  .refine(({ ipv4, ipv6 }) => ipv4 ?? ipv6, { path: ['ipv4'], message: 'one of ipv4 and ipv6 is required' });

/** An address that mail leaves from, with its name; one of each family may stand for the same host. */
export type SendingAddress = z.infer<typeof sendingAddress>;

const sendingAddresses = z
  .array(sendingAddress)
  .min(1)
  .max(256)
  .superRefine((list, context) => {
    const seen = new Set<string>();
    for (const [i, { name, ipv4, ipv6 }] of list.entries()) {
      for (const [field, value] of Object.entries({ name, ipv4, ipv6 })) {
        if (value === undefined) continue;
        if (seen.has(value))
          context.addIssue({ code: 'custom', path: [i, field], message: 'is there twice' });
        seen.add(value);
      }
    }
    if (list.every(({ classes, accounts }) => classes ?? accounts)) {
      const message = 'one address must be for all mail: without classes and accounts';
      context.addIssue({ code: 'custom', path: [], message });
    }
  });

/**
 * The addresses of a file: a JSON array.
 * @throws ZodError, SyntaxError or the file's own error, which say what is wrong
 */
export async function readSendingAddresses(path: string): Promise<SendingAddress[]> {
  return sendingAddresses.parse(JSON.parse(await readFile(path, 'utf8')));
}

/** An address that was chosen for a delivery, and counted. */
export interface Chosen {
  address: SendingAddress;
  /** For an attempt that was none: nothing was asked of any host, and its place is another's. */
  giveBack(): void;
}

const dayMs = 86_400_000;

/** The day of an address's ramp and its limits in a moment; null: it is warm. */
export function rampOf({ since }: Pick<SendingAddress, 'since'>, nowMs: number) {
  if (since === undefined) return null;
  const sinceMs = Date.parse(since);
  const day = dayOfPhase(sinceMs, nowMs);
  const at = Math.floor((day - 1) / phaseDays);
  const limits = phases[at] && warmingLimits(phases[at].name, sinceMs + at * phaseDays * dayMs, nowMs);
  return limits ? { day, limits } : null;
}

/**
 * Which address a delivery leaves from. The addresses of its account come first, then those of its class, then those
 * for all mail. Among equals a hash of the delivery decides, so that a second attempt comes from where the first
 * did, which greylists want (RFC 6647 §2.2). A ramping address is passed over once it has had what its ramp allows in
 * this day or hour: the table of a new sending domain, by age alone. Warm ones take the rest; where all ramp, the
 * last takes it over its ramp, since mail does not wait for an address.
 */
export class SendingAddresses {
  readonly #list: readonly SendingAddress[];
  readonly #counts: SendingCounts;
  readonly #share: (limit: number) => number;
  readonly #now: () => number;

  /**
   * @param share what this process may have of a limit that holds for all workers of the node
   * @param now Unix ms
   */
  constructor(
    list: readonly SendingAddress[],
    counts: SendingCounts,
    { share, now }: { share: (limit: number) => number; now: () => number },
  ) {
    this.#list = list;
    this.#counts = counts;
    this.#share = share;
    this.#now = now;
  }

  get list(): readonly SendingAddress[] {
    return this.#list;
  }

  /** Chooses and counts. @param hosts those that mail goes to: the address must have a family in common with them */
  choose(
    delivery: Pick<LeasedDelivery, 'messageId' | 'n' | 'class' | 'account'>,
    hosts: readonly MxHost[],
  ): Chosen {
    const inOrder = this.#poolsOf(delivery).flatMap((pool) =>
      rankedBy(`${delivery.messageId}/${delivery.n}`, pool),
    );
    const able = inOrder.filter((one) => reachable(hosts, one).some(hasAddress));
    const some = able.length > 0 ? able : inOrder;
    const address = some.find((one) => this.#hasRoom(one)) ?? some.at(-1);
    if (!address) throw new Error('one address is for all mail');
    const atMs = this.#now();
    this.#counts.add(address.name, atMs);
    return { address, giveBack: () => this.#counts.takeBack(address.name, atMs, this.#now()) };
  }

  /** @param pausedFor domains that are paused for an address */
  stats(pausedFor: (one: SendingAddress) => string[] = () => []): SendingAddressState[] {
    const nowMs = this.#now();
    return this.#list.map((one) => {
      const ramp = rampOf(one, nowMs);
      return {
        name: one.name,
        addresses: [one.ipv4, one.ipv6].filter((address) => address !== undefined),
        classes: one.classes ?? null,
        accounts: one.accounts ?? null,
        rampDay: ramp?.day ?? null,
        today: this.#counts.of(one.name, nowMs).today,
        allowedToday: ramp ? this.#share(ramp.limits.daily) : null,
        paused: pausedFor(one).slice(0, mostPausedDomains),
      };
    });
  }

  #poolsOf({ account, class: mailClass }: Pick<LeasedDelivery, 'class' | 'account'>): SendingAddress[][] {
    const isOf = (one: SendingAddress) => account !== undefined && one.accounts?.includes(account) === true;
    const carries = (one: SendingAddress) => one.classes?.includes(mailClass) === true;
    return [
      this.#list.filter((one) => isOf(one) && carries(one)),
      this.#list.filter((one) => isOf(one) && !one.classes),
      this.#list.filter((one) => !one.accounts && carries(one)),
      this.#list.filter((one) => !one.accounts && !one.classes),
    ];
  }

  #hasRoom(one: SendingAddress): boolean {
    const nowMs = this.#now();
    const ramp = rampOf(one, nowMs);
    if (!ramp) return true;
    const { today, thisHour } = this.#counts.of(one.name, nowMs);
    return today < this.#share(ramp.limits.daily) && thisHour < this.#share(ramp.limits.hourly);
  }
}

/** The hosts with those of their addresses that can be reached from one of ours. */
export function reachable(
  hosts: readonly MxHost[],
  { ipv4, ipv6 }: Pick<SendingAddress, 'ipv4' | 'ipv6'>,
): MxHost[] {
  return hosts.map((host) => ({
    ...host,
    ipv4: ipv4 === undefined ? [] : host.ipv4,
    ipv6: ipv6 === undefined ? [] : host.ipv6,
  }));
}

const hasAddress = ({ ipv4, ipv6 }: MxHost) => ipv4.length + ipv6.length > 0;

/** Highest random weight: an address that is added or taken away moves only its own deliveries. */
function rankedBy(key: string, pool: readonly SendingAddress[]): SendingAddress[] {
  if (pool.length < 2) return [...pool];
  return pool
    .map((one) => ({ one, weight: hash('sha1', `${key} ${one.name}`) }))
    .sort((a, b) => (a.weight < b.weight ? -1 : 1))
    .map(({ one }) => one);
}
