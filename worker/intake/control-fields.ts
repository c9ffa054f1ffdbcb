import { Buffer } from 'node:buffer';
import { streamOfPostmark } from '#domain/event-formats/postmark.ts';
import { isAscii } from '#domain/message/address.ts';
import { classNames, type MailClass } from '#domain/message/class.ts';
import { layoutField } from '#domain/message/cloudmailin.ts';
import { fieldsNamed, type HeaderField } from '#domain/message/header.ts';
import { defaultStream, streamName } from '#domain/message/stream.ts';
import { type Handling, limits, sendAtFault } from '#domain/message/submission.ts';
import type { TlsWish } from '#domain/message/tls-wish.ts';
import { Problem } from '#domain/problem.ts';
import { readTime } from '#domain/time.ts';

/** A header field that names a layout. */
export interface NamedLayout {
  field: string;
  name: string;
}

/** The problem of a whole message: what is wrong, and in which field. */
export function invalid(detail: string, pointer: string): Problem {
  return new Problem('invalid_message', detail, { errors: [{ pointer, detail }] });
}

/** Control fields: what they set. The spellings of other services mean the same. */
const controlNames = {
  class: ['x-pennypost-class', 'x-cloudmta-class'],
  tags: ['x-pennypost-tags', 'x-cloudmta-tags', 'x-pm-tag'],
  stream: ['x-pennypost-stream', 'x-pm-message-stream'],
  idempotencyKey: ['x-pennypost-idempotency-key', 'resend-idempotency-key'],
  sendAt: ['x-pennypost-send-at'],
  layout: ['x-pennypost-layout', layoutField],
};
const metadataPrefixes = ['x-pennypost-metadata-', 'x-postscale-metadata-', 'x-pm-metadata-'];
/** What is said to a service is not for the recipient, known here or not. */
const servicePrefixes = [...metadataPrefixes, 'x-postscale-', 'x-cloudmta-', 'x-pm-'];

/** Whether a field is taken out before the message leaves. */
export function isControl(field: HeaderField): boolean {
  const name = field.name.toLowerCase();
  return (
    servicePrefixes.some((prefix) => name.startsWith(prefix)) ||
    Object.values(controlNames).flat().includes(name)
  );
}

/**
 * What the control fields of a message say.
 * @param required what is asked for beside the header; null: nothing
 * @throws Problem 400 that names the field
 */
export function readControl(
  fields: HeaderField[],
  required: TlsWish | null,
  nowMs: number,
): { handling: Handling; idempotencyKey: string | null; layout: NamedLayout | null } {
  const last = (names: string[]) => {
    const field = names.flatMap((name) => fieldsNamed(fields, name)).at(-1);
    return field ? { name: field.name, value: utf8(field.value) } : null;
  };
  const mailClass = last(controlNames.class);
  if (mailClass && !(classNames as readonly string[]).includes(mailClass.value.toLowerCase())) {
    throw invalid(
      `${mailClass.name} must be one of ${classNames.join(', ')}, not "${mailClass.value.slice(0, 64)}"`,
      mailClass.name,
    );
  }
  const sendAt = last(controlNames.sendAt);
  const due = sendAt ? readTime(sendAt.value) : null;
  const fault = due === null ? null : sendAtFault(due, nowMs);
  if (sendAt && fault) throw invalid(`${sendAt.name} ${fault}`, sendAt.name);
  const key = last(controlNames.idempotencyKey);
  if (key && (key.value === '' || key.value.length > limits.idempotencyKeyCharacters)) {
    throw invalid(`${key.name} must have 1 to ${limits.idempotencyKeyCharacters} characters`, key.name);
  }
  const layout = last(controlNames.layout);
  return {
    handling: {
      class: (mailClass?.value.toLowerCase() ?? 'standard') as MailClass,
      stream: readStream(last(controlNames.stream)),
      tags: readTags(last(controlNames.tags)),
      metadata: readMetadata(fields),
      sendAtMs: typeof due === 'number' ? due : null,
      testMode: false,
      tls: required ?? tlsWishOf(fields),
    },
    idempotencyKey: key?.value ?? null,
    layout: layout && layout.value !== '' ? { field: layout.name, name: layout.value } : null,
  };
}

/** RFC 8689 §5: the field stays in the message, for the hosts that it passes later. */
function tlsWishOf(fields: HeaderField[]): TlsWish {
  const [field] = fieldsNamed(fields, 'tls-required');
  return field?.value.trim().toLowerCase() === 'no' ? 'optional' : 'policy';
}

function readStream(field: { name: string; value: string } | null): string {
  if (field === null) return defaultStream;
  const given = field.value.trim();
  if (/^x-pm-/i.test(field.name)) return streamOfPostmark(given);
  const { data, error } = streamName.safeParse(given);
  if (data === undefined) throw invalid(`${field.name} ${error?.issues[0]?.message}`, field.name);
  return data;
}

function readTags(field: { name: string; value: string } | null): string[] {
  const tags = (field?.value ?? '')
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
  if (tags.length > limits.tags || tags.some((tag) => tag.length > limits.tagCharacters)) {
    throw invalid(
      `at most ${limits.tags} tags of at most ${limits.tagCharacters} characters`,
      field?.name ?? 'tags',
    );
  }
  return tags;
}

function readMetadata(fields: HeaderField[]): Record<string, string> {
  const metadata: Record<string, string> = {};
  for (const field of fields) {
    const name = field.name.toLowerCase();
    const prefix = metadataPrefixes.find((one) => name.startsWith(one));
    if (prefix === undefined) continue;
    const key = field.name.slice(prefix.length);
    const value = utf8(field.value);
    if (
      key === '' ||
      key.length > limits.metadataKeyCharacters ||
      value.length > limits.metadataValueCharacters
    ) {
      throw invalid(
        `a metadata key has 1 to ${limits.metadataKeyCharacters} characters, its value at most ${limits.metadataValueCharacters}`,
        field.name,
      );
    }
    metadata[key] = value;
  }
  if (Object.keys(metadata).length > limits.metadataKeys) {
    throw invalid(`at most ${limits.metadataKeys} metadata fields`, metadataPrefixes[0] ?? '');
  }
  return metadata;
}

/** Latin1 text read as UTF-8 (RFC 6532) where it is not ASCII. */
export function utf8(value: string): string {
  return isAscii(value) ? value : Buffer.from(value, 'latin1').toString('utf8');
}
