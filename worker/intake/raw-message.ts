import { Buffer } from 'node:buffer';
import { decodeWords } from 'postal-mime';
import { type Mailbox, parseMailbox } from '#domain/message/address.ts';
import { readAuthor } from '#domain/message/author.ts';
import { cleanHeader, headerFault, withoutMailboxLine } from '#domain/message/clean-header.ts';
import { foldField } from '#domain/message/fold.ts';
import {
  bareLineEnds,
  fieldsNamed,
  type HeaderField,
  headerField,
  joinMessage,
  type SplitMessage,
  splitMessage,
  toCrlf,
} from '#domain/message/header.ts';
import { limits, tooLarge } from '#domain/message/submission.ts';
import type { TlsWish } from '#domain/message/tls-wish.ts';
import { untracked } from '#domain/message/tracking.ts';
import { type FieldError, Problem } from '#domain/problem.ts';
import type { TemplateSource } from '../templates/named.ts';
import { attachedFault } from './attached-names.ts';
import { invalid, isControl, readControl, utf8 } from './control-fields.ts';
import type { Draft } from './draft.ts';
import { inLayout } from './raw-layout.ts';
import { envelopeOf } from './recipient.ts';
import { isOwnSender, type Sender, senderOf } from './sender.ts';

/** A raw message with its envelope, as `POST /v1/send/raw` and SMTP submission bring it. */
export interface RawSubmission {
  bytes: Uint8Array;
  mailFrom: string;
  rcptTo: string[];
  source: 'raw' | 'smtp';
  /** The host that took it from its client, for the trace field; null: it came by HTTP and gets none. */
  receivedBy: string | null;
  /** The client said SMTPUTF8. */
  smtpUtf8: boolean;
  /** Whose layouts its header may name; null: nobody's. */
  layouts: TemplateSource | null;
  /** It is to be sent over TLS with a certificate that is valid for the host (RFC 8689). */
  requireTls: boolean;
  nowMs: number;
}

/** A draft and the idempotency key that its header carried. */
export interface RawDraft extends Draft {
  idempotencyKey: string | null;
  /** What tells one submission from another, apart from fields that a client renews at each try. */
  fingerprintText: string;
}

/**
 * The draft of a raw message. The message is kept byte for byte apart from: a layout that its header names, control fields, those that are not for the
 * recipient and a Sender of another domain taken out, Message-ID and Date added where missing, Received added to what
 * came by SMTP, obsolete syntax written clean (`cleanHeader`, `readAuthor`), line ends made CRLF. Recipients come from
 * the envelope only.
 */
export async function rawDraftOf(submission: RawSubmission): Promise<RawDraft> {
  const recipients = envelopeOf(readEnvelope(submission), 'rcpt_to');
  const text = withoutMailboxLine(withCrlf(Buffer.from(submission.bytes).toString('latin1')));
  const message = cleanHeader(split(text));
  const from = readFrom(message);
  const fault = headerFault(message.fields);
  if (fault) throw invalid(fault.fault, fault.field);
  const control = readControl(message.fields, requiredTls(submission), submission.nowMs);
  const attached = attachedFault(text);
  if (attached) throw invalid(attached.detail, attached.about);
  const kept = message.fields
    .filter((field) => !isControl(field) && !isForeignSender(field, from.mailbox))
    .map(from.written);
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
    smtpUtf8: submission.smtpUtf8,
    recipients,
    tracking: null,
    build: async ({ id, nowMs }) => {
      const whole = { fields: kept, rest: message.rest };
      const put = control.layout && (await inLayout(whole, control.layout, submission.layouts));
      const { fields: own, rest } = put?.message ?? whole;
      const fields = [...own];
      const present = fieldsNamed(fields, 'message-id')[0]?.value;
      const messageIdHeader = present || `<${id}@${from.domain}>`;
      if (!present) fields.unshift(headerField('Message-ID', messageIdHeader));
      if (fieldsNamed(fields, 'date').length === 0) {
        fields.unshift(headerField('Date', dateTime(nowMs)));
      }
      if (submission.receivedBy !== null) {
        fields.unshift(headerField('Received', trace(submission.receivedBy, submission.smtpUtf8, id, nowMs)));
      }
      const raw = joinMessage({ fields, rest });
      if (put && raw.length > limits.messageBytes) throw tooLarge(raw.length);
      return {
        raw,
        messageIdHeader: messageIdHeader.slice(0, shownCharacters),
        tracked: untracked,
        ...(put ? { template: put.template } : {}),
      };
    },
  };
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

