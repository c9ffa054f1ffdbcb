import { assertNever } from '#domain/assert-never.ts';
import { isInScope } from '#domain/inbound/endpoint-scope.ts';
import { type Decision, decide } from '#domain/inbound/route.ts';
import { ruledDecision, ruleFacts } from '#domain/inbound/ruled.ts';
import type { ReceivedHead, SmtpRefusal } from '#domain/node-contract.ts';
import type { ReceivedPointer } from '#domain/webhook.ts';
import type { Env } from '../env.ts';
import { hubOf } from '../hub/hub-of.ts';
import { headBytes, type MailHead, readHead } from '../received/open-mail.ts';
import { answeredMessage } from '../received/thread.ts';
import { writeTaken } from '../store/forwards.ts';
import type { KeptDecision, NewReceived, Received } from '../store/received.ts';
import { putReceived, receivedBytes, receivedDay, removeReceived } from '../store/received-object.ts';
import {
  answersItself,
  type ReceivingAccount,
  type ReceivingDomain,
  readReceiving,
} from '../store/receiving.ts';
import type { Store } from '../store/store.ts';
import type { Endpoint } from '../store/webhook-endpoints.ts';
import { pokeSenders } from '../webhook/poke.ts';
import { askEndpoint } from './ask-endpoint.ts';
import { accountOf, partsOf, ruledAddress, rulesFor, toldEndpoints } from './check.ts';
import { sendingOnOf } from './send-on.ts';

/** A mail that is handed over. */
export interface HandedOver {
  head: ReceivedHead;
  /** Its bytes, with the trace fields before them. */
  raw: ReadableStream<Uint8Array>;
  sizeBytes: number;
  /** Where this Worker is reached. */
  origin: string;
}

/** What one rule takes of a mail. */
interface Part {
  domain: ReceivingDomain;
  account: ReceivingAccount;
  decision: Exclude<Decision, { action: 'refuse' }>;
  recipients: string[];
}

/**
 * Takes a mail for a domain that receives: its bytes to R2 as they come, then a row for each rule that takes some of its
 * recipients, with the webhook deliveries that tell of it, in one transaction. The same id again changes nothing.
 * @returns null when it is durable, else what its sender is to be told
 */
export async function takeReceived(first: Store, env: Env, mail: HandedOver): Promise<SmtpRefusal | null> {
  const { head } = mail;
  const nowMs = Date.now();
  const domains = await readReceiving(first, head.rcptTo.map(partsOf));
  const { parts: routed, refusal } = partsFor(domains, head, nowMs);
  const [part] = routed;
  if (!part) {
    await mail.raw.cancel();
    return refusal ?? { reply: '550 5.1.1', text: 'There is no such address here' };
  }
  // All of a group are of one account.
  const store = first.at(part.domain.home);
  const place = { bodyDay: receivedDay(head.receivedAtMs, part.account.contentDays), bodyId: head.id };
  const { beginning, eightBit } = await putStream(store, place, mail);
  const read = await readHead(beginning);
  const parts = ruled(routed, ruleFacts(read, head.verdicts), nowMs);
  if (!Array.isArray(parts)) {
    await removeReceived(store, place);
    return parts;
  }
  const accountId = part.account.id;
  const inReplyTo = await answeredMessage(store, accountId, read, nowMs);
  const common = { ...place, accountId, inReplyTo, sizeBytes: mail.sizeBytes };
  const rows = parts.map((part, i) => rowOf(mail, part, { ...common, id: idOf(head.id, i) }, read));
  const taken = rows.flatMap((row, i) => (parts[i] ? [{ ...parts[i], row }] : []));
  const kept = { place, beginning, eightBit, sizeBytes: mail.sizeBytes };
  const sendingOn = await sendingOnOf(store, env, { ...mail, kept }, read, taken, nowMs);
  const answer = 'reply' in sendingOn ? sendingOn : await askAll(store, env, rows, parts, mail.origin);
  // Its sender brings it again, as a new mail, or hears that it may not.
  if ('reply' in sendingOn || answer?.reply.startsWith('4')) {
    await removeReceived(store, place);
    return answer;
  }
  // What was refused is not sent on.
  const messages = answer ? [] : sendingOn.messages;
  const fresh = await writeTaken(store, part.account, rows, { ...sendingOn, messages }, nowMs);
  if (!fresh) {
    await removeReceived(store, place);
    return { reply: '450 4.2.1', text: 'This address gets too much mail now; try again later' };
  }
  if (messages.length > 0 && fresh.size > 0) await wakeNodes(env, store.home);
  const told = rows.filter(({ received }) => fresh.has(received.id)).flatMap(({ posts }) => posts);
  const waiting = told.filter(({ done }) => done === null);
  await pokeSenders(env, [...new Set(waiting.map(({ endpointId }) => endpointId))]);
  return answer;
}

