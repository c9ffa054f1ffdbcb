import { z } from '@hono/zod-openapi';
import { isFinal } from '#domain/delivery.ts';
import { Problem } from '#domain/problem.ts';
import { simulatorDomain } from '#domain/simulator.ts';
import { limits, sendAtFault, sendSchema } from '#domain/submission.ts';
import { type Acceptance, accept, type IdempotentRequest, type Intake } from '../intake/accept.ts';
import { draftOf } from '../intake/compose.ts';
import type { Draft } from '../intake/draft.ts';
import { rawDraftOf } from '../intake/raw-message.ts';
import { rehearse } from '../intake/rehearse.ts';
import { bearerSecret, sha256Hex } from '../intake/secret.ts';
import { hubOf } from '../node-api/hub-of.ts';
import { originOf } from '../tracking/links.ts';
import { type Call, invalidBody, newApp, queryOf } from './app.ts';
import { announceEvents, credentialOf } from './authenticated.ts';
import { drain, mediaType, readBytes, readJson } from './request-body.ts';

/** `POST /v1/send`, `/v1/send/batch`, `/v1/send/raw`: parse, then the intake. */
export const sendApp = newApp();

/** Anything but true or false is at fault, so that nobody sends by a slip. */
export const sendQuery = z.object({
  dry_run: z
    .enum(['true', 'false'], 'must be true or false')
    .default('false')
    .meta({ description: '`true`: tells what each recipient would get and why, and stores nothing.' }),
});

sendApp.post('/send', (c) =>
  authenticFaults(c, async () => {
    const { bytes, value } = await readJson(c);
    const draft = readDraft(value, Date.now());
    if (draft instanceof Problem) throw draft;
    if (queryOf(c, sendQuery).dry_run === 'true') {
      const secret = bearerSecret(c.req.header('Authorization'));
      return c.json(await rehearse(intakeOf(c), secret, draft));
    }
    return await acceptOne(c, draft, await idempotencyOf(c, bytes));
  }),
);

sendApp.post('/send/batch', (c) =>
  authenticFaults(c, async () => {
    const { bytes, value } = await readJson(c);
    const list = z.array(z.unknown()).min(1).max(limits.batch).safeParse(value);
    if (!list.success) throw invalidBody(list.error.issues);
    const drafts = list.data.map((entry, i) => readDraft(entry, Date.now(), `/${i}/`));
    const { answers, replayed } = await accept(intakeOf(c), {
      secret: bearerSecret(c.req.header('Authorization')),
      username: null,
      drafts,
      idempotency: await idempotencyOf(c, bytes),
    });
    if (replayed) c.header('Idempotent-Replayed', 'true');
    return c.json(answers, 202);
  }),
);

sendApp.post('/send/raw', (c) =>
  authenticFaults(c, async () => {
    if (mediaType(c) !== 'message/rfc822') {
      throw new Problem('unsupported_media_type', 'Send the message as "Content-Type: message/rfc822".');
    }
    const bytes = await readBytes(c, limits.messageBytes);
    const query = new URL(c.req.url).searchParams;
    const draft = await rawDraftOf({
      bytes,
      mailFrom: query.get('mail_from') ?? '',
      rcptTo: query.getAll('rcpt_to'),
      source: c.req.header('X-Pennypost-Source') === 'smtp' ? 'smtp' : 'raw',
      nowMs: Date.now(),
    });
    const key = c.req.header('Idempotency-Key') ?? draft.idempotencyKey;
    const idempotency =
      key === null ? null : { key: readKey(key), fingerprint: await sha256Hex(draft.fingerprintText) };
    return await acceptOne(c, draft, idempotency);
  }),
);

/**
 * Runs a handler; when the input is at fault, says so only to callers whose key is good: 401 comes before 400.
 */
export async function authenticFaults(
  c: Call,
  handler: () => Promise<Response>,
  username: string | null = null,
): Promise<Response> {
  try {
    return await handler();
  } catch (error) {
    await drain(c);
    if (error instanceof Problem && [400, 413, 415].includes(error.status))
      await credentialOf(c, 'send', username);
    throw error;
  }
}

