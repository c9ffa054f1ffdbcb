import type { z } from 'zod';
import { limits, tooLarge } from '#domain/message/submission.ts';
import { Problem } from '#domain/problem.ts';
import { type Call, invalidBody } from './app.ts';
import { forgiving } from './forgiving.ts';
import { jsonShapeFault } from './json-shape.ts';

/** JSON that carries messages has attachments as base64, so its limit is a third above that of a message. */
export const messageJsonBytes = Math.ceil((limits.messageBytes * 4) / 3) + 1024 * 1024;
/** JSON that carries no message. */
const plainJsonBytes = 1024 * 1024;

/** As much of a refused body is read to its end; whoever sends more is cut off. */
const drainBytes = 64 * 1024 * 1024;
/** Of nobody who is known, only as much: reading costs, whoever sends. */
export const strangersBytes = 1024 * 1024;

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
  if (saidBytes(c) > maxBytes) {
    await drain(c);
    throw refusal();
  }
  // What is framed by its length (RFC 9112 §6.2) ends there: it is taken at once, which costs less than piece by piece.
  if (saidBytes(c) > 0 && c.req.header('Transfer-Encoding') === undefined) {
    const whole = new Uint8Array(await c.req.raw.arrayBuffer());
    if (whole.length > maxBytes) throw refusal();
    return whole;
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of c.req.raw.body ?? []) {
    size += chunk.length;
    if (size <= maxBytes) chunks.push(chunk);
    else if (size > drainBytes) break;
    else chunks.length = 0;
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
export async function drain(c: Call, most = drainBytes): Promise<void> {
  const { body } = c.req.raw;
  if (!body || body.locked || c.req.raw.bodyUsed || saidBytes(c) > most) return;
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > most) return;
  }
}

/** What Content-Length says; 0 when it says nothing (RFC 9112 §6.3: the body may be chunked). */
function saidBytes(c: Call): number {
  return Number(c.req.header('Content-Length') ?? 0);
}

/** The JSON of a body; throws 415, 413 or 400. */
export async function readJson(c: Call, maxBytes = plainJsonBytes): Promise<unknown> {
  if (mediaType(c) !== 'application/json') {
    throw new Problem('unsupported_media_type', 'Send the body as "Content-Type: application/json".');
  }
  const bytes = await readBytes(c, maxBytes, () =>
    maxBytes === messageJsonBytes
      ? tooLarge(null)
      : new Problem('too_large', `The body may have at most ${maxBytes} bytes.`),
  );
  const fault = jsonShapeFault(bytes);
  if (fault) {
    throw new Problem('invalid_body', `The body ${fault}.`, { errors: [{ pointer: '/', detail: fault }] });
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch {
    throw new Problem('invalid_json', 'The body is not valid JSON (RFC 8259).', {
      errors: [{ pointer: '/', detail: 'must be JSON in UTF-8' }],
    });
  }
}

/** What a body says, by its schema; throws 400 when it does not fit. */
export function parseBody<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const parsed = schema.safeParse(forgiving(schema, value));
  if (!parsed.success) throw invalidBody(parsed.error.issues);
  return parsed.data;
}

/**
 * Reads a body that carries no message, by its schema; throws 415, 413 or 400. In a change nothing is left out for the
 * caller: a null there is a value that somebody meant.
 */
export async function readBody<T extends z.ZodType>(c: Call, schema: T): Promise<z.output<T>> {
  const value = await readJson(c);
  if (c.req.method !== 'PATCH') return parseBody(schema, value);
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw invalidBody(parsed.error.issues);
  return parsed.data;
}
