import { z } from '@hono/zod-openapi';
import { canonicalJson } from '#domain/canonical-json.ts';
import { isFinal } from '#domain/delivery/delivery.ts';
import { simulatorDomain } from '#domain/delivery/simulator.ts';
import { limits, sendAtFault, sendSchema } from '#domain/message/submission.ts';
import { Problem } from '#domain/problem.ts';
import { type Call, invalidBody, newApp, queryOf } from '../http/app.ts';
import { forgiving } from '../http/forgiving.ts';
import { apiOrigin } from '../http/public-origin.ts';
import {
  drain,
  mediaType,
  messageJsonBytes,
  readBytes,
  readJson,
  strangersBytes,
} from '../http/request-body.ts';
import { hubOf } from '../hub/hub-of.ts';
import { authorizationOf, callerOf, credentialOf, forgetKey, knock } from '../identity/credential.ts';
import { type Acceptance, accept, type IdempotentRequest, type Intake } from '../intake/accept.ts';
import { draftOf } from '../intake/compose.ts';
import type { Draft } from '../intake/draft.ts';
import { rawDraftOf } from '../intake/raw-message.ts';
import { rehearse } from '../intake/rehearse.ts';
import { sandboxOf } from '../intake/sandbox.ts';
import { isMoving } from '../store/homes-memory.ts';
import { fillTemplates, namesTemplate, type TemplateSource } from '../templates/named.ts';
import { sha256Hex } from '../tokens/secret.ts';
import { announceEvents } from './announce-events.ts';
import { noteRefusal, noteRefusals } from './note-refusal.ts';

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
  behindKey(c, async () => {
    const value = await readJson(c, messageJsonBytes);
    const [draft = nothingRead()] = await readDrafts(c, [value]);
    if (draft instanceof Problem && !namesTemplate(value)) throw draft;
    if (queryOf(c, sendQuery).dry_run === 'true') {
      if (draft instanceof Problem) throw draft;
      return c.json(await rehearse(intakeOf(c), await callerOf(c), draft));
    }
    return await acceptOne(c, draft, await idempotencyOf(c, value));
  }),
);

sendApp.post('/send/batch', (c) =>
  behindKey(c, async () => {
    const value = await readJson(c, messageJsonBytes);
    const list = z.array(z.unknown()).min(1).max(limits.batch).safeParse(value);
    if (!list.success) throw invalidBody(list.error.issues);
    const drafts = await readDrafts(c, list.data, (i) => `/${i}/`);
    return c.json(await acceptBatch(c, drafts, await idempotencyOf(c, value)), 202);
  }),
);

sendApp.post('/send/raw', (c) =>
  behindKey(c, async () => {
    if (mediaType(c) !== 'message/rfc822') {
      throw new Problem('unsupported_media_type', 'Send the message as "Content-Type: message/rfc822".');
    }
    const bytes = await readBytes(c, limits.messageBytes);
    const query = new URL(c.req.url).searchParams;
    const bySmtp = c.req.header('X-Pennypost-Source') === 'smtp';
    const draft = await rawDraftOf({
      bytes,
      mailFrom: query.get('mail_from') ?? '',
      rcptTo: query.getAll('rcpt_to'),
      source: bySmtp ? 'smtp' : 'raw',
      receivedBy: bySmtp ? receivedBy(c) : null,
      smtpUtf8: query.get('smtputf8') === 'true',
      layouts: await templatesOf(c),
      requireTls: query.get('require_tls') === 'true',
      nowMs: Date.now(),
    });
    const key = c.req.header('Idempotency-Key') ?? draft.idempotencyKey;
    const idempotency =
      key === null ? null : { key: readKey(key), fingerprint: await sha256Hex(draft.fingerprintText) };
    return await acceptOne(c, draft, idempotency);
  }),
);

/** The node that took a message by SMTP, as it names itself. */
function receivedBy(c: Call): string {
  const name = c.req.header('X-Pennypost-Received-By') ?? '';
  return /^[a-z0-9][a-z0-9.-]{0,253}$/i.test(name) ? name : c.get('env').serviceDomain;
}

/**
 * Runs a handler for those whose key may send: nothing of the body is read before that is known, and nobody else is
 * told what is wrong with it.
 */
export async function behindKey(
  c: Call,
  handler: () => Promise<Response>,
  username: string | null = null,
): Promise<Response> {
  let looked = true;
  try {
    looked = await knock(c, 'send', username);
    return await handler();
  } catch (error) {
    if (isMoving(error)) await forgetKey(c, 'send', username);
    const isStranger = error instanceof Problem && error.status === 401;
    await drain(c, isStranger ? strangersBytes : undefined);
    if (!looked && error instanceof Problem && [400, 413, 415].includes(error.status))
      await credentialOf(c, 'send', username);
    if (error instanceof Error) noteRefusal(c, error);
    throw error;
  }
}

async function acceptOne(
  c: Call,
  draft: Draft | Problem,
  idempotency: IdempotentRequest | null,
): Promise<Response> {
  return c.json(await acceptDraft(c, draft, idempotency), 202);
}

/**
 * Brings one draft to the intake. What could not be read is refused there, after the answer that an idempotency key may
 * have: a template can have changed since.
 * @param username whose the key must be; null: anybody's
 * @throws Problem when it is not let in
 */
