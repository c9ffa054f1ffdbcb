/// <reference path="./mailauth-dkim.d.ts" />
import { once } from 'node:events';
import { DkimSigner, type ParsedHeaders } from 'mailauth/lib/dkim/dkim-signer.js';
import type { DkimKey } from '#domain/node-contract.ts';
import { oversignedFields, signedFields } from '../../smtp-node/signing/dkim.ts';

/**
 * Names what is over-signed at the end of `h=`. A name without a field adds nothing to the hash, so it is enough to
 * write it there.
 */
class OversigningSigner extends DkimSigner {
  override async messageHeaders(headers: ParsedHeaders): Promise<void> {
    const named = [...oversignedFields, ...signedFields].map((name) => name.toLowerCase());
    // mailauth names fields from the bottom up, so the topmost is the last of them.
    const top = headers.parsed.find((field) => named.includes(field.key ?? ''));
    const present = signedFields.filter((name) =>
      headers.parsed.some(({ key }) => key === name.toLowerCase()),
    );
    if (top) top.casedKey = [top.casedKey ?? '', ...oversignedFields, ...present].join(': ');
    await super.messageHeaders(headers);
  }
}

/** The DKIM-Signature fields that mailauth makes, one each key; its errors when it makes none. */
export async function signByMailauth(
  message: Buffer,
  signingDomain: string,
  keys: readonly DkimKey[],
  signTime: Date,
): Promise<string[]> {
  const signer = new OversigningSigner({
    headerList: [...oversignedFields, ...signedFields],
    signTime,
    strict: true,
    signatureData: keys.map((key) => ({ ...key, signingDomain, canonicalization: 'relaxed/relaxed' })),
  });
  signer.end(message);
  await once(signer, 'finish');
  const [error] = signer.errors;
  if (error) throw error.err;
  return signer.signatureHeaders;
}
