import { base64 } from '../../base64.ts';
import type { HeaderField, ReceivedAttachment, ReceivedMail } from '../received.ts';
import { replyOf } from '../reply-text.ts';
import type { Part } from './form-data.ts';
import type { PayloadSource } from './source.ts';

/** Attachments up to this size stand in the payload; of larger ones there is a URL. */
export const inlineAttachmentBytes = 1_048_576;

/** CloudMailin's format "JSON (normalised)". */
export function cloudmailinPayload(source: PayloadSource) {
  const { mail } = source;
  return {
    envelope: envelopeOf(source),
    headers: Object.fromEntries(normalised(mail.headers)),
    plain: mail.text,
    html: mail.html,
    reply_plain: replyOf(mail),
    attachments: mail.attachments.map((attachment) => ({
      ...described(attachment),
      ...(isInline(attachment)
        ? { content: base64(attachment.content) }
        : { url: source.attachmentUrl(attachment) }),
    })),
    in_reply_to_message: mail.inReplyToMessage,
    disposable: mail.disposable,
  };
}

/** The same as fields of a form: names in brackets, small attachments as files. */
export function cloudmailinFields(source: PayloadSource): Part[] {
  const { mail } = source;
  const {
    attachments: _,
    headers: __,
    ...rest
  } = cloudmailinPayload({ ...source, mail: withoutFiles(mail) });
  return [
    ...bracketed('', rest),
    ...normalised(mail.headers).flatMap(([name, value]) => bracketed(`headers[${name}]`, value)),
    ...mail.attachments.flatMap((attachment) =>
      isInline(attachment)
        ? [fileOf(attachment)]
        : bracketed('attachments[]', {
            ...described(attachment),
            url: source.attachmentUrl(attachment),
          }),
    ),
  ];
}

/** The format `raw`: the envelope, and the mail as it came. */
export function rawFields(source: PayloadSource, raw: Uint8Array<ArrayBuffer>): Part[] {
  const { inReplyToMessage, disposable } = source.mail;
  return [
    ...bracketed('', {
      envelope: envelopeOf(source),
      in_reply_to_message: inReplyToMessage,
      disposable,
    }),
    { name: 'message', content: raw },
  ];
}

function withoutFiles(mail: ReceivedMail): ReceivedMail {
  return { ...mail, attachments: [], headers: [] };
}

function isInline(attachment: ReceivedAttachment): boolean {
  return attachment.content.length <= inlineAttachmentBytes;
}

function described(attachment: ReceivedAttachment) {
  return {
    file_name: attachment.filename,
    content_type: attachment.contentType,
    size: attachment.content.length,
    disposition: attachment.disposition ?? 'attachment',
    ...(attachment.contentId === null ? {} : { content_id: attachment.contentId }),
  };
}

function fileOf({ filename, contentType, content }: ReceivedAttachment): Part {
  return { name: 'attachments[]', filename, contentType, content };
}

function envelopeOf({ mail, rawUrl }: PayloadSource) {
  const { envelope, verdicts } = mail;
  const { dkim, dmarc, spf, spam } = verdicts;
  return {
    to: envelope.recipients[0] ?? '',
    recipients: [...envelope.recipients],
    from: envelope.from,
    helo_domain: envelope.helo,
    remote_ip: envelope.remoteIp,
    spf: { result: spf.result, domain: spf.domain },
    tls: envelope.tls,
    ...(rawUrl === null ? {} : { store_url: rawUrl }),
    dkim: {
      success: dkim.result === 'pass',
      result: dkim.signatures.map(({ result, domain, selector }) => ({ result, domain, selector })),
    },
    dmarc: {
      success: dmarc.result === 'pass',
      result: dmarc.result,
      details: {
        domain: dmarc.domain,
        policy: dmarc.policy ?? 'none',
        spf_result: spf.result,
        dmarc_spf_result: dmarc.spfAligned ? 'pass' : 'fail',
        dmarc_dkim_result: dmarc.dkimAligned ? 'pass' : 'fail',
        dkim_results: dkim.signatures.map(({ result, domain }) => ({ result, domain })),
      },
    },
    // `success` says that a scan took place, not what it found; CloudMailin writes the score as text.
    spamd: {
      score: String(spam?.score ?? 0),
      success: spam !== null,
      symbols: spam?.symbols ?? [],
      description: spam === null ? '' : `action: ${spam.action}`,
    },
  };
}

/** Names in lower case with underscores, in the order of their first field; of a repeated field an array. */
function normalised(headers: readonly HeaderField[]): [string, string | string[]][] {
  const values = new Map<string, string[]>();
  for (const { name, value } of headers) {
    const key = name.toLowerCase().replaceAll('-', '_');
    const known = values.get(key);
    if (known) known.push(value);
    else values.set(key, [value]);
  }
  return [...values].map(([key, all]) => [key, all.length > 1 ? all : (all[0] ?? '')]);
}

/** `{a: {b: ['c']}}` as `a[b][0]=c`; what is null is left out, as forms have no null. */
function bracketed(name: string, value: unknown): Part[] {
  if (value === null || value === undefined) return [];
  if (typeof value !== 'object') return [{ name, content: String(value) }];
  return Object.entries(value).flatMap(([key, inner]) =>
    bracketed(name === '' ? key : `${name}[${key}]`, inner),
  );
}
