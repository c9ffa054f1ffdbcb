import { domainToASCII } from 'node:url';
import { domainFault } from '#domain/message/address.ts';
import type { AddedField } from '#domain/message/feedback.ts';
import { foldField } from '#domain/message/fold.ts';
import type { DkimKey } from '#domain/node-contract.ts';
import { errorText } from '../outbound/failures.ts';
import { type CanonicalField, canonicalHeader, relaxedValue } from './canonical-header.ts';
import { digestMessage, type MessageDigest } from './message-digest.ts';
import type { RawSource } from './raw-source.ts';
import { type SigningKey, SigningKeys } from './signing-key.ts';

/**
 * Fields that are signed, and named once more than the message has them, so that one added on the way breaks the
 * signature (RFC 6376 §5.4.2, §8.15): readers show the first of two, verifiers look at the last. Those a relay adds or
 * changes (Received, Return-Path) are not among them.
 */
export const oversignedFields = [
  'From', 'To', 'Cc', 'Subject', 'Date', 'Reply-To', 'Message-ID', 'MIME-Version', 'Content-Type',
] as const; // biome-ignore format: one line reads better

/** Fields that are signed likewise when they are there (RFC 8058 §4, RFC 9477 §3.1); a mailing list may add its own. */
export const signedFields = [
  'List-Unsubscribe', 'List-Unsubscribe-Post', 'Feedback-ID', 'CFBL-Address', 'CFBL-Feedback-ID',
] as const; // biome-ignore format: one line reads better

export type SigningResult =
  | {
      kind: 'signed';
      /** DKIM-Signature fields and those that were added, each ending in CRLF, to be put before the message. */
      header: string;
      selectors: string[];
      /** Octets of the message with CRLF line ends, `header` not counted. */
      sizeBytes: number;
      /** The header section is UTF-8 and not just ASCII: what SMTPUTF8 is about (RFC 6532 §3). */
      headerIsUtf8: boolean;
    }
  /** At least one key gave no signature. Such a message is never sent. */
  | { kind: 'unsignable'; text: string };

/** RFC 6376 §3.5: `t=` has up to twelve digits. */
const mostTimestamp = 999_999_999_999;

/**
 * Signs messages, relaxed in header and body, with every key (RSA and Ed25519 share the body hash; RFC 8463 §3). The
 * recipients of a message who share its bytes share its signatures too.
 */
export class DkimSigner {
  readonly #keys = new SigningKeys();
  readonly #shared = new WeakMap<RawSource, Map<string, Promise<SigningResult>>>();

  /**
   * @param now the time of `t=`; that of the first who asked, for whoever shares its result
   * @param fields to be put before the message and signed; one that the message has of its own is left out
   * @returns a value for every fault of keys or message; rejects only when the source cannot be read
   */
  sign(
    raw: RawSource,
    domain: string,
    keys: readonly DkimKey[],
    now: Date,
    fields: readonly AddedField[] = [],
  ): Promise<SigningResult> {
    const results = this.#shared.get(raw) ?? new Map<string, Promise<SigningResult>>();
    this.#shared.set(raw, results);
    let name = domain;
    for (const key of keys) name += `\0${key.selector}\0${key.algorithm}\0${this.#keys.numberOf(key)}`;
    for (const field of fields) name += `\0${field.name}\0${field.value}`;
    const result = results.get(name) ?? this.#sign(raw, domain, keys, now, fields);
    results.set(name, result);
    return result;
  }

  async #sign(
    raw: RawSource,
    domain: string,
    keys: readonly DkimKey[],
    now: Date,
    fields: readonly AddedField[],
  ): Promise<SigningResult> {
    const unsignable = (text: string): SigningResult => ({ kind: 'unsignable', text });
    if (keys.length === 0) return unsignable(`there is no DKIM key for ${domain}`);
    const signingDomain = domainToASCII(domain);
    const timestamp = Math.floor(now.getTime() / 1000);
    if (domainFault(signingDomain) !== null) return unsignable(`Invalid d= value ${JSON.stringify(domain)}`);
    if (!(timestamp >= 0 && timestamp <= mostTimestamp)) return unsignable('the time fits in no t= tag');
    const digest = await digestMessage(raw);
    if (!digest.header.fields.some(({ key }) => key === 'from')) {
      return unsignable('Can not sign a message that has no From header');
    }
    const added = textOf(fields, digest);
    const covered = cover([...canonicalHeader(Buffer.from(added)).fields, ...digest.header.fields]);
    const signed = await Promise.all(
      keys.map(async (key) => {
        try {
          const about = { ...covered, bodyHash: digest.bodyHash, domain: signingDomain, timestamp };
          return { field: await signatureField(about, this.#keys.of(key)) };
        } catch (error) {
          return { fault: `DKIM key ${key.selector} cannot sign: ${errorText(error)}` };
        }
      }),
    );
    const fault = signed.find((one) => one.fault !== undefined)?.fault;
    if (fault !== undefined) return unsignable(fault);
    return {
      kind: 'signed',
      header: signed.map(({ field }) => field).join('') + added,
      selectors: keys.map(({ selector }) => selector),
      sizeBytes: digest.sizeBytes,
      headerIsUtf8: digest.header.isUtf8,
    };
  }
}

/** The fields that the message does not have, as they are put before it. */
function textOf(fields: readonly AddedField[], { header }: MessageDigest): string {
  return fields
    .filter(({ name }) => !header.fields.some(({ key }) => key === name.toLowerCase()))
    .map(({ name, value }) => foldField(name, value))
    .join('');
}

/** One DKIM-Signature field (RFC 6376 §3.5), folded, with its CRLF. */
async function signatureField(
  of: Covered & { bodyHash: string; domain: string; timestamp: number },
  key: SigningKey,
): Promise<string> {
  const tags =
    `v=1; a=${key.algorithm}; c=relaxed/relaxed; d=${of.domain}; h=${of.names}; q=dns/txt; ` +
    `s=${key.selector}; t=${of.timestamp}; bh=${of.bodyHash}; b=`;
  // RFC 6376 §3.7: the field itself comes last, without a signature and without its CRLF.
  const signature = await key.sign(
    Buffer.from(`${of.canonical}dkim-signature:${relaxedValue(tags)}`, 'latin1'),
  );
  return foldField('DKIM-Signature', `${tags}${signature.replace(/.{72}(?=.)/g, '$& ')}`);
}

/** What a signature covers of a header, the same for each key. */
interface Covered {
  /** As `h=` has them. */
  names: string;
  /** The fields in relaxed canonicalization. */
  canonical: string;
}

const oversigned = new Set<string>(oversignedFields.map((name) => name.toLowerCase()));
const whenPresent = new Map<string, string>(signedFields.map((name) => [name.toLowerCase(), name]));

/** The fields that a signature covers, from the bottom up (RFC 6376 §5.4.2). */
function cover(fields: readonly CanonicalField[]): Covered {
  const covered = fields.filter(({ key }) => oversigned.has(key) || whenPresent.has(key)).reverse();
  const keys = new Set(covered.map(({ key }) => key));
  const present = [...whenPresent].flatMap(([key, name]) => (keys.has(key) ? name : []));
  return {
    names: [...covered.map(({ name }) => name), ...oversignedFields, ...present].join(': '),
    canonical: covered.map(({ relaxed }) => relaxed).join(''),
  };
}
