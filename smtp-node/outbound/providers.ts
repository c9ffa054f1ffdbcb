import { z } from 'zod';
import type { SmtpReply } from '#domain/delivery/outcome.ts';
import type { MxHost } from './mx-order.ts';

/** What a reply that speaks of us, not of one message, asks for. */
interface Reaction {
  /** Of the whole reply, `421 4.7.0 text`. */
  reply: RegExp;
  /** How long nothing is sent to any host of the provider; doubled while it goes on. */
  pauseSeconds: number;
  /** The provider's words on it. */
  source: string;
}

/** All hosts of one provider are one destination, whichever domain they take mail for. */
export interface Provider {
  name: string;
  /** Ends of the names of its MX hosts. */
  hosts: readonly string[];
  /** Attempts at once at all its hosts together. */
  attempts: number;
  reactions: readonly Reaction[];
}

const gmailErrors = 'https://support.google.com/a/answer/3726730';
const outlookErrors = 'https://sendersupport.olc.protection.outlook.com/pm/troubleshooting';
const exchangeErrors =
  'https://learn.microsoft.com/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/non-delivery-reports-in-exchange-online';
const yahooErrors = 'https://senders.yahooinc.com/smtp-error-codes/';

export const providers: readonly Provider[] = [
  {
    name: 'google',
    hosts: ['.google.com', '.googlemail.com'],
    attempts: 20,
    reactions: [
      // "unusual rate of unsolicited mail" from our address, our network or our domain
      { reply: /^421[ -]4\.7\.28\b/, pauseSeconds: 300, source: gmailErrors },
      // "receiving mail at a rate that …", said of us: 4.7.0 with a rate
      {
        reply: /^421[ -]4\.7\.0 .{0,120}(?:unusual rate|suspicious|try again later)/i,
        pauseSeconds: 120,
        source: gmailErrors,
      },
    ],
  },
  {
    name: 'microsoft-consumer',
    hosts: ['.olc.protection.outlook.com'],
    attempts: 10,
    reactions: [
      // on the block list of the provider: what is sent on meanwhile bounces
      { reply: /\bS3(?:140|150)\b/, pauseSeconds: 1800, source: outlookErrors },
      // rate limits by the reputation of our address
      { reply: /\bRP-00[123]\b|^451[ -]4\.7\.6[0-9]{2}\b/, pauseSeconds: 600, source: outlookErrors },
    ],
  },
  {
    name: 'microsoft-business',
    hosts: ['.protection.outlook.com', '.mx.microsoft'],
    attempts: 20,
    reactions: [{ reply: /^451[ -]4\.7\.(?:5|6)[0-9]{2}\b/, pauseSeconds: 300, source: exchangeErrors }],
  },
  {
    name: 'yahoo',
    hosts: ['.yahoodns.net'],
    attempts: 10,
    reactions: [
      // "unexpected volume or user complaints"
      { reply: /\[TSS0[1-9]\]|\[TS0[1-4]\]/, pauseSeconds: 900, source: yahooErrors },
    ],
  },
];

/** The provider that all the hosts belong to; null: none, or several. */
export function providerOf(hosts: readonly MxHost[], known: readonly Provider[]): Provider | null {
  const isOf = (provider: Provider) =>
    hosts.every(({ host }) => {
      const name = `.${host.toLowerCase().replace(/\.$/, '')}`;
      return provider.hosts.some((end) => name.endsWith(end));
    });
  return hosts.length > 0 ? (known.find(isOf) ?? null) : null;
}

/** How long a reply asks for a pause, seconds; null: it does not speak of us. */
export function pauseAsked(provider: Provider, reply: SmtpReply): number | null {
  const text = `${reply.code} ${reply.status === null ? '' : `${reply.status} `}${reply.text}`;
  return provider.reactions.find((reaction) => reaction.reply.test(text))?.pauseSeconds ?? null;
}

const end = z.string().regex(/^\.[a-z0-9.-]+$/, 'must be the end of a host name, such as .mx.example');
const overrides = z.record(
  z.string().min(1),
  z.strictObject({
    hosts: z.array(end).min(1).optional(),
    attempts: z.number().int().min(1).max(1000).optional(),
  }),
);

/**
 * The providers with what an operator says otherwise: an object by name, each with `attempts`, `hosts` or both; a new
 * name is a provider of its own.
 * @throws Error that says what is wrong with the text
 */
export function withOverrides(text: string): Provider[] {
  const own = overrides.parse(JSON.parse(text));
  const changed = providers.map((provider) => ({ ...provider, ...own[provider.name] }));
  const added = Object.entries(own)
    .filter(([name]) => providers.every((provider) => provider.name !== name))
    .map(([name, { hosts, attempts }]): Provider => {
      if (!hosts) throw new Error(`${name}: hosts are required for a provider that is not known`);
      return { name, hosts, attempts: attempts ?? 10, reactions: [] };
    });
  return [...added, ...changed];
}
