import { z } from '@hono/zod-openapi';
import { defaultSelector, generationOf, selectorStemPattern } from '#domain/dns/dkim-selector.ts';
import { linkLabelFault } from '#domain/dns/link-host.ts';
import { defaultReturnPathLabel, domainTypes, signs } from '#domain/dns/record-check.ts';
import {
  addedTooOften,
  domainLimits,
  mostDomains,
  verificationLimits,
  verifiedTooOften,
  windowMs,
} from '#domain/limits/rate-limit.ts';
import { numberOfUuid } from '#domain/number-id.ts';
import { Problem } from '#domain/problem.ts';
import { delegationOf, tendDelegatedKeys } from '../dns/delegated-keys.ts';
import { dohLookup } from '../dns/doh.ts';
import { linkTendingOf, removeLinkHost } from '../dns/link-hosts.ts';
import { verifyDomain } from '../dns/verify-domain.ts';
import { zoneOf } from '../dns/zone-api.ts';
import { type Call, invalidBody, newApp, queryOf } from '../http/app.ts';
import { readBody } from '../http/request-body.ts';
import { noted } from '../identity/audit.ts';
import { requireDomain, rowsOf, sees } from '../identity/rows.ts';
import { domainName } from '../intake/domain-name.ts';
import { asciiDomain } from '../intake/recipient.ts';
import { countTries } from '../store/auth.ts';
import { generateDkimKeys } from '../store/dkim-keys.ts';
import {
  AlreadyThere,
  createDomain,
  type Domain,
  deleteDomain,
  findDomain,
  type KnownDomain,
  listDomains,
  readDomain,
  retireKey,
  updateDomain,
} from '../store/domains.ts';
import { tellLoss } from '../system-mail/tell-owners.ts';
import { targetGuard } from '../webhook/guard.ts';
import { detailOf, dnsOf, snippetOf, summaryOf } from './domain-view.ts';
import { settleWaiting } from './domain-waiting.ts';

/** `/v1/domains…`: sending domains, their DNS records and DKIM keys. */
export const domainsApp = newApp();

const label = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be one DNS label in lower case');

const linkLabel = label.nullable().meta({
  description:
    'Links in its mail lead to `<label>.<domain>`, a CNAME of yours, while that has a certificate; null: to the service.',
});

const selectorStem = z
  .string()
  .regex(
    selectorStemPattern,
    'must be one DNS label in lower case that begins with a letter, 50 characters at most',
  )
  .meta({
    description: 'What the selectors of keys that are made begin with: `<selector>`, `<selector>2`, …',
  });

const delegated = z.boolean().meta({
  description:
    'Two selectors are CNAMEs to names of the service, where the keys are published: rotation needs nothing of you.',
});

export const newDomain = z.strictObject({
  domain: domainName,
  type: z.enum(domainTypes).default('outbound'),
  return_path_label: label.default(defaultReturnPathLabel),
  link_label: linkLabel.default(null),
  dkim_selector: selectorStem.default(defaultSelector),
  dkim_delegated: delegated.default(false),
  catch_all_enabled: z.boolean().default(true).meta({
    description: 'Of one that receives: whether it begins with a route that takes every address.',
  }),
  inbound_mx_acknowledged: z.boolean().optional().meta({
    description: 'That mail will come here once the MX does: it is so without it, too.',
  }),
});
export const domainChange = z.strictObject({
  type: z.enum(domainTypes).optional(),
  return_path_label: label.optional(),
  link_label: linkLabel.optional(),
  dkim_selector: selectorStem.optional(),
  dkim_delegated: delegated.optional(),
  active: z
    .boolean()
    .optional()
    .meta({ description: 'false switches it off; true lets it be verified again.' }),
  refuse_dmarc: z.boolean().nullable().optional().meta({
    description:
      'Whether received mail is refused that fails DMARC where its author’s domain asks for that (p=reject); null: only of the type alias.',
  }),
});
export const domainsQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(50),
  offset: z.coerce.number().int().min(0).max(100_000).default(0),
});
/** Anything but true or false is at fault, so that nobody cancels by a slip. */
export const removalQuery = z.object({
  cancel: z.enum(['true', 'false'], 'must be true or false').default('false').meta({
    description: '`true`: cancels what waits of the domain, with an event each, and removes it then.',
  }),
});
export const dnsQuery = z.object({
  format: z
    .enum(['json', 'bind'])
    .optional()
    .meta({ description: '`bind`: a snippet of a zone file, as with `Accept: text/plain`.' }),
});

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
  if (linkMoves) await removeLinkHost(zoneOf(c.get('env')), domain);
  if (renamed) await retireUnused(c, known);
  if (domain.dkimDelegated !== dkimDelegated) await retireWaiting(c, known);
  const after = status === 'disabled' ? knownOf(c, domain.id) : verified(c, domain.id);
  return c.json(detailOf(c, await after));
});

