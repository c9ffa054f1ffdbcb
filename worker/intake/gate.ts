import { Problem } from '#domain/problem.ts';
import { scopesOf } from '#domain/suppression/scope.ts';
import type { Gate, GateCredential, GateSuppression } from '../store/acceptance.ts';
import type { Draft, Recipient } from './draft.ts';
import { checkSandbox, type Sandbox } from './sandbox.ts';

/**
 * Lets a draft pass only from a domain that may send; the problem names the check that failed. What a test key sends
 * goes nowhere, so its domain may still be to come.
 */
export function checkDomain(
  draft: Draft,
  credential: GateCredential,
  gate: Gate,
  of: { sandbox: Sandbox; simulatorDomain: string },
): void {
  const refuse = (why: string): never => {
    const detail = `Cannot send from ${draft.fromDomain}: ${why}`;
    throw new Problem('domain_not_allowed', detail, { errors: [{ pointer: '/from', detail: why }] });
  };
  if (credential.domains !== null && !credential.domains.includes(draft.fromDomain)) {
    refuse(`this key is limited to ${credential.domains.join(', ')}.`);
  }
  if (credential.environment === 'test') return;
  if (draft.fromDomain === of.sandbox.domain) {
    checkSandbox(draft, credential, gate, of);
    return;
  }
  const domain = gate.domains.find((d) => d.name === draft.fromDomain);
  const { type, status, reason, activeKeys } =
    domain ?? refuse('it is not a domain of this account; add it first.');
  if (type !== 'outbound' && type !== 'both') {
    refuse(`it is of type ${type}; sending needs outbound or both.`);
  }
  if (status === 'disabled') refuse('it is switched off.');
  if (status !== 'verified') {
    refuse(reason ?? 'its ownership is not verified; publish its DNS records and verify it.');
  }
  if (activeKeys === 0) refuse('it has no active DKIM key that is verified.');
}

/** The entry that keeps a recipient from getting this draft; null when there is none. */
export function suppressionOf(recipient: Recipient, draft: Draft, gate: Gate): GateSuppression | null {
  const entries = gate.suppressions.get(recipient.address);
  if (!entries) return null;
  const scopes = scopesOf({ domain: draft.fromDomain, ...draft.handling });
  return entries.find(({ scope }) => scopes.includes(scope)) ?? null;
}
