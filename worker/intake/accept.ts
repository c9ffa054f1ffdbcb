import type { NewEvent } from '#domain/delivery/event.ts';
import { isAscii } from '#domain/message/address.ts';
import { digestSmoothing, type MailClass } from '#domain/message/class.ts';
import { newMessageId, uuidV7 } from '#domain/message/ids.ts';
import { limits, tooLarge } from '#domain/message/submission.ts';
import { isGood, Problem } from '#domain/problem.ts';
import { suppressedDetails } from '#domain/suppression/suppression.ts';
import { authorize } from '../identity/authenticate.ts';
import {
  type Caller,
  type Gate,
  type GateCredential,
  type GateSuppression,
  IdempotencyRace,
  type PlacedBodies,
  readGate,
  removeBodies,
  writeAcceptance,
} from '../store/acceptance.ts';
import type { AcceptedMessage, NewDelivery } from '../store/accepted-rows.ts';
import { MovedAway } from '../store/homes-memory.ts';
import type { Store } from '../store/store.ts';
import { LimitReached, readUsage } from '../store/usage.ts';
import type { Draft } from './draft.ts';
import { checkDomain, suppressionOf } from './gate.ts';
import { countsOf, ration, type Usage } from './ration.ts';
import { countSandbox, type Sandbox } from './sandbox.ts';
import { type Links, linksFor, trackingOf } from './track.ts';

/** What the intake works with; all time and chance come from here. */
export interface Intake {
  store: Store;
  nowMs: number;
  /** Recipients there are parts that the simulator plays; they count for no limit of a domain. */
  simulatorDomain: string;
  sandbox: Sandbox;
  links: Links;
  /** Announces what has been accepted, after the answer; must not throw. */
  announce(messages: AcceptedMessage[], credential: GateCredential): void;
}

/** The answer for one accepted message. */
export interface Acceptance {
  message_id: string;
  status: 'queued' | 'scheduled' | 'simulated';
  environment?: 'test';
}

export interface IdempotentRequest {
  key: string;
  /** SHA-256 of what the request asks, hex. */
  fingerprint: string;
}

export interface AcceptResult {
  /** One answer a draft, in order. */
  answers: (Acceptance | Problem)[];
  /** True when an earlier request with the same key gave them. */
  replayed: boolean;
}

/** What a caller asks for. An entry that could not be read is its own answer, and is kept with the others. */
interface AcceptRequest {
  by: Caller | null;
  /** Whose credential it must be; null: anybody's. */
  username: string | null;
  drafts: (Draft | Problem)[];
  idempotency: IdempotentRequest | null;
  /** All of them or none: the first refusal is thrown. */
  whole?: boolean;
}

/**
 * The only way in: authenticates, gates, composes and stores drafts. Costs two D1 round trips however many they
 * are. When it returns, what it accepted is durable.
 * @throws Problem when the credential may not send or the idempotency key conflicts
 */
export async function accept(intake: Intake, request: AcceptRequest): Promise<AcceptResult> {
  const gate = await readGateFor(intake, request);
  const credential = authorize(gate.credential, 'send', request.username);
  const earlier = replay(gate, request.idempotency);
  if (earlier) return earlier;
  const messages = await Promise.all(request.drafts.map((draft) => admit(intake, draft, credential, gate)));
  const stored = await storeWithinLimits(intake, messages, credential, gate, request);
  if ('replayed' in stored) return stored;
  const accepted = stored.messages.filter(isGood);
  if (accepted.length > 0) intake.announce(accepted, credential);
  return { answers: answersOf(stored.messages, credential), replayed: false };
}

/** Others may be faster so often, each time with less room left, before a caller is told to try again. */
const mostTries = 20;
/** Of a large batch a try is many statements, and an invocation may ask for a bounded number of them. */
const mostStatements = 250;