export async function acceptDraft(
  c: Call,
  draft: Draft | Problem,
  idempotency: IdempotentRequest | null,
  username: string | null = null,
): Promise<Acceptance> {
  const held = idempotency && inFlight(c, idempotency.key);
  try {
    const { answers, replayed } = await accept(intakeOf(c), {
      by: await callerOf(c),
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

/**
 * Brings drafts to the intake; what could not be read is its own answer.
 * @param whole all of them or none: the first refusal is thrown
 */
export async function acceptBatch(
  c: Call,
  drafts: (Draft | Problem)[],
  idempotency: IdempotentRequest | null,
  whole = false,
): Promise<(Acceptance | Problem)[]> {
  const by = await callerOf(c);
  const { answers, replayed } = await accept(intakeOf(c), { by, username: null, drafts, idempotency, whole });
  if (replayed) c.header('Idempotent-Replayed', 'true');
  else noteRefusals(c, answers);
  return answers;
}

/** Whose templates and layouts the messages of a request may name. */
export async function templatesOf(c: Call): Promise<TemplateSource> {
  return { store: c.get('store'), by: await callerOf(c) };
}

/**
 * The drafts of messages, with what templates and layouts come to where they are named; one read for all of them, and none
 * when none is. A message that cannot be read is its problem, and so is one that comes as a problem.
 * @param read how a message of this dialect is read
 */
export async function readDrafts(
  c: Call,
  values: readonly unknown[],
  rootOf: (n: number) => string = () => '/',
  read: (value: unknown, nowMs: number, root: string) => Draft | Problem = readDraft,
): Promise<(Draft | Problem)[]> {
  const filled = await fillTemplates(await templatesOf(c), values, rootOf);
  return filled.map((one, n) => {
    if (one instanceof Problem) return one;
    if (one.value instanceof Problem) return one.value;
    const draft = read(one.value, Date.now(), rootOf(n));
    return draft instanceof Problem || !one.template ? draft : { ...draft, template: one.template };
  });
}

function nothingRead(): Problem {
  throw new Error('one draft a message was expected');
}

/** A draft, or the problem of an entry that does not fit the schema. */
export function readDraft(value: unknown, nowMs: number, root = '/'): Draft | Problem {
  const body = sendSchema.safeParse(forgiving(sendSchema, value));
  if (!body.success) return invalidBody(body.error.issues, root);
  const fault = body.data.send_at === undefined ? null : sendAtFault(body.data.send_at, nowMs);
  if (fault) return invalidBody([{ path: ['send_at'], message: fault }], root);
  try {
    return draftOf(body.data);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

/** @param value of the body: how its JSON was spelled does not matter */
export async function idempotencyOf(c: Call, value: unknown): Promise<IdempotentRequest | null> {
  const key = c.req.header('Idempotency-Key');
  if (key === undefined) return null;
  return { key: readKey(key), fingerprint: await sha256Hex(`${c.req.path} ${canonicalJson(value)}`) };
}

function readKey(key: string): string {
  if (key !== '' && key.length <= limits.idempotencyKeyCharacters) return key;
  const detail = `must have 1 to ${limits.idempotencyKeyCharacters} characters`;
  throw new Problem('invalid_body', `Idempotency-Key ${detail}`, {
    errors: [{ pointer: 'Idempotency-Key', detail }],
  });
}

/** A request whose client has gone may end anywhere, without a word: its mark counts for so long. */
const flightMs = 30_000;

/**
 * Marks a key as in flight in this isolate; a second request with it is told so, and may ask again soon. The mark only
 * saves work: across isolates, and when it is over, the table's unique key decides, since the later commit fails and
 * gets the earlier answer.
 */
function inFlight(c: Call, key: string): () => void {
  const { flights } = c.get('isolate');
  const nowMs = Date.now();
  for (const [name, sinceMs] of flights) {
    // In the order in which they began.
    if (nowMs - sinceMs < flightMs) break;
    flights.delete(name);
  }
  const name = `${authorizationOf(c)} ${key}`;
  const sinceMs = flights.get(name);
  if (sinceMs !== undefined) {
    const seconds = Math.max(1, Math.ceil((sinceMs + flightMs - nowMs) / 1000));
    throw new Problem(
      'idempotency_in_flight',
      `A request with this idempotency key is still in flight; ask again in a moment, or in ${seconds} seconds if it was cut off.`,
      { headers: { 'Retry-After': '1' } },
    );
  }
  flights.set(name, nowMs);
  return () => {
    if (flights.get(name) === nowMs) flights.delete(name);
  };
}

/** The intake of this request. */
export function intakeOf(c: Call): Intake {
  const { bindings, serviceDomain, returnPathKeys } = c.get('env');
  const { DELIVERY, HUB } = bindings;
  const channels = { wake: (homes: readonly number[]) => hubOf(HUB).wake(homes), queue: DELIVERY };
  const nowMs = Date.now();
  return {
    store: c.get('store'),
    nowMs,
    simulatorDomain: simulatorDomain(serviceDomain),
    sandbox: sandboxOf(c.get('store'), c.get('env')),
    links: {
      // Only what tracks needs it.
      get origin() {
        return apiOrigin(c);
      },
      keys: returnPathKeys,
    },
    announce: (messages, credential) => {
      announceEvents(c, credential);
      const waiting = messages.filter((m) => m.deliveries.some((d) => !isFinal(d.state)));
      const { announcer } = c.get('isolate');
      const due = waiting.filter((m) => m.firstDueMs <= nowMs).map(pointerOf);
      const later = waiting
        .filter((m) => m.firstDueMs > nowMs)
        .map((m) => ({ ...pointerOf(m), dueMs: m.firstDueMs }));
      const work = [
        ...(due.length > 0 ? [announcer.announce(channels, due)] : []),
        announcer.announceAt(DELIVERY, later, nowMs),
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
