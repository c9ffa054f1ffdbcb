import { Readable } from 'node:stream';
import { createSeal } from 'mailauth/lib/arc/index.js';
import type { DkimKey, LeasedDelivery } from '#domain/node-contract.ts';
import type { DkimSigner, SigningResult } from './dkim.ts';
import { withCrlf } from './line-ends.ts';
import { digestMessage } from './message-digest.ts';
import { type RawSource, readRaw } from './raw-source.ts';

/** Who signs what, and when. */
export interface Signing {
  domain: string;
  keys: readonly DkimKey[];
  now: Date;
}

type Forward = NonNullable<LeasedDelivery['forward']>;

/**
 * Makes the fields that go before a message which was received and is sent on: an ARC set (RFC 8617) with what was
 * found on arrival, and below it DKIM signatures where From is ours. A message that cannot be sealed goes without: to
 * receivers that look at no chain it is the same. The recipients of a message share its fields.
 */
export class ForwardSealer {
  readonly #signer: Pick<DkimSigner, 'sign'>;
  readonly #hostName: string;
  readonly #shared = new WeakMap<RawSource, Promise<SigningResult>>();

  /** @param hostName who found that out: the authserv-id (RFC 8601 §2.5) */
  constructor(signer: Pick<DkimSigner, 'sign'>, hostName: string) {
    this.#signer = signer;
    this.#hostName = hostName;
  }

  /** Rejects only when the source cannot be read. */
  seal(raw: RawSource, signing: Signing, forward: Forward): Promise<SigningResult> {
    const result = this.#shared.get(raw) ?? this.#seal(raw, signing, forward);
    this.#shared.set(raw, result);
    return result;
  }

  async #seal(raw: RawSource, signing: Signing, forward: Forward): Promise<SigningResult> {
    const signed = forward.signs
      ? await this.#signer.sign(raw, signing.domain, signing.keys, signing.now)
      : await unsigned(raw);
    if (signed.kind !== 'signed' || !forward.seal) return signed;
    const set = await this.#arcSet(raw, signed.header, signing, forward.seal);
    return { ...signed, header: set + signed.header };
  }

  /** Empty when there is no key, or the chain that the message has takes no further set. */
  async #arcSet(
    raw: RawSource,
    header: string,
    { domain, keys, now }: Signing,
    { results, cv }: NonNullable<Forward['seal']>,
  ): Promise<string> {
    // RFC 8617 §4.1.3 knows no other algorithm than that of RSA
    const key = keys.find(({ algorithm }) => algorithm === 'rsa-sha256');
    if (!key) return '';
    const { headers } = await createSeal(Readable.from(content(raw, header)), {
      strict: true,
      seal: {
        signingDomain: domain,
        selector: key.selector,
        privateKey: key.privateKey,
        signTime: now,
        authResults: `${this.#hostName};\r\n ${results.replaceAll('; ', ';\r\n ')}`,
        cv,
      },
    });
    return headers.map((field) => `${field}\r\n`).join('');
  }
}

async function unsigned(raw: RawSource): Promise<SigningResult> {
  const { header, sizeBytes } = await digestMessage(raw);
  return { kind: 'signed', header: '', selectors: [], sizeBytes, headerIsUtf8: header.isUtf8 };
}

async function* content(raw: RawSource, header: string): AsyncGenerator<Buffer> {
  if (header !== '') yield Buffer.from(header);
  yield* withCrlf(readRaw(raw));
}
