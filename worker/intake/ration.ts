import { exceededBy, rateLimited } from '#domain/limits/rate-limit.ts';
import { isGood, Problem } from '#domain/problem.ts';
import type { GateCredential } from '../store/acceptance.ts';
import type { AcceptedMessage } from '../store/accepted-rows.ts';
import { countersOf, type DomainUsage } from '../store/usage.ts';

/** What is known to be used when messages are decided on. */
export interface Usage {
  /** Messages of the account in this minute; null: not asked. */
  accountUsed: number | null;
  domains: DomainUsage[];
}

/**
 * Lets as many messages through, in their order, as the limits of the account and of their domains leave room
 * for; the others get a 429 each. What it lets through may still fail in the transaction, when others were faster.
 */
export function ration(
  messages: readonly (AcceptedMessage | Problem)[],
  usage: Usage,
  credential: GateCredential,
  nowMs: number,
): (AcceptedMessage | Problem)[] {
  const account = {
    type: 'minute' as const,
    limit: credential.messagesPerMinute,
    used: usage.accountUsed ?? 0,
  };
  const domains = new Map(
    usage.domains.map((domain) => [domain.name, { domain, counters: countersOf(domain, nowMs) }]),
  );
  return messages.map((message) => {
    if (message instanceof Problem) return message;
    if (exceededBy(1, [account])) {
      return rateLimited(
        account,
        { who: 'This account', what: 'messages', count: 1, warmingPhase: null },
        nowMs,
      );
    }
    const limited = domains.get(message.signingDomain);
    const count = message.counted;
    const exceeded = limited && exceededBy(count, limited.counters);
    if (exceeded) {
      const what = { what: 'recipients', count, warmingPhase: limited.domain.state };
      return rateLimited(exceeded, { who: message.signingDomain, ...what }, nowMs);
    }
    account.used += 1;
    for (const counter of limited?.counters ?? []) counter.used += count;
    return message;
  });
}

/** The messages that are let in, and how many recipients of each domain that makes. */
export function countsOf(
  messages: readonly (AcceptedMessage | Problem)[],
  usage: Usage,
): { domain: DomainUsage; count: number }[] {
  const good = messages.filter(isGood);
  return usage.domains.map((domain) => ({
    domain,
    count: good
      .filter((message) => message.signingDomain === domain.name)
      .reduce((sum, message) => sum + message.counted, 0),
  }));
}
