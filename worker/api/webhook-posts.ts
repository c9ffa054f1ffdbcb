import { z } from 'zod';
import { events } from '#domain/delivery/event.ts';
import { sampleEvent, sampleSuppression } from '#domain/event-formats/sample.ts';
import { suppressionBody } from '#domain/event-formats/suppression.ts';
import { scopeTypes } from '#domain/suppression/scope.ts';
import { suppressionReasons } from '#domain/suppression/suppression.ts';
import { suppressionEvents } from '#domain/suppression/suppression-event.ts';
import { receivedEvent, type WebhookFormat, webhookBodies } from '#domain/webhook.ts';
import { time } from './answers/scalars.ts';
import { exampleIds } from './operations/examples.ts';

/** What is posted to endpoints, as OpenAPI 3.1 describes it under `webhooks`. */
export interface WebhookPostDescription {
  /** Its key there. */
  name: string;
  summary: string;
  about: string;
  schema: z.ZodType;
  example: unknown;
}

const facts = {
  email_id: z.string().meta({ description: 'What `POST /v1/send` answered.' }),
  message_id: z.string().meta({ description: 'The same.' }),
  message_id_header: z.string(),
  from: z.string(),
  to: z.string().meta({ description: 'The recipient.' }),
  subject: z.string(),
  stream: z.string(),
  tags: z.array(z.string()),
  metadata: z.record(z.string(), z.string()),
};
const simulated = z
  .literal(true)
  .optional()
  .meta({ description: 'Nothing has left: test mode, or a simulated recipient.' });

/** A body of the format `event`, of one type or of several. */
export const emailEvent = (types: readonly [string, ...string[]]) =>
  z.strictObject({
    id: z.string().meta({ description: 'The same at each try: take it once.' }),
    type: z.enum(types),
    created_at: time,
    simulated,
    data: z.looseObject(facts).meta({ description: 'The message, and the details of the event.' }),
  });

/** A body of the format `cloudmailin`. */
export const cloudmailinEvents = z.strictObject({
  events: z.array(
    z.strictObject({
      kind: z.enum(events.map((row) => row.cloudmailin) as [string, ...string[]]),
      recipient: z.string(),
      message_id: z.string(),
      details: z.record(z.string(), z.unknown()),
      id: z.string(),
      at: time,
      tags: z.array(z.string()),
      metadata: z.record(z.string(), z.string()),
      simulated,
    }),
  ),
});

const bodyIn = (format: WebhookFormat, kind: (typeof events)[number]['kind']): unknown =>
  JSON.parse(webhookBodies(format, [sampleEvent(kind)])[0]?.text ?? 'null');

/** Events of the format `event`, one description for each type that it has. */
const ownFormat: readonly WebhookPostDescription[] = [
  ...Map.groupBy(
    events.filter(({ type }) => type !== null),
    ({ type }) => type ?? '',
  ),
].map(([type, rows]) => ({
  name: type,
  summary: rows.map(({ kind }) => kind).join(', '),
  about: rows
    .map(({ raised, details }) => `Raised when: ${raised}.${details === '' ? '' : ` Details: ${details}.`}`)
    .join('\n\n'),
  schema: emailEvent([type]),
  example: bodyIn('event', rows[0]?.kind ?? 'accepted'),
}));

const receivedMail = z.looseObject({
  email_id: z.string(),
  message_id: z.string(),
  from: z.string(),
  to: z.string(),
  subject: z.string(),
  text: z.string(),
  html: z.string(),
  attachments: z.array(
    z.looseObject({
      id: z.string(),
      filename: z.string(),
      content_type: z.string(),
      size: z.int(),
      url: z.string(),
    }),
  ),
});
/** A received mail in the format `event`. */
export const receivedPost = z.strictObject({
  id: z.string(),
  type: z.literal(receivedEvent),
  created_at: time,
  data: receivedMail.meta({ description: 'The mail and the verdicts on it: see the guide Receiving.' }),
});
const received: WebhookPostDescription = {
  name: receivedEvent,
  summary: 'received',
  about: 'Raised when: mail has come to an address of the account that a route or a rule gives to webhooks.',
  schema: receivedPost,
  example: {
    id: exampleIds.received,
    type: receivedEvent,
    created_at: '2026-11-26T09:30:02.000Z',
    data: {
      email_id: exampleIds.received,
      message_id: '<reply-1@example.net>',
      from: 'Ann <ann@example.net>',
      to: 'Info <info@in.example.com>',
      subject: 'Re: Your receipt',
      text: 'Thank you.',
      html: '',
      attachments: [],
    },
  },
};

/** A change of a suppression in the format `event`. */
const suppressionEvent = (type: string) =>
  z.strictObject({
    id: z.string().meta({ description: 'The same at each try: take it once.' }),
    type: z.literal(type),
    created_at: time,
    data: z.strictObject({
      suppression_id: z.uuid().optional(),
      email: z.string(),
      scope: z.string(),
      scope_type: z.enum(scopeTypes),
      reason: z.enum(suppressionReasons),
      source: z.string(),
      source_message_id: z.string().nullable(),
      suppressed_at: time,
      expires_at: time.nullable(),
      tags: facts.tags,
      metadata: facts.metadata,
    }),
  });
const suppressions: readonly WebhookPostDescription[] = suppressionEvents.map(({ kind, type, raised }) => ({
  name: type,
  summary: kind.replace('_', ' '),
  about: `Raised when: ${raised}. Told to endpoints that name it.`,
  schema: suppressionEvent(type),
  example: suppressionBody('event', sampleSuppression(kind, Date.UTC(2026, 10, 26, 9, 30, 2))),
}));

/** Formats of other services: what they say of them holds. */
const otherFormats: readonly WebhookPostDescription[] = [
  {
    name: 'format cloudmailin',
    summary: 'Up to 50 events, in the format of CloudMailin',
    about: 'What an endpoint of the format `cloudmailin` gets.',
    schema: cloudmailinEvents,
    example: bodyIn('cloudmailin', 'bounced'),
  },
  ...(['postscale', 'resend', 'postmark'] as const).map((format) => ({
    name: `format ${format}`,
    summary: `An event, in the format of the service ${format}`,
    about: `What an endpoint of the format \`${format}\` gets: that service’s own documentation describes it.`,
    schema: z.looseObject({}),
    example: bodyIn(format, 'bounced'),
  })),
];

export const webhookPosts: readonly WebhookPostDescription[] = [
  ...ownFormat,
  received,
  ...suppressions,
  ...otherFormats,
];
