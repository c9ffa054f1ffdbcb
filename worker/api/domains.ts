import { linkLabelFault } from '#domain/dns/link-host.ts';
import { signs } from '#domain/dns/record-check.ts';
import { Problem } from '#domain/problem.ts';
import { delegationOf, tendDelegatedKeys } from '../dns/delegated-keys.ts';
import { dohLookup } from '../dns/doh.ts';
import { giveUpLinkHost, linkTendingOf } from '../dns/link-hosts.ts';
import { verifyDomain } from '../dns/verify-domain.ts';
import { zoneOf } from '../dns/zone-api.ts';
import { type Call, invalidBody, newApp, queryOf } from '../http/app.ts';
import { readBody } from '../http/request-body.ts';
import { noted } from '../identity/audit.ts';
import { requireDomain, rowsOf, sees } from '../identity/rows.ts';
import {
  createDomain,
  type Domain,
  deleteDomain,
  type KnownDomain,
  listDomains,
  updateDomain,
} from '../store/domains.ts';
import { tellLoss } from '../system-mail/tell-owners.ts';
import { targetGuard } from '../webhook/guard.ts';
import { dnsQuery, domainChange, domainsQuery, newDomain, removalQuery } from './domain-bodies.ts';
import { newKeys, refuseDelegation, retireUnused, retireWaiting } from './domain-keys.ts';
import { domainOf, knownOf, orConflict } from './domain-of.ts';
import { countAddition, countVerification } from './domain-tries.ts';
import { detailOf, dnsOf, snippetOf, summaryOf } from './domain-view.ts';
import { settleWaiting } from './domain-waiting.ts';

/** `/v1/domains…`: sending domains, their DNS records and DKIM keys. */
export const domainsApp = newApp();

domainsApp.get('/domains', async (c) => {
  const page = queryOf(c, domainsQuery);
  const { limit, offset } = page;
  const found = await listDomains(c.get('store'), c.get('credential').accountId, page);
  const visible = found.slice(0, limit).filter((domain) => sees(rowsOf(c), domain.name));
  const data = visible.map(summaryOf);
  return c.json({ data, domains: data, limit, offset, has_more: found.length > limit });
});

domainsApp.post('/domains', async (c) => {
  const body = await readBody(c, newDomain);
  const rows = rowsOf(c);
  const { accountId } = rows;
  requireDomain(rows, body.domain, `${body.domain} is not to be added by this key`);
  const nowMs = Date.now();
  refuseLinkLabel(c, body.link_label, { name: body.domain, returnPathLabel: body.return_path_label });
  await countAddition(c, accountId, nowMs);
  noted(c, { domain: body.domain });
  const values = {
    accountId,
    name: body.domain,
    type: body.type,
    status: 'pending' as const,
    returnPathLabel: body.return_path_label,
    linkLabel: body.link_label,
    dkimSelector: body.dkim_selector,
    dkimDelegated: body.dkim_delegated,
    createdAtMs: nowMs,
    nextCheckMs: nowMs,
  };
  const keys = signs(body.type) && !body.dkim_delegated ? await newKeys(c, values, [], nowMs) : [];
  const { id } = await orConflict(`${body.domain} is a domain of this account already.`, () =>
    createDomain(c.get('store'), values, keys, { takesAll: body.catch_all_enabled }),
  );
  const known = await tendDelegatedKeys(tending(c, nowMs), await knownOf(c, id));
  return c.json(detailOf(c, known), 201);
});

domainsApp.get('/domains/:id', async (c) => c.json(detailOf(c, await domainOf(c))));

