/// <reference path="../operator/doctor/mailauth-spf.d.ts" />
import { setTimeout as pause } from 'node:timers/promises';
import { spf } from 'mailauth/lib/spf/index.js';
import type { Verdicts } from '#domain/inbound/verdicts.ts';
import { type Client, type JudgeOptions, resolverOf, resultOf } from './judge.ts';

/** SPF (RFC 7208) of a session before its mail is there. Never rejects: what cannot be judged is `temperror`. */
export type SenderPolicy = (client: Client) => Promise<Verdicts['spf']>;

/** By mailauth, as the mail is judged later. */
export function senderPolicy({
  dnsServers,
  withinMs = 20_000,
}: Pick<JudgeOptions, 'dnsServers' | 'withinMs'>): SenderPolicy {
  const resolver = resolverOf(dnsServers);
  return async ({ remoteIp, helo, mailFrom }) => {
    // RFC 7208 §2.4: the null sender stands for the host itself
    const sender = mailFrom || `postmaster@${helo}`;
    const domain = sender.slice(sender.lastIndexOf('@') + 1).slice(0, 255);
    const late = new AbortController();
    const judged = spf({
      ...{ ip: remoteIp, helo, sender, strict: false },
      resolver: (name, type) => resolver.resolve(name, type) as Promise<unknown[]>,
    }).then(({ status }) => resultOf(status.result));
    const given = pause(withinMs, 'temperror' as const, { signal: late.signal });
    for (const one of [judged, given]) one.catch(() => undefined); // whichever comes second is nobody's
    const result = await Promise.race([judged, given]).catch(() => 'temperror' as const);
    late.abort();
    return { result, domain };
  };
}
