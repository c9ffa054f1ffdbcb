import type { DomainType } from '#domain/dns/record-check.ts';
import { receives } from '#domain/inbound/route.ts';
import { Problem } from '#domain/problem.ts';
import type { Call } from '../http/app.ts';
import { noted } from '../identity/audit.ts';
import { requireDomain, rowsOf } from '../identity/rows.ts';
import { findSharedDomain } from '../store/aliases.ts';
import { domainOf } from './domain-of.ts';

/** Where an account has rules: a domain of its own, or the installation's shared one, for its aliases there. */
export interface RulesDomain {
  /** Of the account that has the rules. */
  accountId: number;
  domainId: number;
  name: string;
  type: DomainType;
  /** Of somebody else. */
  isShared: boolean;
}

/**
 * The domain of the path.
 * @param to `change`: it must receive
 * @throws Problem when there is none such
 */
export async function rulesDomainOf(c: Call, to: 'read' | 'change' = 'read'): Promise<RulesDomain> {
  const { accountId } = c.get('credential');
  const shared = await sharedDomainOf(c);
  if (shared) return { accountId, domainId: shared.id, name: shared.name, type: 'alias', isShared: true };
  const { domain } = await domainOf(c);
  if (to === 'change' && !receives(domain.type)) {
    throw new Problem(
      'conflict',
      `${domain.name} is of type ${domain.type} and does not receive; change its type to inbound, both or alias first.`,
    );
  }
  return { accountId, domainId: domain.id, name: domain.name, type: domain.type, isShared: false };
}

/** The shared domain, where the path names it and it is another account's. */
async function sharedDomainOf(c: Call): Promise<{ id: number; name: string } | null> {
  const { aliasDomain } = c.get('env');
  if (aliasDomain === '') return null;
  const id = c.req.param('id') ?? '';
  const shared = await findSharedDomain(c.get('store'), aliasDomain);
  if (!shared || shared.accountId === c.get('credential').accountId) return null;
  if (id.toLowerCase() !== shared.name && id !== String(shared.id)) return null;
  requireDomain(rowsOf(c), shared.name, 'Its rules are not yours');
  noted(c, { domain: shared.name });
  return shared;
}