/** Nodes ask by themselves, so that this may fail without harm. */
async function wakeNodes(env: Env, home: number): Promise<void> {
  await hubOf(env.bindings.HUB)
    .wake([home])
    .catch(() => undefined);
}

/**
 * Asks the endpoints whose answer is the reply, and notes in the rows what they said. The first refusal is everybody's:
 * nobody else is told then.
 */
async function askAll(
  store: Store,
  env: Env,
  rows: NewReceived[],
  parts: readonly Part[],
  origin: string,
): Promise<SmtpRefusal | null> {
  const asked = parts.map(({ domain, account, decision, recipients }) =>
    toldEndpoints(domain, firstOf(account, recipients), decision).filter(answersItself),
  );
  const [first] = rows;
  if (!first || asked.every((some) => some.length === 0)) return null;
  const raw = await receivedBytes(store, first.received, Date.now());
  for (const [i, row] of rows.entries()) {
    for (const endpoint of asked[i] ?? []) {
      const received = { ...row.received, deliveries: [] };
      const { key, made, refusal } = await askEndpoint(env, endpoint, { received, raw, origin });
      const post = row.posts.find(({ endpointId }) => endpointId === endpoint.id);
      if (post) post.done = { key, made, state: refusal ? 'dead' : 'delivered' };
      if (!refusal) continue;
      for (const one of rows) {
        one.posts = one.posts.filter(({ done }) => done !== null);
        one.received.state = 'rejected';
        one.received.decision = { ...one.received.decision, text: `Refused: ${refusal.text}` };
      }
      return refusal;
    }
  }
  return null;
}

/** The recipients by the rule that takes them, in the order of RCPT; and a refusal, if any rule says so by now. */
function partsFor(
  domains: ReadonlyMap<string, ReceivingDomain>,
  { rcptTo, group }: ReceivedHead,
  nowMs: number,
): { parts: Part[]; refusal: SmtpRefusal | null } {
  const parts = new Map<string, Part>();
  let refusal: SmtpRefusal | null = null;
  for (const address of rcptTo) {
    const { localPart, domain: name } = partsOf(address);
    const domain = domains.get(name);
    // Of another account by now: what was agreed at RCPT does not hold.
    const account = domain && accountOf(domain, localPart);
    if (!domain || !account || !group.startsWith(`${account.id}:`)) continue;
    const decision = decide(domain, localPart, nowMs);
    if (decision.action === 'refuse') {
      refusal = { reply: decision.reply, text: decision.text };
      continue;
    }
    const key = `${domain.id} ${decision.by} ${boundTo(domain, account, localPart)}`;
    const part = parts.get(key);
    if (part) part.recipients.push(address);
    else parts.set(key, { domain, account, decision, recipients: [address] });
  }
  return { parts: [...parts.values()], refusal };
}

/** The same by what the rules of their domains say of the mail. @returns or a refusal, which is everybody's */
function ruled(
  parts: readonly Part[],
  facts: ReturnType<typeof ruleFacts>,
  nowMs: number,
): Part[] | SmtpRefusal {
  const kept: Part[] = [];
  const byRule = new Map<string, Part>();
  for (const part of parts) {
    const { account, domain, recipients } = part;
    const [address = ''] = recipients;
    const { localPart } = partsOf(address);
    const of = ruledAddress(domain, address);
    const decision = ruledDecision(rulesFor(domain, localPart), facts, of, nowMs);
    if (decision?.action === 'refuse') return { reply: decision.reply, text: decision.text };
    const key = `${domain.id} ${of.alias?.id ?? ''} ${decision?.by} ${boundTo(domain, account, localPart)}`;
    const same = byRule.get(key);
    if (decision && same) {
      same.recipients.push(...recipients);
      continue;
    }
    const next = decision ? { ...part, decision, recipients: [...recipients] } : part;
    if (decision) byRule.set(key, next);
    kept.push(next);
  }
  return kept;
}

