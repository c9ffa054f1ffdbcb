import { Problem } from '#domain/problem.ts';
import { limits } from '#domain/submission.ts';
import { tooLarge } from '../intake/accept.ts';
import type { Call } from './app.ts';

/** JSON carries attachments as base64, so its limit is a third above that of a message. */
const jsonBytes = Math.ceil((limits.messageBytes * 4) / 3) + 1024 * 1024;

/** As much of a refused body is read to its end; whoever sends more is cut off. */
const drainBytes = 64 * 1024 * 1024;

/** The media type without parameters, in lower case. */
export function mediaType(c: Call): string {
  return (c.req.header('Content-Type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

/**
 * The body's bytes; throws 413 when there are more than allowed, whatever Content-Length says.
 * @param refusal says so of what is no message
 */
export async function readBytes(
  c: Call,
  maxBytes: number,
  refusal: () => Problem = () => tooLarge(null),
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of c.req.raw.body ?? []) {
    size += chunk.length;
    if (size <= maxBytes) chunks.push(chunk);
    else if (size > drainBytes) break;
  }
  if (size > maxBytes) throw refusal();
  if (chunks.length === 1 && chunks[0]) return chunks[0];
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/**
 * Reads what is left of a body and forgets it: a refusal before the body's end would reset the connection under
 * a client that is still sending, and it would never read why.
 */
export async function drain(c: Call): Promise<void> {
  const { body } = c.req.raw;
  if (!body || body.locked || c.req.raw.bodyUsed) return;
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > drainBytes) return;
  }
}

/** The body's bytes and the JSON in them; throws 415, 413 or 400. */
export async function readJson(c: Call): Promise<{ bytes: Uint8Array; value: unknown }> {
  if (mediaType(c) !== 'application/json') {
    throw new Problem('unsupported_media_type', 'Send the body as "Content-Type: application/json".');
  }
  const bytes = await readBytes(c, jsonBytes);
  try {
    return {
      bytes,
      value: JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)),
    };
  } catch {
    throw new Problem('invalid_json', 'The body is not valid JSON (RFC 8259).', {
      errors: [{ pointer: '/', detail: 'must be JSON in UTF-8' }],
    });
  }
}
