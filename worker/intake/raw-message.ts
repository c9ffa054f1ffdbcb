import { Buffer } from 'node:buffer';
import PostalMime, { decodeWords } from 'postal-mime';
import { isAscii, type Mailbox, parseMailbox } from '#domain/address.ts';
import { classNames, type MailClass } from '#domain/class.ts';
import {
  fieldsNamed,
  type HeaderField,
  headerField,
  joinMessage,
  type SplitMessage,
  singleAddress,
  splitMessage,
  toCrlf,
} from '#domain/header.ts';
import { type FieldError, Problem } from '#domain/problem.ts';
import {
  type Handling,
  isRefusedAttachment,
  limits,
  refusedAttachments,
  sendAtFault,
  timeOf,
} from '#domain/submission.ts';
import { untracked } from '#domain/tracking.ts';
import type { Draft } from './draft.ts';
import { asciiDomain, envelopeOf } from './recipient.ts';

/** A raw message with its envelope, as `POST /v1/send/raw` and SMTP submission bring it. */
export interface RawSubmission {
  bytes: Uint8Array;
  mailFrom: string;
  rcptTo: string[];
  source: 'raw' | 'smtp';
  nowMs: number;
}

/** A draft and the idempotency key that its header carried. */
export interface RawDraft extends Draft {
  idempotencyKey: string | null;
  /** What tells one submission from another, apart from fields that a client renews at each try. */
  fingerprintText: string;
}

/**
 * The draft of a raw message. The message is kept byte for byte apart from: control fields and Bcc taken out,
 * Message-ID and Date added where missing, line ends made CRLF. Recipients come from the envelope only.
 */
export async function rawDraftOf(submission: RawSubmission): Promise<RawDraft> {
  const recipients = envelopeOf(readEnvelope(submission), 'rcpt_to');
  const text = toCrlf(Buffer.from(submission.bytes).toString('latin1'));
  const message = split(text);
  const from = readFrom(message);
  const control = readControl(message.fields, submission.nowMs);
  await refuseAttachments(text, submission.bytes);
  const kept = message.fields.filter((field) => !isControl(field) && field.name.toLowerCase() !== 'bcc');
  return {
    source: submission.source,
    handling: control.handling,
    idempotencyKey: control.idempotencyKey,
    fingerprintText: fingerprintText(submission, message.fields, message.rest),
    fromDomain: from.domain,
    fromAddress: from.address,
    fromHeader: from.header.slice(0, shownCharacters),
    addressees: { to: addressees(message, 'to'), cc: addressees(message, 'cc') },
    subject: readable(fieldsNamed(message.fields, 'subject')[0]?.value ?? '').slice(
      0,
      limits.subjectCharacters,
    ),
    recipients,
    tracking: null,
    build: async ({ id, nowMs }) => {
      const fields = [...kept];
      const present = fieldsNamed(fields, 'message-id')[0]?.value;
      const messageIdHeader = present || `<${id}@${from.domain}>`;
      if (!present) fields.unshift(headerField('Message-ID', messageIdHeader));
      if (fieldsNamed(fields, 'date').length === 0) {
        fields.unshift(headerField('Date', new Date(nowMs).toUTCString().replace('GMT', '+0000')));
      }
      return {
        raw: joinMessage({ fields, rest: message.rest }),
        messageIdHeader: messageIdHeader.slice(0, shownCharacters),
        tracked: untracked,
      };
    },
  };
}

function invalid(detail: string, pointer: string): Problem {
  return new Problem('invalid_message', detail, { errors: [{ pointer, detail }] });
}

function readEnvelope(submission: RawSubmission): Mailbox[] {
  const errors: FieldError[] = [];
  const read = (address: string, pointer: string): Mailbox[] => {
    const parsed = parseMailbox(address);
    if (typeof parsed !== 'string') return [parsed];
    errors.push({ pointer, detail: parsed });
    return [];
  };
  // The sender of the envelope is replaced by our return path; `<>` is allowed and only has to be well formed.
  if (submission.mailFrom !== '') read(submission.mailFrom, 'mail_from');
  const recipients = submission.rcptTo.flatMap((address) => read(address, 'rcpt_to'));
  if (errors[0]) throw new Problem('invalid_address', `${errors[0].pointer} ${errors[0].detail}`, { errors });
  if (recipients.length === 0) {
    const detail = 'at least one recipient is required';
    throw new Problem('invalid_body', detail, { errors: [{ pointer: 'rcpt_to', detail }] });
  }
  return recipients;
}

function split(text: string): SplitMessage {
  if (text.includes('\0')) throw invalid('the message has a NUL byte (RFC 5322 §2.2)', 'body');
  const message = splitMessage(text);
  if (typeof message === 'string') throw invalid(message, 'header');
  if (text.length - message.rest.length > limits.headerBytes) {
    throw invalid(`the header has more than ${limits.headerBytes} bytes`, 'header');
  }
  return message;
}

function readFrom(message: SplitMessage): { address: string; domain: string; header: string } {
  const fields = fieldsNamed(message.fields, 'from');
  if (fields.length !== 1) {
    throw invalid(
      `the message must have exactly one From field, it has ${fields.length} (RFC 5322 §3.6)`,
      'From',
    );
  }
  const header = utf8(fields[0]?.value ?? '');
  const address = singleAddress(header);
  const parsed = address === null ? 'must hold exactly one mailbox' : parseMailbox(address);
  if (typeof parsed === 'string') throw invalid(`From ${parsed}`, 'From');
  const domain = asciiDomain(parsed.domain);
  return { address: `${parsed.localPart}@${domain}`, domain, header: readable(fields[0]?.value ?? '') };
}