domainsApp.patch('/domains/:id', async (c) => {
  const known = await domainOf(c);
  const body = await readBody(c, domainChange);
  const { domain } = known;
  const nowMs = Date.now();
  const type = body.type ?? domain.type;
  const opened = body.active === true && domain.status === 'disabled';
  // What it needs has changed, so what was proven is not enough; the operator's word stands.
  const renewed = domain.verifiedBy === 'operator' ? 'verified' : 'pending';
  const status =
    body.active === false ? 'disabled' : opened || type !== domain.type ? renewed : domain.status;
  const returnPathLabel = body.return_path_label ?? domain.returnPathLabel;
  const linkLabel = body.link_label === undefined ? domain.linkLabel : body.link_label;
  const linkMoves = linkLabel !== domain.linkLabel;
  if (linkMoves || body.return_path_label !== undefined)
    refuseLinkLabel(c, linkLabel, { name: domain.name, returnPathLabel });
  // What is not off is looked at after the change.
  if (status !== 'disabled') await countVerification(c, domain);
  const dkimSelector = body.dkim_selector ?? domain.dkimSelector;
  const dkimDelegated = body.dkim_delegated ?? domain.dkimDelegated;
  refuseDelegation(domain, { dkimSelector, dkimDelegated });
  // Keys of another name take the place of those that never signed; beside one that signs, the next rotation makes them.
  const unused = known.keys.every((key) => key.status !== 'active');
  const renamed = dkimSelector !== domain.dkimSelector && unused;
  const ofItsOwn = known.keys.filter((key) => key.target === null && key.algorithm === 'rsa-sha256');
  const lacksKeys = renamed || ofItsOwn.every((key) => key.status === 'retired');
  const keys =
    signs(type) && lacksKeys && !dkimDelegated
      ? await newKeys(c, { ...domain, dkimSelector }, known.keys, nowMs)
      : [];
  if (linkMoves) await giveUpLinkHost(givingUp(c), domain);
  await orConflict(`Another account has verified ${domain.name}.`, () =>
    updateDomain(
      c.get('store'),
      domain.id,
      {
        type,
        status,
        returnPathLabel,
        ...(linkMoves ? { linkLabel, linkState: 'pending', linkFault: null, linkCheckedAtMs: null } : {}),
        dkimSelector,
        dkimDelegated,
        ...(body.refuse_dmarc === undefined ? {} : { refuseDmarc: body.refuse_dmarc }),
        ...(status === 'disabled' ? { nextCheckMs: null } : {}),
      },
      keys,
    ),
  );
  if (renamed) await retireUnused(c, known);
  if (domain.dkimDelegated !== dkimDelegated) await retireWaiting(c, known);
  const after = status === 'disabled' ? knownOf(c, domain.id) : verified(c, domain.id);
  return c.json(detailOf(c, await after));
});

domainsApp.delete('/domains/:id', async (c) => {
  const { domain } = await domainOf(c);
  const { cancel } = queryOf(c, removalQuery);
  await settleWaiting(c, domain, cancel === 'true');
  await giveUpLinkHost(givingUp(c), domain);
  await deleteDomain(c.get('store'), domain.id);
  return c.body(null, 204);
});

domainsApp.post('/domains/:id/verify', async (c) => {
  const { domain } = await domainOf(c);
  if (domain.status === 'disabled') throw new Problem('conflict', `${domain.name} is switched off.`);
  await countVerification(c, domain);
  return c.json(detailOf(c, await verified(c, domain.id)));
});

domainsApp.get('/domains/:id/dns', async (c) => {
  const known = await domainOf(c);
  const accepted = /^text\/(plain|dns)\b/.test(c.req.header('Accept') ?? '') ? 'bind' : 'json';
  if ((queryOf(c, dnsQuery).format ?? accepted) === 'bind') return c.text(snippetOf(c, known));
  return c.json(dnsOf(c, known));
});

/** What domains are looked at and tended with. */
function tending(c: Call, nowMs: number) {
  const env = c.get('env');
  const { dohUrl, serviceDomain } = env;
  const delegation = delegationOf(env);
  const links = linkTendingOf(env, targetGuard(env));
  return { store: c.get('store'), lookup: dohLookup(dohUrl), serviceDomain, nowMs, delegation, links };
}

const givingUp = (c: Call) => ({ store: c.get('store'), zone: zoneOf(c.get('env')), nowMs: Date.now() });

async function verified(c: Call, id: number): Promise<KnownDomain> {
  const onLost = tellLoss(c.get('store'), c.get('env'));
  const known = await verifyDomain({ ...tending(c, Date.now()), onLost }, id);
  if (!known) throw new Problem('not_found', 'The domain is gone.');
  return known;
}

/** @throws Problem for a link host that cannot be */
function refuseLinkLabel(
  c: Call,
  linkLabel: string | null,
  of: Pick<Domain, 'name' | 'returnPathLabel'>,
): void {
  const message = linkLabelFault(linkLabel, { ...of, serviceDomain: c.get('env').serviceDomain });
  if (message !== null) throw invalidBody([{ path: ['link_label'], message }]);
}
