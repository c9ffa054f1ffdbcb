import { newMessageId } from '#domain/message/ids.ts';
import { limits } from '#domain/message/submission.ts';
import { Problem } from '#domain/problem.ts';
import { type EntryView, entryView } from '#domain/suppression/suppression.ts';
import { authorize } from '../identity/authenticate.ts';
import type { Caller, Gate, GateCredential } from '../store/acceptance.ts';
import { firstState, type Intake, randomBytes, readGateFor } from './accept.ts';
import type { Draft } from './draft.ts';
import { checkDomain, suppressionOf } from './gate.ts';
import { linksFor, trackingOf } from './track.ts';

/** What sending a draft now would come to. */
export interface Rehearsal {
  dry_run: true;
  would_send: boolean;
  class: string;
  size_bytes: number;
  checks: { check: 'domain' | 'size' | 'recipients'; ok: boolean; detail: string }[];
  recipients: RehearsedRecipient[];
}

export interface RehearsedRecipient {
  recipient: string;
  would: 'queued' | 'scheduled' | 'simulated' | 'suppressed' | 'refused';
  why: string;
  entry?: EntryView;
}

/**
 * "Would this send?": takes a draft through the gate like `accept`, tells every check and what each recipient would
 * get, and stores nothing. One D1 round trip.
 * @throws Problem when the credential may not send
 */
export async function rehearse(
  intake: Pick<Intake, 'store' | 'nowMs' | 'links' | 'sandbox' | 'simulatorDomain'>,
  by: Caller | null,
  draft: Draft,
): Promise<Rehearsal> {
  const gate = await readGateFor(intake, { username: null, by, drafts: [draft], idempotency: null });
  const credential = authorize(gate.credential, 'send');
  const id = newMessageId(intake.nowMs, randomBytes(10), intake.store.home);
  const links = linksFor(draft.fromDomain, gate, intake.links);
  const tracking = await trackingOf(draft, credential, links, id);
  const sizeBytes = (await draft.build({ id, nowMs: intake.nowMs, tracking })).raw.length;
  const domain = domainCheck(draft, credential, gate, intake);
  const size = sizeCheck(sizeBytes);
  const refused = [domain, size].find((check) => !check.ok);
  const recipients = draft.recipients.map((recipient): RehearsedRecipient => {
    const entry = suppressionOf(recipient, draft, gate);
    if (refused) return { recipient: recipient.address, would: 'refused', why: refused.detail };
    if (entry) {
      const why = `suppressed: ${entry.reason}`;
      return { recipient: recipient.address, would: 'suppressed', why, entry: entryView(entry) };
    }
    return { recipient: recipient.address, ...whatWould(draft, credential, intake.nowMs) };
  });
  const sent = recipients.filter((r) => r.would !== 'suppressed' && r.would !== 'refused').length;
  const left = recipients.length - sent;
  return {
    dry_run: true,
    would_send: sent > 0,
    class: draft.handling.class,
    size_bytes: sizeBytes,
    checks: [
      domain,
      size,
      {
        check: 'recipients',
        ok: recipients.some((r) => r.would !== 'suppressed'),
        detail: `${recipients.length} in all, ${left} would be left out`,
      },
    ],
    recipients,
  };
}

function domainCheck(
  draft: Draft,
  credential: GateCredential,
  gate: Gate,
  intake: Pick<Intake, 'sandbox' | 'simulatorDomain'>,
) {
  try {
    checkDomain(draft, credential, gate, intake);
    const detail =
      credential.environment === 'test'
        ? 'a test key is asked for no domain'
        : `${draft.fromDomain} may send`;
    return { check: 'domain' as const, ok: true, detail };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { check: 'domain' as const, ok: false, detail: error.detail };
  }
}

function sizeCheck(sizeBytes: number) {
  const ok = sizeBytes <= limits.messageBytes;
  return { check: 'size' as const, ok, detail: `${sizeBytes} of at most ${limits.messageBytes} bytes` };
}

function whatWould(draft: Draft, credential: GateCredential, nowMs: number) {
  const { sendAtMs, testMode } = draft.handling;
  const would = firstState(
    testMode || credential.environment === 'test',
    Math.max(nowMs, sendAtMs ?? nowMs),
    nowMs,
  );
  const why = {
    simulated: 'test mode: kept, but not delivered',
    scheduled: `waits until ${new Date(sendAtMs ?? nowMs).toISOString()}`,
    queued: 'nothing holds it back',
  }[would];
  return { would, why };
}