domainsApp.delete('/domains/:id', async (c) => {
  const { domain } = await domainOf(c);
  const { cancel } = queryOf(c, removalQuery);
  await settleWaiting(c, domain, cancel === 'true');
  await deleteDomain(c.get('store'), domain.id);
  await removeLinkHost(zoneOf(c.get('env')), domain);
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

export async function orConflict<T>(detail: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AlreadyThere)) throw error;
    throw new Problem('conflict', detail);
  }
}

/** The number in the path, as it is or as a UUID, or that of the account's domain whose name is there; undefined when there is none. */
export async function domainIdOf(c: Call): Promise<number | undefined> {
  const given = (c.req.param('id') ?? '').toLowerCase();
  if (/^\d{1,15}$/.test(given)) return Number(given);
  const number = numberOfUuid('domain', given);
  if (number !== null) return number;
  return (await findDomain(c.get('store'), c.get('credential').accountId, asciiDomain(given)))?.id;
}

/** The domain of the path, by number or by name; 404 for another account's alike. */
export async function domainOf(c: Call): Promise<KnownDomain> {
  const { accountId } = c.get('credential');
  const id = await domainIdOf(c);
  const known = id === undefined ? null : await readDomain(c.get('store'), id);
  if (!known || known.domain.accountId !== accountId || !sees(rowsOf(c), known.domain.name)) {
    throw new Problem('not_found', `There is no domain ${(c.req.param('id') ?? '').slice(0, 100)}.`);
  }
  noted(c, { domain: known.domain.name });
  return known;
}

export async function knownOf(c: Call, id: number): Promise<KnownDomain> {
  const known = await readDomain(c.get('store'), id);
  if (!known) throw new Problem('not_found', 'The domain is gone.');
  return known;
}

/** @throws Problem when too many domains were added of late, or are there */
async function countAddition(c: Call, accountId: number, nowMs: number): Promise<void> {
  const store = c.get('store');
  for (const limit of domainLimits) {
    const key = `add domain ${limit.type}:${accountId}`;
    const tries = await countTries(store, key, { windowMs: windowMs[limit.type], nowMs });
    if (tries.count > limit.limit) throw addedTooOften(limit, { endsMs: tries.endsMs, nowMs });
  }
  const there = await listDomains(store, accountId, { limit: 1, offset: mostDomains - 1 });
  if (there.length > 0)
    throw new Problem('conflict', `The account has ${mostDomains} domains; remove one first.`);
}

/** @throws Problem when the records of the domain have been looked at too often */
async function countVerification(c: Call, { accountId, name }: Domain): Promise<void> {
  const nowMs = Date.now();
  for (const limit of verificationLimits) {
    // By name: a domain that is removed and added again is the same one.
    const key = `verify ${limit.type}:${accountId}:${name}`;
    const tries = await countTries(c.get('store'), key, { windowMs: windowMs[limit.type], nowMs });
    if (tries.count > limit.limit) throw verifiedTooOften(name, limit, { endsMs: tries.endsMs, nowMs });
  }
}

/** What domains are looked at and tended with. */
function tending(c: Call, nowMs: number) {
  const env = c.get('env');
  const { dohUrl, serviceDomain } = env;
  const delegation = delegationOf(env);
  const links = linkTendingOf(env, targetGuard(env));
  return { store: c.get('store'), lookup: dohLookup(dohUrl), serviceDomain, nowMs, delegation, links };
}

async function verified(c: Call, id: number): Promise<KnownDomain> {
  const onLost = tellLoss(c.get('store'), c.get('env'));
  const known = await verifyDomain({ ...tending(c, Date.now()), onLost }, id);
  if (!known) throw new Problem('not_found', 'The domain is gone.');
  return known;
}

/** Retires keys that were made under the name before and never signed. */
async function retireUnused(c: Call, { domain, keys }: KnownDomain): Promise<void> {
  for (const { selector, status } of keys)
    if (status === 'pending' && generationOf(domain.dkimSelector, selector) !== null)
      await retireKey(c.get('store'), domain.id, selector, Date.now());
}

/** Of a domain that delegates DKIM from now on, or no more; what signs goes on until a key of the other kind does. */
async function retireWaiting(c: Call, { domain, keys }: KnownDomain): Promise<void> {
  for (const { selector, status, target } of keys)
    if (status === 'pending' && (target !== null) === domain.dkimDelegated)
      await retireKey(c.get('store'), domain.id, selector, Date.now());
}

function refuseDelegation(before: Domain, after: Pick<Domain, 'dkimSelector' | 'dkimDelegated'>): void {
  const { name } = before;
  if (before.dkimDelegated && after.dkimSelector !== before.dkimSelector)
    throw new Problem(
      'conflict',
      `${name} delegates DKIM, whose selectors stay; set "dkim_delegated" to false first.`,
    );
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

/** The next pair of keys of a domain that has these. */
export async function newKeys(
  c: Call,
  { accountId, name, dkimSelector }: Pick<Domain, 'accountId' | 'name' | 'dkimSelector'>,
  known: readonly { selector: string; createdAtMs: number }[],
  nowMs: number,
) {
  const { encryptionKeys } = c.get('env');
  const of = { accountId, domain: name, stem: dkimSelector, known, status: 'pending', nowMs } as const;
  return await generateDkimKeys(encryptionKeys, of);
}
