import { z } from 'zod';
import type { NewEvent } from '#domain/delivery/event.ts';
import { type Session, sessionSchema } from '#domain/delivery/outcome.ts';
import { State } from '../../pages/parts.tsx';

/** The encryption of an attempt, or that there was none; undefined: no host was spoken to. */
export type Used = Session['tls'] | undefined;

const attempt = z.object(sessionSchema.pick({ mx: true, tls: true }).shape);

/** What the last attempt that reached a host used. */
export function tlsOf(timeline: readonly NewEvent[]): Used {
  for (const { details } of timeline.toReversed()) {
    const parsed = attempt.safeParse(details);
    if (parsed.success && parsed.data.mx) return parsed.data.tls;
  }
  return undefined;
}

const askedBy = { dane: 'DANE', 'mta-sts': 'MTA-STS', require_tls: 'the message' };

/** Version and cipher, the certificate and its verdict, who asked for it, and what was not met. */
export function TlsUsed({ used }: { used: Used }) {
  if (used === undefined) return <p class="small quiet">no host was reached</p>;
  if (used === null)
    return (
      <p class="small row">
        <State tone="warn">without TLS</State>
      </p>
    );
  const { policy } = used;
  return (
    <>
      <p class="small row">
        <State tone={used.verdict === 'verified' ? 'good' : 'quiet'}>{used.version}</State>
        {used.cipher}, certificate {used.verdict}
        {used.reason ? `: ${used.reason}` : ''}
      </p>
      {used.issuer !== undefined && (
        <p class="small quiet break">
          certificate issued by {used.issuer || 'nobody named'}
          {used.expires ? `, valid until ${used.expires.slice(0, 10)}` : ''}
        </p>
      )}
      {policy && (
        <p class="small break">
          asked for by {askedBy[policy.source]}
          {policy.mode === 'testing' ? ', in testing' : ''}
          {policy.fault ? `: ${policy.fault}` : ''}
        </p>
      )}
    </>
  );
}
