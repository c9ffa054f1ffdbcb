import type { Meeting } from '../support/smtp-sink.ts';
import type { Zone } from '../support/zone.ts';

export type Kind = 'well' | 'slow' | 'dead';

/** A recipient domain of the soak. */
export interface Receiver {
  domain: string;
  kind: Kind;
  /** In words, for the report. */
  about: string;
  hosts: { host: string; address: string }[];
  meeting: Meeting;
  /** How long its reply to the final dot takes. */
  finalMs: number;
}

/** Connections are swallowed, refused by hanging up, or greeted so late that nobody waits. */
const deaths: { about: string; meeting: Meeting; hosts: number }[] = [
  { about: 'ten MX that swallow connections', meeting: 'silent', hosts: 10 },
  { about: 'one MX that swallows connections', meeting: 'silent', hosts: 1 },
  { about: 'two MX that hang up', meeting: 'hang up', hosts: 2 },
  { about: 'three MX that take a minute for each reply', meeting: { replyDelayMs: 60_000 }, hosts: 3 },
];

const slowness: { about: string; meeting: Meeting; finalMs: number }[] = [
  { about: 'a minute for the last reply', meeting: undefined, finalMs: 60_000 },
  { about: 'two seconds for each reply', meeting: { replyDelayMs: 2000 }, finalMs: 2000 },
];

/** Twenty domains that are dead, five that are slow, five that are well; each host has an address of loopback. */
export function receivers(): Receiver[] {
  let serial = 0;
  const make = (
    kind: Kind,
    count: number,
    of: (i: number) => Omit<Receiver, 'domain' | 'kind' | 'hosts'> & { hosts: number },
  ) =>
    Array.from({ length: count }, (_, i): Receiver => {
      const { hosts, ...more } = of(i);
      const domain = `${kind}${i}.test`;
      serial += 1;
      return {
        ...more,
        domain,
        kind,
        hosts: Array.from({ length: hosts }, (_, n) => ({
          host: `mx${n}.${domain}`,
          address: `127.9.${serial}.${n + 1}`,
        })),
      };
    });
  return [
    ...make('well', 5, () => ({ about: 'well', meeting: undefined, finalMs: 0, hosts: 1 })),
    ...make('slow', 5, (i) => ({ ...pick(slowness, i), hosts: 1 })),
    ...make('dead', 20, (i) => ({ ...pick(deaths, i), finalMs: 0 })),
  ];
}

function pick<T>(list: readonly T[], i: number): T {
  const one = list[i % list.length];
  if (one === undefined) throw new Error('an empty list');
  return one;
}

export function zoneOf(all: readonly Receiver[]): Zone {
  return Object.fromEntries(
    all.flatMap(({ domain, hosts }): [string, Zone[string]][] => [
      [domain, { MX: hosts.map(({ host }) => ({ exchange: host, priority: 1 })) }],
      ...hosts.map(({ host, address }): [string, Zone[string]] => [host, { A: [address] }]),
    ]),
  );
}
