import type { RecipientReport } from './recipient.ts';
import type { Returned } from './returned-mail.ts';

/**
 * Amazon SNS mails what SES publishes as JSON
 * (docs.aws.amazon.com/ses/latest/dg/notification-contents.html).
 */
export interface SesNotification {
  kind: Exclude<Returned['kind'], 'autoreply' | 'none'>;
  recipients: RecipientReport[];
  feedbackType: string | null;
  feedbackSource: string | null;
  originalMessageId: string | null;
  /** The envelope sender that SES was given (`mail.source`), and its own id of the message; at most 320 characters. */
  source: string;
  sesMessageId: string | null;
  /** Why SES itself did not send it (Reject, Rendering Failure); null: it did. */
  ownRefusal: string | null;
}

type Json = Record<string, unknown>;
const maxRecipients = 100;

/** The notification in a mail's text; null when there is none. */
export function readSesNotification(text: string): SesNotification | null {
  const begin = text.indexOf('{');
  const end = text.lastIndexOf('}');
  if (begin === -1 || end < begin) return null;
  // Sendmail breaks lines of more than 998 octets with "!" (RFC 5321 §4.5.3.1.6).
  const root = parse(text.slice(begin, end + 1).replace(/!\r?\n /g, ''));
  if (!root) return null;
  // In the envelope of SNS the notification is text, in that of EventBridge an object.
  const body =
    typeof root.Message === 'string' ? parse(root.Message) : isObject(root.detail) ? root.detail : root;
  return body ? notificationOf(body) : null;
}

function notificationOf(body: Json): SesNotification | null {
  const type = String(body.notificationType ?? body.eventType).toLowerCase();
  const mail = object(body.mail);
  const ids = {
    originalMessageId: stringOf(headerValue(mail)),
    source: (stringOf(mail.source) ?? '').slice(0, 320),
    sesMessageId: stringOf(mail.messageId)?.slice(0, 320) ?? null,
    ownRefusal: null,
  };
  if (type === 'complaint') {
    const complaint = object(body.complaint);
    const recipients = objects(complaint.complainedRecipients).map((r) => reportOf(r, 'delivered', {}));
    return {
      kind: 'complaint',
      recipients: recipients.filter((r) => r !== null),
      feedbackType: stringOf(complaint.complaintFeedbackType),
      feedbackSource: stringOf(complaint.userAgent),
      ...ids,
    };
  }
  const common = { feedbackType: null, feedbackSource: null, ...ids };
  if (type === 'delivery') {
    const delivery = object(body.delivery);
    const said = { diagnosticCode: delivery.smtpResponse };
    const recipients = strings(delivery.recipients).map((emailAddress) =>
      reportOf({ emailAddress }, 'delivered', said),
    );
    return { kind: 'delivered', recipients: recipients.filter((r) => r !== null), ...common };
  }
  if (type === 'bounce') {
    const bounce = object(body.bounce);
    const recipients = objects(bounce.bouncedRecipients).map((r) => reportOf(r, 'failed', r));
    return { kind: 'bounce', recipients: recipients.filter((r) => r !== null), ...common };
  }
  if (type === 'deliverydelay') {
    const delay = object(body.deliveryDelay);
    const recipients = objects(delay.delayedRecipients).map((r) => reportOf(r, 'delayed', r));
    return { kind: 'delay', recipients: recipients.filter((r) => r !== null), ...common };
  }
  if (type === 'reject' || type === 'rendering failure' || type === 'renderingfailure') {
    const said = type === 'reject' ? object(body.reject).reason : object(body.failure).errorMessage;
    const recipients = strings(mail.destination).map((emailAddress) =>
      reportOf({ emailAddress }, 'failed', {}),
    );
    return {
      kind: 'bounce',
      recipients: recipients.filter((r) => r !== null),
      ...common,
      ownRefusal: (stringOf(said) ?? 'no reason is given').slice(0, 1000),
    };
  }
  return null;
}

function reportOf(recipient: Json, action: RecipientReport['action'], said: Json): RecipientReport | null {
  const address = stringOf(recipient.emailAddress);
  if (!address) return null;
  const diagnostic = stringOf(said.diagnosticCode) ?? '';
  const status = /[245]\.\d{1,3}\.\d{1,3}/.exec(
    stringOf(said.status) ?? (action === 'delivered' ? diagnostic : ''),
  );
  return {
    recipient: address,
    action,
    status: status?.[0] ?? null,
    diagnostic,
    remoteMta: null,
    basis: 'report',
  };
}

function headerValue(mail: Json): unknown {
  return objects(mail.headers).find((h) => String(h.name).toLowerCase() === 'message-id')?.value;
}

function parse(text: string): Json | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function object(value: unknown): Json {
  return isObject(value) ? value : {};
}

function objects(value: unknown): Json[] {
  return Array.isArray(value) ? value.slice(0, maxRecipients).filter(isObject) : [];
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.slice(0, maxRecipients).filter((v) => typeof v === 'string') : [];
}

function stringOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
