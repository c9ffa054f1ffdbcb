import { sha256Hex } from '../tokens/secret.ts';

/**
 * A text that is equal for the same mail however often and by whichever way it comes: relays add trace fields
 * above a mail and leave its Message-ID alone (RFC 5321 §6.4). A mail without one is known by its body.
 */
export async function fingerprintOf(kind: string, raw: Uint8Array): Promise<string> {
  const { header, body } = split(raw);
  const id = /^message-id[ \t]*:\s*(\S{1,512})/im.exec(header)?.[1];
  const hash = await sha256Hex(id === undefined ? body : new TextEncoder().encode(id));
  return `${kind} ${hash.slice(0, 32)}`;
}

const mostHeaderBytes = 65_536;

/** The header section as text, and all that follows the first empty line as bytes. */
function split(raw: Uint8Array): { header: string; body: Uint8Array } {
  const beginning = new TextDecoder('latin1').decode(raw.subarray(0, mostHeaderBytes));
  const end = /\r?\n\r?\n/.exec(beginning);
  if (!end) return { header: beginning, body: raw };
  return { header: beginning.slice(0, end.index), body: raw.subarray(end.index + end[0].length) };
}