/** Control fields: what they set. Both spellings mean the same. */
const controlNames = {
  class: ['x-pennypost-class', 'x-cloudmta-class'],
  tags: ['x-pennypost-tags', 'x-cloudmta-tags'],
  idempotencyKey: ['x-pennypost-idempotency-key'],
  sendAt: ['x-pennypost-send-at'],
};
const metadataPrefix = 'x-pennypost-metadata-';

function isControl(field: HeaderField): boolean {
  const name = field.name.toLowerCase();
  return name.startsWith(metadataPrefix) || Object.values(controlNames).flat().includes(name);
}

function readControl(
  fields: HeaderField[],
  nowMs: number,
): { handling: Handling; idempotencyKey: string | null } {
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
  const sendAtMs = sendAt ? timeOf(sendAt.value) : null;
  const fault = sendAtMs === null ? null : sendAtFault(sendAtMs, nowMs);
  if (sendAt && fault) throw invalid(`${sendAt.name} ${fault}`, sendAt.name);
  const key = last(controlNames.idempotencyKey);
  if (key && (key.value === '' || key.value.length > limits.idempotencyKeyCharacters)) {
    throw invalid(`${key.name} must have 1 to ${limits.idempotencyKeyCharacters} characters`, key.name);
  }
  return {
    handling: {
      class: (mailClass?.value.toLowerCase() ?? 'standard') as MailClass,
      tags: readTags(last(controlNames.tags)),
      metadata: readMetadata(fields),
      sendAtMs,
      testMode: false,
    },
    idempotencyKey: key?.value ?? null,
  };
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
    if (!field.name.toLowerCase().startsWith(metadataPrefix)) continue;
    const key = field.name.slice(metadataPrefix.length);
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
    throw invalid(`at most ${limits.metadataKeys} metadata fields`, metadataPrefix);
  }
  return metadata;
}

/** Deepest nest of attached messages that is looked into. */
const mostAttachedMessages = 20;

/** Refuses attachments by their names, those of attached messages too. */
async function refuseAttachments(text: string, bytes: Uint8Array, depth = 0): Promise<void> {
  if (!mayNameRefused(text)) return;
  const options = { maxNestingDepth: 50, maxHeadersSize: 2 * 1024 * 1024 };
  const parsed =
    depth > mostAttachedMessages ? null : await PostalMime.parse(bytes, options).catch(() => null);
  if (!parsed) throw invalid('the MIME parts are nested too deeply, or their headers are too large', 'body');
  for (const { filename, mimeType, content } of parsed.attachments) {
    if (filename && isRefusedAttachment(filename)) {
      throw invalid(
        `an attachment named "${filename}" is refused: no ${refusedAttachments.join(', ')}`,
        'attachments',
      );
    }
    if (mimeType === 'message/rfc822' && typeof content !== 'string') {
      const inner = new Uint8Array(content);
      await refuseAttachments(Buffer.from(inner).toString('latin1'), inner, depth + 1);
    }
  }
}

/** As much of an address field is kept to be shown. */
const shownCharacters = 2000;
const refusedInClear = new RegExp(`\\.(${refusedAttachments.join('|')})[. ]*["';\\s?]`, 'i');
/** A name with its value. Its matches do not overlap, so time grows with the text and not with its square. */
const nameParameter = /name\*|name\s{0,20}=\s{0,20}(?:"(?:[^"\\\r\n]|\r\n[ \t]|\\.)*|[^\s;"]*)/gi;

/**
 * Whether a message must be parsed because it could hold a refused name: in clear, in a form that must be decoded
 * (RFC 2047, RFC 2231, quoted pairs), or in an attached message.
 */
function mayNameRefused(text: string): boolean {
  if (!/name/i.test(text)) return false;
  if (refusedInClear.test(text) || /message\/rfc822/i.test(text)) return true;
  for (const [name] of text.matchAll(nameParameter)) {
    if (name.endsWith('*') || name.includes('=?') || name.includes('\\')) return true;
  }
  return false;
}

function addressees(message: SplitMessage, name: string): string[] {
  return fieldsNamed(message.fields, name)
    .slice(0, 10) // RFC 5322 §3.6 allows one; what is shown stays small
    .map((field) => readable(field.value).slice(0, shownCharacters));
}

/** A field's value for people: encoded words decoded. */
function readable(value: string): string {
  return decodeWords(utf8(value));
}

/** Latin1 text read as UTF-8 (RFC 6532) where it is not ASCII. */
function utf8(value: string): string {
  return isAscii(value) ? value : Buffer.from(value, 'latin1').toString('utf8');
}

function fingerprintText(submission: RawSubmission, fields: HeaderField[], rest: string): string {
  const renewed = ['date', 'message-id', 'received', 'x-mailer'];
  const stable = fields.filter((field) => !renewed.includes(field.name.toLowerCase()));
  const envelope = JSON.stringify([submission.mailFrom, submission.rcptTo]);
  return `${envelope}\n${stable.map((field) => field.raw).join('')}\n${rest}`;
}