/** Stores what the limits let through, deciding anew whenever others were faster. */
async function storeWithinLimits(
  intake: Intake,
  admitted: (AcceptedMessage | Problem)[],
  credential: GateCredential,
  gate: Gate,
  request: AcceptRequest,
): Promise<{ messages: (AcceptedMessage | Problem)[] } | AcceptResult> {
  const { store, nowMs } = intake;
  const placed: PlacedBodies = new Map();
  const drop = async (messages: (AcceptedMessage | Problem)[]) =>
    await removeBodies(store, { credential, messages: messages.filter(isGood), placed });
  const statementsBefore = store.cost.statements;
  let usage: Usage = { accountUsed: null, domains: gate.usage };
  for (let tries = 0; tries < mostTries; tries++) {
    if (store.cost.statements - statementsBefore > mostStatements) break;
    const messages = ration(admitted, usage, credential, nowMs);
    const refused = request.whole ? messages.find((message) => message instanceof Problem) : undefined;
    if (refused) {
      await drop(admitted);
      throw refused;
    }
    const accepted = messages.filter(isGood);
    if (accepted.length === 0) {
      await drop(admitted);
      return { messages };
    }
    try {
      await writeAcceptance(store, {
        credential,
        messages: accepted,
        placed,
        counts: countsOf(accepted, usage),
        nowMs,
        idempotency:
          request.idempotency && keptAnswer(request.idempotency, answersOf(messages, credential), nowMs),
      });
    } catch (error) {
      if (error instanceof LimitReached) {
        const domains = [...new Set(accepted.map((message) => message.signingDomain))];
        usage = await readUsage(store, credential, domains, nowMs);
        continue;
      }
      if (!(error instanceof IdempotencyRace)) throw error;
      await drop(admitted);
      const won = replay(await readGateFor(intake, request), request.idempotency);
      if (won) return won;
      throw error;
    }
    await drop(admitted.filter((_, i) => messages[i] instanceof Problem));
    return { messages };
  }
  await drop(admitted);
  throw new Problem('unavailable', 'Too many messages came at once; try again.');
}

function answersOf(
  messages: readonly (AcceptedMessage | Problem)[],
  credential: GateCredential,
): (Acceptance | Problem)[] {
  return messages.map((message) => (message instanceof Problem ? message : answerOf(message, credential)));
}

/** Reads what the gate needs for these drafts. One D1 round trip; more the first time that anybody uses the sandbox. */
export async function readGateFor(
  { store, nowMs, sandbox }: Pick<Intake, 'store' | 'nowMs' | 'sandbox'>,
  request: AcceptRequest,
): Promise<Gate> {
  const drafts = request.drafts.filter(isGood);
  const domains = [...new Set(drafts.map((draft) => draft.fromDomain))];
  const of = {
    by: request.by ?? { secretHash: '' },
    domains,
    sandbox: domains.includes(sandbox.domain) ? sandbox.domain : null,
    recipients: [...new Set(drafts.flatMap((draft) => draft.recipients.map((r) => r.address)))],
    idempotencyKey: request.idempotency?.key ?? null,
    nowMs,
  };
  const gate = await readGate(store, of);
  if (gate.credential && gate.credential.home !== store.home) throw new MovedAway();
  const isThere = of.sandbox === null || gate.domains.some(({ name }) => name === of.sandbox);
  if (isThere || !gate.credential?.scopes.includes('send') || gate.credential.revoked) return gate;
  await sandbox.prepare(nowMs);
  return await readGate(store, of);
}

/** The kept answer of the same request; throws 409 when the key stood for another one. */
function replay(gate: Gate, idempotency: IdempotentRequest | null): AcceptResult | null {
  if (!idempotency || !gate.earlier) return null;
  if (gate.earlier.fingerprint !== idempotency.fingerprint) {
    throw new Problem(
      'idempotency_conflict',
      `The idempotency key was used within the last ${limits.idempotencyHours} hours for another request; use a new key.`,
    );
  }
  const kept = JSON.parse(gate.earlier.answer) as (
    | Acceptance
    | { problem: ReturnType<typeof keptProblem> }
  )[];
  return {
    answers: kept.map((answer) =>
      'problem' in answer
        ? new Problem(answer.problem.code, answer.problem.detail, answer.problem.more)
        : answer,
    ),
    replayed: true,
  };
}

function keptAnswer(idempotency: IdempotentRequest, answers: (Acceptance | Problem)[], nowMs: number) {
  return {
    ...idempotency,
    answer: JSON.stringify(answers.map((a) => (a instanceof Problem ? { problem: keptProblem(a) } : a))),
    expiresAtMs: nowMs + limits.idempotencyHours * 3_600_000,
  };
}

function keptProblem({ code, detail, errors, members, headers }: Problem) {
  return { code, detail, more: { errors, members, headers } };
}

