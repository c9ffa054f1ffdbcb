import { Problem } from '#domain/problem.ts';
import type { Scope } from '#domain/scope.ts';
import type { GateCredential } from '../store/acceptance.ts';

/**
 * The credential that may do what is asked; throws 401 or 403 otherwise.
 * @param username whose it must be, 404 otherwise; null: anybody's
 */
export function authorize(
  credential: GateCredential | null,
  scope: Scope | null,
  username: string | null = null,
): GateCredential {
  if (!credential || credential.revoked) {
    throw new Problem(
      'unauthorized',
      'The API key is missing, unknown or revoked; send it as "Authorization: Bearer pp_live_…".',
      { headers: { 'WWW-Authenticate': 'Bearer' } },
    );
  }
  if (username !== null && username !== credential.username) {
    throw new Problem('not_found', `The key does not belong to the user ${username.slice(0, 64)}.`);
  }
  if (credential.accountStatus !== 'active') {
    const why = credential.accountStatusReason ? `: ${credential.accountStatusReason}` : '';
    throw new Problem('account_suspended', `The account is suspended${why}.`);
  }
  if (scope !== null && !credential.scopes.includes(scope)) {
    throw new Problem(
      'missing_scope',
      `This needs a key with the scope "${scope}"; this key has: ${credential.scopes.join(', ')}.`,
    );
  }
  return credential;
}