async function acceptOne(c: Call, draft: Draft, idempotency: IdempotentRequest | null): Promise<Response> {
  return c.json(await acceptDraft(c, draft, idempotency), 202);
}

/**
 * Brings one draft to the intake.
 * @param username whose the key must be; null: anybody's
 * @throws Problem when it is not let in
 */
export async function acceptDraft(
  c: Call,
  draft: Draft,
  idempotency: IdempotentRequest | null,
  username: string | null = null,
): Promise<Acceptance> {
  const held = idempotency && inFlight(c, idempotency.key);
  try {
    const { answers, replayed } = await accept(intakeOf(c), {
      secret: bearerSecret(c.req.header('Authorization')),
      username,
      drafts: [draft],
      idempotency,
    });
    const answer = answers[0];
    if (!answer) throw new Error('one answer a draft was expected');
    if (answer instanceof Problem) throw answer;
    if (replayed) c.header('Idempotent-Replayed', 'true');
    return answer;
  } finally {
    held?.();
  }
}

/** A draft, or the problem of an entry that does not fit the schema. */
function readDraft(value: unknown, nowMs: number, root = '/'): Draft | Problem {
  const body = sendSchema.safeParse(value);
  if (!body.success) return invalidBody(body.error.issues, root);
  const fault = body.data.send_at === undefined ? null : sendAtFault(Date.parse(body.data.send_at), nowMs);
  if (fault) return invalidBody([{ path: ['send_at'], message: fault }], root);
  try {
    return draftOf(body.data);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

export async function idempotencyOf(c: Call, bytes: Uint8Array): Promise<IdempotentRequest | null> {
  const key = c.req.header('Idempotency-Key');
  if (key === undefined) return null;
  return { key: readKey(key), fingerprint: await sha256Hex(`${c.req.path} ${await sha256Hex(bytes)}`) };
}

function readKey(key: string): string {
  if (key !== '' && key.length <= limits.idempotencyKeyCharacters) return key;
  const detail = `must have 1 to ${limits.idempotencyKeyCharacters} characters`;
  throw new Problem('invalid_body', `Idempotency-Key ${detail}`, {
    errors: [{ pointer: 'Idempotency-Key', detail }],
  });
}

/**
 * Marks a key as in flight in this isolate; a second request with it is told so. Across isolates the table's
 * unique key decides: the later commit fails and gets the earlier answer.
 */
function inFlight(c: Call, key: string): () => void {
  const { flights } = c.get('isolate');
  const name = `${c.req.header('Authorization')} ${key}`;
  if (flights.has(name)) {
    throw new Problem(
      'idempotency_conflict',
      'A request with this idempotency key is still in flight; ask again in a moment.',
    );
  }
  flights.add(name);
  return () => flights.delete(name);
}

/** The intake of this request. */
export function intakeOf(c: Call): Intake {
  const { bindings, serviceDomain, returnPathKeys } = c.get('env');
  const { DELIVERY, HUB } = bindings;
  const channels = { wake: () => hubOf(HUB).wake(), queue: DELIVERY };
  const nowMs = Date.now();
  return {
    store: c.get('store'),
    nowMs,
    simulatorDomain: simulatorDomain(serviceDomain),
    links: { origin: originOf(c.req.url), keys: returnPathKeys },
    announce: (messages, credential) => {
      announceEvents(c, credential);
      const waiting = messages.filter((m) => m.deliveries.some((d) => !isFinal(d.state)));
      const due = waiting.filter((m) => m.firstDueMs <= nowMs);
      const work = [
        ...(due.length > 0 ? [c.get('isolate').announcer.announce(channels, due.map(pointerOf))] : []),
        ...waiting
          .filter((m) => m.firstDueMs > nowMs)
          .map((m) => c.get('isolate').announcer.announceAt(DELIVERY, [pointerOf(m)], m.firstDueMs, nowMs)),
      ];
      c.executionCtx.waitUntil(
        Promise.all(work).catch((error: unknown) => {
          console.warn(
            JSON.stringify({ level: 'warn', msg: 'not announced; the sweep will', error: String(error) }),
          );
        }),
      );
    },
  };
}

function pointerOf(message: { id: string; class: string }): { messageId: string; class: string } {
  return { messageId: message.id, class: message.class };
}