/** One draft through the gate; a problem is this draft's answer and leaves the others alone. */
async function admit(
  intake: Intake,
  draft: Draft | Problem,
  credential: GateCredential,
  gate: Gate,
): Promise<AcceptedMessage | Problem> {
  if (draft instanceof Problem) return draft;
  try {
    checkDomain(draft, credential, gate, intake);
    const suppressed = draft.recipients.map((recipient) => suppressionOf(recipient, draft, gate));
    if (suppressed.every((entry) => entry !== null)) throw allSuppressed(draft);
    const { nowMs } = intake;
    const id = newMessageId(nowMs, randomBytes(10), intake.store.home);
    const links = linksFor(draft.fromDomain, gate, intake.links);
    const tracking = await trackingOf(draft, credential, links, id);
    const built = await draft.build({ id, nowMs, tracking });
    const { raw, messageIdHeader, tracked, template = draft.template } = built;
    // What came whole was measured as it came; the fields that were added to it do not count.
    if (draft.source === 'api' && raw.length > limits.messageBytes) throw tooLarge(raw.length);
    const { class: mailClass, stream, tags, metadata, sendAtMs } = draft.handling;
    const testMode = draft.handling.testMode || credential.environment === 'test';
    const firstDueMs = Math.max(nowMs, sendAtMs ?? nowMs);
    const waiting = firstState(testMode, firstDueMs, nowMs);
    const counted = testMode ? 0 : countedOf(draft, suppressed, intake.simulatorDomain);
    if (draft.fromDomain === intake.sandbox.domain && counted > 0)
      await countSandbox(intake.store, credential.accountId, nowMs);
    return {
      id,
      class: mailClass,
      stream,
      tags,
      metadata,
      testMode,
      tls: draft.handling.tls,
      firstDueMs,
      fromAddress: draft.fromAddress,
      fromHeader: draft.fromHeader,
      addressees: draft.addressees,
      subject: draft.subject,
      source: draft.source,
      signingDomain: draft.fromDomain,
      messageIdHeader,
      smtputf8: needsSmtpUtf8(raw, draft),
      eightBit: /[\x80-\xff]/.test(raw),
      tracked,
      ...(template ? { template } : {}),
      raw,
      counted,
      deliveries: draft.recipients.map((recipient, n) =>
        newDelivery(recipient, suppressed[n] ?? null, waiting, { ...intake, firstDueMs, mailClass }),
      ),
    };
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

/** The state in which a delivery begins that is not suppressed. */
export function firstState(
  testMode: boolean,
  firstDueMs: number,
  nowMs: number,
): 'simulated' | 'scheduled' | 'queued' {
  if (testMode) return 'simulated';
  return firstDueMs > nowMs ? 'scheduled' : 'queued';
}

/** Recipients that are accepted, those of the simulator apart. */
function countedOf(draft: Draft, suppressed: (GateSuppression | null)[], simulatorDomain: string): number {
  return draft.recipients.filter(({ domain }, n) => !suppressed[n] && domain !== simulatorDomain).length;
}

function newDelivery(
  recipient: { address: string; domain: string },
  suppression: GateSuppression | null,
  state: 'queued' | 'scheduled' | 'simulated',
  {
    nowMs,
    simulatorDomain,
    firstDueMs,
    mailClass,
  }: Pick<Intake, 'nowMs' | 'simulatorDomain'> & { firstDueMs: number; mailClass: MailClass },
): NewDelivery {
  const { address, domain } = recipient;
  const simulated = domain === simulatorDomain;
  if (!suppression) {
    const held = mailClass === 'digest' && state !== 'simulated' ? holdBack(firstDueMs, nowMs) : null;
    return { recipient: address, domain, state, simulated, held, event: null, reason: null };
  }
  const event: NewEvent = {
    id: uuidV7(nowMs, randomBytes(10)),
    kind: 'suppressed',
    atMs: nowMs,
    details: suppressedDetails(suppression),
  };
  return {
    recipient: address,
    domain,
    state: 'suppressed',
    simulated,
    held: null,
    event,
    reason: suppression.reason,
  };
}

/** A random time of the smoothing's span, and the event that tells of it. */
function holdBack(firstDueMs: number, nowMs: number): NonNullable<NewDelivery['held']> {
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
  const dueMs = firstDueMs + Math.floor((random / 2 ** 32) * digestSmoothing.overMs);
  const details = { limit: 'digest', until: new Date(dueMs).toISOString() };
  return { dueMs, event: { id: uuidV7(nowMs, randomBytes(10)), kind: 'rate_limited', atMs: nowMs, details } };
}

/**
 * Whether the header section needs the extension (RFC 6531 §3.1): its author's address is not ASCII, or whoever
 * submitted it says so. What is said in the envelope is the node's to see.
 */
function needsSmtpUtf8(raw: string, draft: Draft): boolean {
  if (!draft.smtpUtf8 && isAscii(draft.fromAddress)) return false;
  const headerEnd = raw.indexOf('\r\n\r\n');
  return !isAscii(headerEnd < 0 ? raw : raw.slice(0, headerEnd));
}

function answerOf(message: AcceptedMessage, credential: GateCredential): Acceptance {
  if (credential.environment === 'test' || message.testMode) {
    return { message_id: message.id, status: 'simulated', environment: 'test' };
  }
  const scheduled = message.deliveries.some((delivery) => delivery.state === 'scheduled');
  return { message_id: message.id, status: scheduled ? 'scheduled' : 'queued' };
}

function allSuppressed(draft: Draft): Problem {
  const detail = `Every recipient is suppressed: ${draft.recipients.map((r) => r.address).join(', ')}.`;
  return new Problem('all_suppressed', detail);
}

export function randomBytes(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}
