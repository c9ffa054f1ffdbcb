import { z } from 'zod';

/**
 * Header fields that a relay takes, by name in lower case; one that ends in `*` stands for all that begin so. Some relays refuse a
 * message for a field that they do not know, or that they write themselves.
 */
export const relayFields = z
  .array(z.string().regex(/^[!-9;-@[-~]{1,100}$/))
  .min(1)
  .max(200);
export type RelayFields = z.infer<typeof relayFields>;

/** Whether a relay takes a field. @param fields null: it takes all */
export function takesField(fields: RelayFields | null, name: string): boolean {
  if (fields === null) return true;
  const key = name.toLowerCase();
  return fields.some((field) => (field.endsWith('*') ? key.startsWith(field.slice(0, -1)) : field === key));
}

/**
 * A header section without the fields that a relay does not take; each field stays as it is, byte for byte.
 * @param section latin1 text with CRLF line ends; an empty line at its end stays
 * @param leftOut is given the names of the fields that are left out, as written
 */
export function keptFields(section: string, fields: RelayFields | null, leftOut: Set<string>): string {
  if (fields === null) return section;
  return section
    .split(/(?<=\r\n)(?![ \t])/)
    .filter((text) => {
      const colon = text.indexOf(':');
      if (colon < 0) return true;
      const name = text.slice(0, colon).trimEnd();
      const takes = takesField(fields, name);
      if (!takes) leftOut.add(name);
      return takes;
    })
    .join('');
}

/**
 * What Cloudflare Email Service takes: what makes a message (RFC 5322 §3.6, RFC 2045; it writes Date and Message-ID anew), and its
 * list of what senders may set. It writes DKIM-Signature, Feedback-ID and the fields of feedback loops (RFC 9477) itself, and refuses
 * what is not on the list. https://developers.cloudflare.com/email-service/reference/headers/
 */
export const cloudflareFields: RelayFields = [
  ...['from', 'to', 'cc', 'reply-to', 'subject', 'date', 'message-id', 'in-reply-to', 'references'],
  ...['mime-version', 'content-type', 'content-transfer-encoding', 'content-language'],
  ...['list-unsubscribe', 'list-unsubscribe-post', 'list-id', 'list-archive', 'list-help', 'list-owner'],
  ...['list-post', 'list-subscribe', 'precedence', 'auto-submitted', 'archived-at'],
  ...['keywords', 'comments', 'importance', 'priority', 'sensitivity', 'organization'],
  ...['require-recipient-valid-since', 'expires', 'reply-by', 'x-*'],
];
