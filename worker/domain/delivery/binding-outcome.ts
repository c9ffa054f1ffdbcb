import type { FailureClass } from '../failure/failure-class.ts';
import type { Outcome, Session } from './outcome.ts';

/**
 * What the `send_email` binding says when it does not take a message: an Error with a `code`, one table.
 * https://developers.cloudflare.com/email-service/api/send-emails/workers-api/#error-codes
 *
 * - `bounced`: the message or its recipient is refused for good.
 * - `deferred`: the sender is refused, or the service has trouble of its own; classes of a refused sender let another transport
 *   have the message (`passesOn`).
 */
interface Row {
  type: 'bounced' | 'deferred';
  class: FailureClass;
  /** Enhanced status that it means (RFC 3463); null: none. */
  status: string | null;
  text: string;
}

const codes: Readonly<Record<string, Row>> = {
  E_CONTENT_TOO_LARGE: {
    type: 'bounced',
    class: 'too_large',
    status: '5.3.4',
    text: 'the message is larger than it takes',
  },
  E_RECIPIENT_SUPPRESSED: {
    type: 'bounced',
    class: 'policy',
    status: null,
    text: 'the recipient is on its own list of suppressed addresses',
  },
  E_VALIDATION_ERROR: { type: 'bounced', class: 'policy', status: null, text: 'the message is not valid' },
  E_FIELD_MISSING: {
    type: 'bounced',
    class: 'policy',
    status: null,
    text: 'a field that it needs is missing',
  },
  E_TOO_MANY_RECIPIENTS: {
    type: 'bounced',
    class: 'policy',
    status: null,
    text: 'To and Cc name more recipients than it takes',
  },
  E_TOO_MANY_ATTACHMENTS: {
    type: 'bounced',
    class: 'policy',
    status: null,
    text: 'it has more attachments than it takes',
  },
  E_SENDER_NOT_VERIFIED: {
    type: 'deferred',
    class: 'relay_denied',
    status: null,
    text: 'the sender’s domain is not verified there',
  },
  E_SENDER_DOMAIN_NOT_AVAILABLE: {
    type: 'deferred',
    class: 'relay_denied',
    status: null,
    text: 'the sender’s domain is not set up for sending there',
  },
  E_RECIPIENT_NOT_ALLOWED: {
    type: 'deferred',
    class: 'relay_denied',
    status: null,
    text: 'the binding may not send to this recipient',
  },
  E_RATE_LIMIT_EXCEEDED: {
    type: 'deferred',
    class: 'rate_limited',
    status: null,
    text: 'more mail than it takes at once',
  },
  E_DAILY_LIMIT_EXCEEDED: {
    type: 'deferred',
    class: 'rate_limited',
    status: null,
    text: 'as many messages as it takes in a day',
  },
  E_DELIVERY_FAILED: { type: 'deferred', class: 'unknown', status: null, text: 'it could not deliver it' },
  E_INTERNAL_SERVER_ERROR: {
    type: 'deferred',
    class: 'system',
    status: null,
    text: 'it has trouble of its own',
  },
};

const header: Row = {
  type: 'bounced',
  class: 'policy',
  status: null,
  text: 'it does not take the header of the message',
};
const other: Row = { type: 'deferred', class: 'unknown', status: null, text: 'it did not take it' };

/** What is said in words alone where no sending domain of the account is set up yet, so that only its own addresses get mail. */
const notVerified = /destination address is not (?:a verified address|verified|allowed)/i;
const unverified: Row = {
  type: 'deferred',
  class: 'relay_denied',
  status: null,
  text: 'the sender’s domain is not set up for sending there',
};

/** The codes of the table; those that begin with `E_HEADER` are one row. */
export const bindingErrorCodes = Object.keys(codes);

function rowOf(code: string): Row {
  if (code.startsWith('E_HEADER')) return header;
  return (Object.hasOwn(codes, code) ? codes[code] : undefined) ?? other;
}

export type BindingEnding =
  | Pick<Extract<Outcome, { type: 'bounced' | 'deferred' | 'maybeAccepted' }>, 'type' | 'failure'>
  | Pick<Extract<Outcome, { type: 'failed' }>, 'type' | 'reason' | 'text'>;

/**
 * What a refusal ends an attempt in. An error without a code, as a lost connection is, says nothing of whether the message was
 * taken: `maybeAccepted`. Pure.
 * @param error what `send` threw
 */
export function endingOfError(error: unknown): BindingEnding {
  const { code, message } = partsOf(error);
  const row = code === null ? (notVerified.test(message) ? unverified : null) : rowOf(code);
  if (row === null) {
    const text = `the binding gave no code, so it may have taken the message: ${message}`;
    return { type: 'maybeAccepted', failure: failureOf({ class: 'network', status: null, text, code }) };
  }
  const { type, class: failureClass, status, text } = row;
  const words = `Cloudflare did not take it, ${text}: ${message}`;
  return { type, failure: failureOf({ class: failureClass, status, text: words, code }) };
}

function failureOf(of: { class: FailureClass; status: string | null; text: string; code: string | null }) {
  const { text, code } = of;
  return {
    ...of,
    reply: null,
    step: 'final' as const,
    text: text.slice(0, 1000),
    code: code === null ? null : code.slice(0, 64),
  };
}

function partsOf(error: unknown): { code: string | null; message: string } {
  if (typeof error !== 'object' || error === null) return { code: null, message: String(error) };
  const { code, message } = error as { code?: unknown; message?: unknown };
  const said = typeof message === 'string' ? message : String(error);
  if (typeof code === 'string' && code.startsWith('E_')) return { code, message: said };
  // Where an error crosses to the Worker, its properties may be lost, and its code stands in its words alone.
  const [named = null] = /\bE_[A-Z_]{3,60}\b/.exec(said) ?? [];
  return { code: named, message: said };
}

/** The session of an attempt by the binding: there is no host, no connection and no reply. */
export function bindingSession(transport: string, more: Partial<Session> = {}): Session {
  return { transport, mx: null, tls: null, reused: false, steps: [], tried: [], ...more };
}
