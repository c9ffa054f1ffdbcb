import { hostFault } from '#domain/dns/public-address.ts';
import type { MessageId } from '#domain/message/ids.ts';
import {
  formatLinkToken,
  type LinkPurpose,
  type LinkToken,
  linkPaths,
  parseLinkToken,
  signedLink,
} from '#domain/message/tracking.ts';
import { shownScope } from '#domain/suppression/scope.ts';
import { newestMac, verifyMac } from './keyed-mac.ts';

/** Makes the links of one delivery. */
export interface LinkSigner {
  pixel(): Promise<string>;
  /** @param target an absolute URL in ASCII */
  click(target: string): Promise<string>;
  /** @param scope in which it unsubscribes, see `domain/suppression/scope.ts`; null: the sending domain */
  unsubscribe(scope: string | null): Promise<string>;
}

/** Where links of a mail lead. */
export interface LinkOrigin {
  /** Where this Worker is reached, see `originOf`; with `linkHost`, that. */
  origin: string;
  /** The host of the sender's own that clicks are bound to; left out: they are good wherever this Worker is reached. */
  linkHost?: string;
}

/**
 * What a click signs beside its delivery: the target, and the link host that it is written with. A link of one account
 * leads nowhere from the host of another, so that nobody's good name opens what strangers link to.
 */
function boundTarget(target: string, linkHost: string | undefined): string {
  // No target has a space: addresses are percent-encoded.
  return linkHost === undefined ? target : `${linkHost} ${target}`;
}

/** A signer with the newest of the keys. */
export async function linkSigner(
  { origin, linkHost, keys }: LinkOrigin & { keys: readonly Uint8Array[] },
  of: { messageId: MessageId; n: number },
): Promise<LinkSigner> {
  const mac = await newestMac(keys);
  const link = async (purpose: LinkPurpose, target: string) => {
    const bytes = signedLink(purpose, of, target);
    if (!bytes) throw new Error('a target must be ASCII');
    return `${origin}${linkPaths[purpose]}${formatLinkToken({ ...of, mac: await mac(bytes) })}`;
  };
  return {
    pixel: async () => `${await link('open', '')}.gif`,
    click: async (target) =>
      `${await link('click', boundTarget(target, linkHost))}?u=${encodeURIComponent(target)}`,
    unsubscribe: async (scope) => {
      const target = scope === null ? '' : scopeTarget(shownScope(scope));
      return `${await link('unsubscribe', target)}${target === '' ? '' : `?scope=${target}`}`;
    },
  };
}

/** What a link signs of the scope in its address. @param given as the address has it, decoded; undefined: none */
export function scopeTarget(given: string | undefined): string {
  return encodeURIComponent((given ?? '').toWellFormed());
}

/** The delivery that a link is about; null when none of the keys made it for this purpose and target. */
export async function verifyLink(
  purpose: LinkPurpose,
  text: string,
  target: string,
  keys: readonly Uint8Array[],
): Promise<LinkToken | null> {
  const token = parseLinkToken(text);
  const bytes = token && signedLink(purpose, token, target);
  return bytes && (await verifyMac(keys, bytes, token.mac)) ? token : null;
}

/** The same of a click. @param linkHost the host that it must be bound to; left out: it is bound to none */
export async function verifyClick(
  text: string,
  target: string,
  keys: readonly Uint8Array[],
  linkHost?: string,
): Promise<LinkToken | null> {
  return await verifyLink('click', text, boundTarget(target, linkHost), keys);
}

/**
 * The origin of links in a mail: that of the request which brings it. It reached this Worker, so it is a public name
 * of it, and whoever runs several chooses by the one they send to; only the holder of a key can choose, and only for
 * mail of their own. Mail outlives a visit and passes other people's networks, so it is https wherever the host is a
 * public one; what is not (`npm start` on one machine) has no certificate.
 */
export function originOf(url: string): string {
  const { protocol, host, hostname } = new URL(url);
  return `${hostFault(hostname) === null ? 'https:' : protocol}//${host}`;
}