/** With CRLF line ends; throws 413 when it is too large with them. */
function withCrlf(text: string): string {
  const size = text.length + bareLineEnds(text);
  if (size > limits.messageBytes) throw tooLarge(size);
  return toCrlf(text);
}

function split(text: string): SplitMessage {
  if (text.includes('\0')) throw invalid('the message has a NUL byte (RFC 5322 §2.2)', 'body');
  const message = splitMessage(text);
  if (typeof message === 'string') throw invalid(message, 'header');
  return message;
}

/** The From field: its mailbox, how it is shown, and the fields with it written in today's syntax. */
function readFrom(
  message: SplitMessage,
): Sender & { mailbox: Mailbox; header: string; written: (field: HeaderField) => HeaderField } {
  const fields = fieldsNamed(message.fields, 'from');
  const [field] = fields;
  if (!field || fields.length !== 1) {
    throw invalid(
      `the message must have exactly one From field, it has ${fields.length} (RFC 5322 §3.6)`,
      'From',
    );
  }
  const rewritten = readAuthor(field.value)?.rewritten ?? null;
  const value = rewritten ?? field.value;
  const parsed = parseMailbox(utf8(value).replaceAll('\t', ' '));
  if (typeof parsed === 'string') throw invalid(`From ${parsed} (RFC 5322 §3.4)`, 'From');
  const clean = rewritten === null ? field : { ...field, value, raw: foldField('From', value) };
  return {
    ...senderOf(parsed, 'From'),
    mailbox: parsed,
    header: readable(value),
    written: (one) => (one === field ? clean : one),
  };
}

/**
 * A Sender field that is not the author's own, or no mailbox. Programs on the way add one (`www-data@web1.internal`), so
 * the message is taken, without it.
 */
function isForeignSender({ name, value }: HeaderField, from: Mailbox): boolean {
  if (name.toLowerCase() !== 'sender') return false;
  const sender = parseMailbox(utf8(readAuthor(value)?.rewritten ?? value).replaceAll('\t', ' '));
  return typeof sender === 'string' || !isOwnSender(sender, from);
}

/**
 * RFC 5321 §4.4: so that a circle can be seen. Whoever submits is a customer, so its name and address are left out
 * (RFC 5322 §3.6.7 takes a field without them); RFC 3848 names the protocol, and a login needs TLS here.
 */
function trace(host: string, smtpUtf8: boolean, id: string, nowMs: number): string {
  return `by ${host} with ${smtpUtf8 ? 'UTF8SMTPSA' : 'ESMTPSA'}\r\n id ${id}; ${dateTime(nowMs)}`;
}

/** RFC 5322 §3.3. */
function dateTime(ms: number): string {
  return new Date(ms).toUTCString().replace('GMT', '+0000');
}

/** As much of an address field is kept to be shown. */
const shownCharacters = 2000;
function addressees(message: SplitMessage, name: string): string[] {
  return fieldsNamed(message.fields, name)
    .slice(0, 10) // RFC 5322 §3.6 allows one; what is shown stays small
    .map((field) => readable(field.value).slice(0, shownCharacters));
}

/** A field's value for people, as much as is shown: encoded words decoded. */
function readable(value: string): string {
  return decodeWords(utf8(value.slice(0, 4 * shownCharacters)));
}

/** By SMTP it is REQUIRETLS, which binds every host on the way (RFC 8689 §4.2.1); it goes before the field (§4.1). */
function requiredTls({ requireTls, source }: RawSubmission): TlsWish | null {
  if (!requireTls) return null;
  return source === 'smtp' ? 'requiretls' : 'required';
}

function fingerprintText(submission: RawSubmission, fields: HeaderField[], rest: string): string {
  const renewed = ['date', 'message-id', 'received', 'x-mailbox-line', 'x-mailer'];
  const stable = fields.filter((field) => !renewed.includes(field.name.toLowerCase()));
  const envelope = JSON.stringify([submission.mailFrom, submission.rcptTo]);
  return `${envelope}\n${stable.map((field) => field.raw).join('')}\n${rest}`;
}
