import type { Failure, SmtpReply } from '#domain/delivery/outcome.ts';
import { formatReply } from '#domain/failure/smtp-reply.ts';
import type { LeasedDelivery } from '#domain/node-contract.ts';
import type { Stay } from './destinations.ts';
import { type Around, type Errand, type HostEnding, type HostResult, tryHost } from './host-attempt.ts';
import type { MxTarget } from './mx-order.ts';
import { silentFailure } from './outcomes.ts';
import { type Provider, pauseAsked } from './providers.ts';

/**
 * RFC 5321 §5.1 asks for at least two addresses to be tried. More than five only keeps a delivery busy: a domain
 * with so many that fail is down.
 */
const maxTargets = 5;

type Passed = Extract<HostResult, { kind: 'next' }> & { target: MxTarget };

/**
 * Tries host after host until one of them decides; none decides: deferred with what tells most.
 *
 * Where encryption failed that a host had offered, the others are tried encrypted first, and the message waits. Only
 * when it fails at a later attempt as well does it go in clear, to the hosts where it failed: no encryption is then
 * no worse than what a peer without STARTTLS gets (RFC 7435 §4), and whoever breaks a handshake in passing has
 * gained nothing.
 */
export async function tryHosts(
  targets: readonly MxTarget[],
  errand: Errand,
  delivery: Pick<LeasedDelivery, 'attempt' | 'leaseUntilMs'>,
  { stay, provider }: { stay: Stay; provider: Provider | null },
  around: Around,
): Promise<HostEnding | 'untried'> {
  const isFirst = delivery.attempt <= 1;
  const passed: Passed[] = [];
  let silent: Failure | null = null;

  async function tryEach(hosts: readonly MxTarget[], plain: boolean): Promise<HostEnding | 'untried' | null> {
    let tried = 0;
    for (const target of hosts) {
      // Once the lease is over another node may have the delivery: no further host is tried.
      if (passed.length > 0 && around.now() >= delivery.leaseUntilMs) break;
      if (tried === maxTargets || errand.patience.leftMs <= 0) break;
      const result = await tryHost(target, { ...errand, plain }, around);
      const reply = replyOf(result);
      const pauseSeconds = provider && reply ? pauseAsked(provider, reply) : null;
      if (reply && pauseSeconds !== null) stay.slowDown(formatReply(reply), pauseSeconds * 1000);
      else if (result.kind === 'decided' || result.spoke) stay.answered();
      if (result.kind === 'decided') return result.ending;
      if (result.kind === 'busy') {
        if (passed.length === 0) return 'untried';
        break;
      }
      if (result.kind === 'silent') {
        silent ??= result.failure;
        continue;
      }
      tried += 1;
      passed.push({ ...result, target });
      errand.session.tried.push({ ...target, error: toldOf(result, isFirst) });
    }
    return null;
  }

  const encrypted = await tryEach(targets, false);
  if (encrypted) return encrypted;
  const unable = passed.filter(({ because }) => because === 'lacksExtension');
  if (unable[0] && unable.length === Math.min(targets.length, maxTargets)) return lackOf(unable[0], isFirst);
  const withoutTls = passed.filter(({ because }) => because === 'noTls').map(({ target }) => target);
  const clear = isFirst ? null : await tryEach(withoutTls, true);
  if (clear) return clear;
  if (errand.session.mx === null) stay.silent();
  return { type: 'deferred', failure: tellingMost(passed, silent, errand.domain) };
}

/** What a host said when it refused. */
function replyOf(result: HostResult): SmtpReply | null {
  if (result.kind === 'busy') return null;
  if (result.kind !== 'decided') return result.failure.reply;
  return 'failure' in result.ending ? result.ending.failure.reply : null;
}

/** RFC 6531 §3.5, RFC 8689 §4.2.1. That every host lacks it is believed the second time: an MX may be seen in the middle of a change. */
function lackOf({ failure }: Passed, isFirst: boolean): HostEnding {
  if (!isFirst) return { type: 'bounced', failure };
  return { type: 'deferred', failure: { ...failure, status: failure.status?.replace(/^5/, '4') ?? null } };
}

function toldOf({ failure, because }: Pick<Passed, 'failure' | 'because'>, isFirst: boolean): string {
  if (because !== 'noTls') return failure.text;
  return `${failure.text}; ${isFirst ? 'it waits' : 'tried again without TLS'}`;
}

/** What a server said tells more than a connection that could not be made. */
function tellingMost(passed: readonly Passed[], silent: Failure | null, domain: string): Failure {
  const said = passed.findLast(({ failure }) => failure.reply !== null) ?? passed.at(-1);
  const none = { class: 'network', text: `no MX host of ${domain} has an address` } as const;
  return said?.failure ?? silent ?? silentFailure(none);
}
