/// <reference path="./mailauth-dkim.d.ts" />
import { once } from 'node:events';
import { domainToASCII } from 'node:url';
import { DkimSigner, type ParsedHeaders } from 'mailauth/lib/dkim/dkim-signer.js';
import type { DkimKey } from '#domain/node-contract.ts';
import { withCrlf } from './line-ends.ts';
import { type RawSource, readRaw } from './raw-source.ts';

/**
 * Fields that are signed when present (RFC 6376 §5.4.1 and, for the list fields, RFC 8058 §4). Those a relay adds
 * or changes (Received, Return-Path) are not among them.
 */
export const signedFields = [
  'From',
  'To',
  'Cc',
  'Subject',
  'Date',
  'Message-ID',
  'Reply-To',
  'MIME-Version',
  'Content-Type',
  'List-Unsubscribe',
  'List-Unsubscribe-Post',
  'Feedback-ID',
] as const;

export type SigningResult =
  | {
      kind: 'signed';
      /** DKIM-Signature fields, each ending in CRLF, to be put before the message. */
      header: string;
      selectors: string[];
      /** Octets of the message with CRLF line ends, signatures not counted. */
      sizeBytes: number;
      /** Every header field is ASCII, so the header needs no SMTPUTF8. */
      headerIsAscii: boolean;
    }
  /** At least one key gave no signature. Such a message is never sent. */
  | { kind: 'unsignable'; text: string };

/**
 * Signs with every key in one pass over the message (RSA and Ed25519 share the body hash; RFC 8463 §3), relaxed
 * in header and body. A file is streamed. Keys are parsed anew each time, which mailauth wants as PEM: 0.1 ms
 * beside 1 ms for an RSA signature.
 * @param now the time of `t=`
 * @returns a value for every fault of keys or message; rejects only when the source cannot be read
 */
export async function signDkim(
  raw: RawSource,
  signingDomain: string,
  keys: readonly DkimKey[],
  now: Date,
): Promise<SigningResult> {
  if (keys.length === 0) return { kind: 'unsignable', text: `there is no DKIM key for ${signingDomain}` };
  const signer = new OversigningSigner({
    headerList: signedFields,
    signTime: now,
    // Refuses short RSA keys (RFC 8301 §3.2) and bad domains or selectors instead of warning of them.
    strict: true,
    signatureData: keys.map((key) => ({
      signingDomain: domainToASCII(signingDomain),
      selector: key.selector,
      privateKey: key.privateKey,
      algorithm: key.algorithm,
      canonicalization: 'relaxed/relaxed',
    })),
  });
  let sizeBytes = 0;
  const finished = once(signer, 'finish');
  finished.catch(() => undefined);
  try {
    for await (const chunk of withCrlf(readRaw(raw))) {
      sizeBytes += chunk.length;
      if (!signer.write(chunk)) await Promise.race([once(signer, 'drain'), finished]);
    }
    signer.end();
    await finished;
  } finally {
    signer.destroy();
  }

  // mailauth does not throw when a signature cannot be made; it says so here, or leaves it out.
  const [error] = signer.errors;
  if (error) {
    return { kind: 'unsignable', text: `DKIM key ${error.selector ?? ''} cannot sign: ${error.err.message}` };
  }
  const selectors = signer.signatureHeaders.map((line) => /[;\s]s=([^;\s]+)/.exec(line)?.[1] ?? '');
  const missing = keys.find((key) => !selectors.includes(key.selector));
  if (missing || signer.signatureHeaders.length !== keys.length) {
    return { kind: 'unsignable', text: `DKIM key ${missing?.selector ?? ''} gave no signature` };
  }
  const header = signer.signatureHeaders.map((line) => `${line}\r\n`).join('');
  return { kind: 'signed', header, selectors, sizeBytes, headerIsAscii: signer.headerIsAscii };
}

/**
 * Names From once more in `h=` than the message has it, so that a From added on the way breaks the signature
 * (RFC 6376 §5.4.2, §8.15). A name without a field adds nothing to the hash, so it is enough to write it there.
 */
class OversigningSigner extends DkimSigner {
  headerIsAscii = true;

  override async messageHeaders(headers: ParsedHeaders): Promise<void> {
    this.headerIsAscii = headers.original.every((byte) => byte < 0x80);
    // Fields are named from the bottom up; the topmost From is the last of them.
    const from = headers.parsed.find((field) => field.key === 'from');
    if (from) from.casedKey = `${from.casedKey ?? 'From'}: From`;
    await super.messageHeaders(headers);
  }
}
