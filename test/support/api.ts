import { z } from 'zod';
import { type EventKind, eventSchema, type PublicEvent } from '#domain/delivery/event.ts';
import { sessionSchema, smtpReplySchema } from '#domain/delivery/outcome.ts';
import { until } from '../lab/until.ts';

const accepted = z.object({ message_id: z.string(), status: z.string() });
const email = z.looseObject({
  id: z.string(),
  status: z.string(),
  subject: z.string(),
  class: z.string(),
  tags: z.array(z.string()),
  source: z.string(),
  deliveries: z
    .array(
      z.looseObject({
        recipient: z.string(),
        status: z.string(),
        attempts: z.number(),
        node: z.string().nullable(),
      }),
    )
    .default([]),
});
export type Email = z.infer<typeof email>;

const domain = z.object({
  id: z.number(),
  dkim: z.array(
    z.object({
      selector: z.string(),
      algorithm: z.string(),
      record: z.object({ name: z.string(), value: z.string() }),
    }),
  ),
});
export type DomainFacts = z.infer<typeof domain>;

/** Details of an event about an attempt, as the documentation lists them. */
const attemptDetails = z.looseObject({
  ...sessionSchema.partial({ tried: true }).shape,
  attempt: z.number(),
  durationMs: z.number(),
  reply: smtpReplySchema.nullable(),
  dkim: z.array(z.string()).optional(),
  status: z.string().nullable().optional(),
  class: z.string().optional(),
  diagnostic: z.string().optional(),
  step: z.string().nullable().optional(),
  error: z.string().optional(),
  source: z.string().optional(),
  maybeAccepted: z.boolean().optional(),
  nextAttemptAt: z.string().optional(),
});
export type AttemptDetails = z.infer<typeof attemptDetails>;

/** The details of an event that an attempt caused. Throws when one is missing. */
export const attemptOf = (event: PublicEvent): AttemptDetails => attemptDetails.parse(event.details);

/** An API client as a user would write it: a base URL and a key. */
export class Api {
  readonly url: string;
  readonly key: string;

  constructor(url: string, key: string) {
    this.url = url;
    this.key = key;
  }

  /** A request; gives status and parsed answer. */
  async call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; answer: unknown }> {
    const raw = body instanceof Uint8Array;
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${this.key}`,
        ...(body === undefined ? {} : { 'Content-Type': raw ? 'message/rfc822' : 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: raw ? Buffer.from(body) : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, answer: text === '' ? null : JSON.parse(text) };
  }

  /** Sends one message; gives its id. Throws unless it was accepted. */
  async send(message: Record<string, unknown>): Promise<string> {
    return idOf(await this.call('POST', '/v1/send', message));
  }

  /** Sends a whole message with its envelope; gives its id. */
  async sendRaw(raw: Uint8Array, envelope: { mailFrom: string; rcptTo: string[] }): Promise<string> {
    const query = new URLSearchParams({ mail_from: envelope.mailFrom });
    for (const to of envelope.rcptTo) query.append('rcpt_to', to);
    return idOf(await this.call('POST', `/v1/send/raw?${query}`, raw));
  }

  async email(id: string): Promise<Email> {
    return email.parse(good(await this.call('GET', `/v1/emails/${id}`)));
  }

  /** The newest messages, at most 100. */
  async emails(query = ''): Promise<Email[]> {
    const answer = good(await this.call('GET', `/v1/emails?limit=100${query}`));
    return z.object({ data: z.array(email) }).parse(answer).data;
  }

  /** The timeline of a message. */
  async events(id: string): Promise<PublicEvent[]> {
    const answer = good(await this.call('GET', `/v1/emails/${id}/events`));
    return z.object({ data: z.array(eventSchema) }).parse(answer).data;
  }

  /** Waits until the timeline of a message has an event of the kind; gives the first, or the `nth`. */
  async event(id: string, kind: EventKind, timeoutMs = 30_000, nth = 1): Promise<PublicEvent> {
    let seen: PublicEvent[] = [];
    const look = async () => {
      seen = await this.events(id);
      return seen.filter((event) => event.kind === kind)[nth - 1];
    };
    return await until(`the event ${kind} of ${id}`, timeoutMs, look, 200).catch((cause: unknown) => {
      throw new Error(`${cause}; what happened: ${JSON.stringify(seen, null, 1)}`, { cause });
    });
  }

  /** Every event of the account, by the cursor. */
  async allEvents(): Promise<PublicEvent[]> {
    const page = z.object({ data: z.array(eventSchema), next: z.string(), has_more: z.boolean() });
    const all: PublicEvent[] = [];
    for (let after = ''; ; ) {
      const answer = good(await this.call('GET', `/v1/events?limit=100&after=${after}`));
      const { data, next, has_more: more } = page.parse(answer);
      all.push(...data);
      if (!more) return all;
      after = next;
    }
  }
}

/** The operator's calls. */
export class Operator {
  readonly #api: Api;

  constructor(url: string, operatorToken: string) {
    this.#api = new Api(url, operatorToken);
  }

  async domain(accountId: number, name: string): Promise<DomainFacts> {
    return domain.parse(good(await this.#api.call('GET', `/admin/v1/accounts/${accountId}/domains/${name}`)));
  }

  async createDomain(accountId: number, body: Record<string, unknown>): Promise<DomainFacts> {
    return domain.parse(good(await this.#api.call('POST', `/admin/v1/accounts/${accountId}/domains`, body)));
  }
}

function idOf({ status, answer }: { status: number; answer: unknown }): string {
  if (status !== 202) throw new Error(`not accepted: ${status} ${JSON.stringify(answer)}`);
  return accepted.parse(answer).message_id;
}

function good({ status, answer }: { status: number; answer: unknown }): unknown {
  if (status >= 300) throw new Error(`${status} ${JSON.stringify(answer)}`);
  return answer;
}