/** The endpoints that are bound to mail to an address: recipients that differ in these are told of by themselves. */
function boundTo({ endpoints, name }: ReceivingDomain, account: ReceivingAccount, localPart: string): string {
  return endpoints
    .filter((one) => one.domain !== null && one.accountId === account.id && isInScope(one, name, localPart))
    .map(({ id }) => id)
    .join(',');
}

/** What the recipients of a part have in common for endpoints. */
function firstOf({ id: accountId }: ReceivingAccount, [first = '']: readonly string[]) {
  return { accountId, localPart: partsOf(first).localPart };
}

/** The id of the `i`-th row of a mail: the node's, with a number in its last byte. */
function idOf(id: string, i: number): string {
  return id.slice(0, -2) + i.toString(16).padStart(2, '0');
}

function rowOf(
  { head, origin }: HandedOver,
  { domain, account, decision, recipients }: Part,
  common: Pick<Received, 'accountId' | 'id' | 'bodyDay' | 'bodyId' | 'inReplyTo' | 'sizeBytes'>,
  read: MailHead,
): NewReceived {
  const endpoints = toldEndpoints(domain, firstOf(account, recipients), decision);
  const { remoteIp, helo, tls } = head;
  return {
    received: {
      ...common,
      receivedAtMs: head.receivedAtMs,
      domain: domain.name,
      decision: keptOf(decision, endpoints),
      envelopeFrom: head.mailFrom,
      recipients,
      fromHeader: read.fromHeader,
      subject: read.subject,
      messageIdHeader: read.messageId,
      hasAttachments: read.hasAttachments,
      client: { remoteIp, helo, tls },
      verdicts: head.verdicts,
      state: null,
    },
    posts: endpoints.map(({ id: endpointId }) => ({
      endpointId,
      body: JSON.stringify({
        received: common.id,
        sizeBytes: common.sizeBytes,
        origin,
      } satisfies ReceivedPointer),
      done: null,
    })),
  };
}

function keptOf(decision: Part['decision'], endpoints: readonly Endpoint[]): KeptDecision {
  const { action, by } = decision;
  switch (action) {
    case 'webhook': {
      const text = endpoints.length === 0 ? 'The account has no active endpoint for received mail.' : '';
      return { action: endpoints.length === 0 ? 'keep' : action, by, text };
    }
    case 'forward': {
      const left = decision.left.length === 0 ? '' : `Not sent to ${decision.left.join(', ')}.`;
      return { action, by, text: left };
    }
    case 'answer':
    case 'drop':
    case 'keep':
      return { action, by, text: '' };
    default:
      return assertNever(action);
  }
}

/** Streams a mail to R2; gives its beginning, and whether any octet of it is not ASCII. */
async function putStream(
  store: Store,
  place: Pick<Received, 'bodyDay' | 'bodyId'>,
  { raw, sizeBytes }: HandedOver,
): Promise<{ beginning: Uint8Array<ArrayBuffer>; eightBit: boolean }> {
  const beginning = new Uint8Array(Math.min(headBytes, sizeBytes));
  let kept = 0;
  let eightBit = false;
  // R2 must know the length of what it is given.
  const { readable, writable } = new FixedLengthStream(sizeBytes);
  const put = putReceived(store, place, readable);
  const writer = writable.getWriter();
  const copied = (async () => {
    for await (const chunk of raw) {
      const part = chunk.subarray(0, beginning.length - kept);
      beginning.set(part, kept);
      kept += part.length;
      eightBit ||= chunk.some((octet) => octet > 127);
      await writer.write(chunk);
    }
    await writer.close();
  })();
  await Promise.all([
    put,
    copied.catch(async (error) => {
      await writer.abort(error).catch(() => undefined);
      throw error;
    }),
  ]);
  return { beginning: beginning.subarray(0, kept), eightBit };
}
