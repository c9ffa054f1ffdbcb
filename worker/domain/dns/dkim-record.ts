/** A DKIM key record: the TXT at `<selector>._domainkey.<domain>` (RFC 6376 §3.6.1). */
export interface DkimRecord {
  /** `rsa`, `ed25519` or another. */
  keyType: string;
  /** Base64 without white space; empty: the key is revoked. */
  publicKey: string;
  /** Hash algorithms that are allowed; null: all. */
  hashes: string[] | null;
  services: string[];
  flags: string[];
}

/**
 * Reads a key record.
 * @returns the record, or a sentence that says what is wrong
 */
export function parseDkimRecord(text: string): DkimRecord | string {
  const tags = parseTagList(text);
  if (typeof tags === 'string') return tags;
  const version = tags.get('v');
  // §3.6.1: v= is optional, but when there it is the first tag and has this very value
  if (version !== undefined && (version !== 'DKIM1' || [...tags.keys()][0] !== 'v')) {
    return 'its "v" tag must come first and be DKIM1';
  }
  const publicKey = tags.get('p')?.replace(/\s+/g, '');
  if (publicKey === undefined) return 'it has no "p" tag';
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(publicKey)) return 'its "p" tag is not base64';
  const list = (name: string) =>
    tags
      .get(name)
      ?.split(':')
      .map((one) => one.trim().toLowerCase()) ?? null;
  return {
    keyType: tags.get('k')?.toLowerCase() ?? 'rsa',
    publicKey,
    hashes: list('h'),
    services: list('s') ?? ['*'],
    flags: list('t') ?? [],
  };
}

/** A tag-list (RFC 6376 §3.2): tags in their order, values with their inner white space. Names are unique. */
export function parseTagList(text: string): Map<string, string> | string {
  const tags = new Map<string, string>();
  const parts = text.split(';');
  if (parts.length > 1 && parts.at(-1)?.trim() === '') parts.pop();
  for (const part of parts) {
    const [, name, value] = /^\s*([A-Za-z][A-Za-z0-9_]*)\s*=([\s\S]*)$/.exec(part) ?? [];
    if (name === undefined || value === undefined) return `"${part.trim().slice(0, 60)}" is not a tag`;
    if (tags.has(name)) return `its "${name}" tag is there twice`;
    tags.set(name, value.trim());
  }
  return tags;
}

/** The record of a key. */
export function formatDkimRecord(key: {
  algorithm: 'rsa-sha256' | 'ed25519-sha256';
  publicKey: string;
}): string {
  return `v=DKIM1; k=${keyTypeOf(key.algorithm)}; p=${key.publicKey}`;
}

/** The `k=` value of an algorithm (RFC 6376 §3.6.1, RFC 8463 §4). */
export function keyTypeOf(algorithm: 'rsa-sha256' | 'ed25519-sha256'): 'rsa' | 'ed25519' {
  return algorithm === 'rsa-sha256' ? 'rsa' : 'ed25519';
}

/** What keeps a record from verifying signatures made with a key; null when nothing does. */
export function dkimFault(
  text: string,
  key: { algorithm: 'rsa-sha256' | 'ed25519-sha256'; publicKey: string },
): string | null {
  const record = parseDkimRecord(text);
  if (typeof record === 'string') return record;
  if (record.publicKey === '') return 'it is revoked: its "p" tag is empty';
  if (record.keyType !== keyTypeOf(key.algorithm)) return `it is for ${record.keyType} keys`;
  if (withoutPadding(record.publicKey) !== withoutPadding(key.publicKey)) return 'it holds another key';
  if (record.hashes !== null && !record.hashes.includes('sha256')) return 'its "h" tag does not allow sha256';
  if (!record.services.some((service) => service === '*' || service === 'email')) {
    return 'its "s" tag does not allow email';
  }
  return null;
}

function withoutPadding(base64: string): string {
  return base64.replace(/=+$/, '');
}
