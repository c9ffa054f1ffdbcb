import { z } from '@hono/zod-openapi';
import { selectorPattern } from '#domain/dns/dkim-selector.ts';
import { signs } from '#domain/dns/record-check.ts';
import { Problem } from '#domain/problem.ts';
import { type Call, invalidBody, newApp } from '../http/app.ts';
import { readBody } from '../http/request-body.ts';
import { importDkimKey } from '../store/dkim-keys.ts';
import { activateKey, addDkimKeys, type KnownDomain, retireKey, updateDomain } from '../store/domains.ts';
import { newKeys } from './domain-keys.ts';
import { domainOf, knownOf, orConflict } from './domain-of.ts';
import { keyView } from './domain-view.ts';

/** `/v1/domains/:id/dkim…`: the keys that a domain signs with. */
export const domainDkimApp = newApp();

/** Of keys that are not retired; each that signs is a field of every message. */
const mostKeys = 8;

export const newDkimKey = z.strictObject({
  selector: z
    .string()
    .regex(selectorPattern, 'must be DNS labels in lower case with dots between them, 100 characters at most')
    .meta({ description: 'Where its record is: `<selector>._domainkey.<domain>`.' }),
  private_key: z.string().min(1).max(16_384).meta({
    description:
      'PEM: RSA of 1024 to 4096 bits (PKCS #8 or PKCS #1) or Ed25519 (PKCS #8), without a passphrase.',
  }),
});

domainDkimApp.get('/domains/:id/dkim', async (c) => c.json(keysView(await domainOf(c))));

domainDkimApp.post('/domains/:id/dkim', async (c) => {
  const known = await signingDomainOf(c);
  const { domain, keys } = known;
  if (domain.dkimDelegated)
    throw new Problem('conflict', `${domain.name} delegates DKIM; set "dkim_delegated" to false first.`);
  const body = await readBody(c, newDkimKey);
  if (keys.filter(({ status }) => status !== 'retired').length >= mostKeys)
    throw new Problem('conflict', `${domain.name} has ${mostKeys} keys; retire one first.`);
  const nowMs = Date.now();
  const { accountId, name } = domain;
  const key = await importDkimKey(c.get('env').encryptionKeys, {
    accountId,
    domain: name,
    selector: body.selector,
    pem: body.private_key,
    known: keys,
    nowMs,
  });
  if (typeof key === 'string') throw invalidBody([{ path: ['private_key'], message: key }]);
  await orConflict(`${name} has, or had, a key ${body.selector}; choose another selector.`, () =>
    addDkimKeys(c.get('store'), domain.id, [key]),
  );
  await updateDomain(c.get('store'), domain.id, { nextCheckMs: nowMs });
  return c.json(keysView(await knownOf(c, domain.id)), 201);
});

domainDkimApp.post('/domains/:id/dkim/rotate', async (c) => {
  const known = await signingDomainOf(c);
  const { domain, keys } = known;
  if (domain.dkimDelegated) {
    await takeOver(c, known);
    return c.json(keysView(await knownOf(c, domain.id)), 201);
  }
  const waiting = keys.find((key) => key.status === 'pending' && key.algorithm === 'rsa-sha256');
  if (waiting) {
    throw new Problem(
      'conflict',
      `The key ${waiting.selector} is not published yet; publish it, or retire it first.`,
    );
  }
  const nowMs = Date.now();
  await orConflict('Another rotation has just begun.', async () =>
    addDkimKeys(c.get('store'), domain.id, await newKeys(c, domain, keys, nowMs)),
  );
  await updateDomain(c.get('store'), domain.id, { nextCheckMs: nowMs + 15 * 60_000 });
  return c.json(keysView(await knownOf(c, domain.id)), 201);
});

domainDkimApp.post('/domains/:id/dkim/:selector/retire', async (c) => {
  const { domain, keys } = await domainOf(c);
  const key = keys.find((one) => one.selector === c.req.param('selector'));
  if (!key)
    throw new Problem('not_found', `${domain.name} has no key ${c.req.param('selector')?.slice(0, 64)}.`);
  const others = keys.filter(
    (one) => one !== key && one.status === 'active' && one.algorithm === 'rsa-sha256',
  );
  if (key.status === 'active' && key.algorithm === 'rsa-sha256' && others.length === 0) {
    throw new Problem('conflict', `${key.selector} is the only RSA key that signs; rotate first.`);
  }
  await retireKey(c.get('store'), domain.id, key.selector, Date.now());
  return c.json(keysView(await knownOf(c, domain.id)));
});

/** The delegated key that stands by signs from now on. @throws Problem while it is not found */
async function takeOver(c: Call, { domain, keys, rows }: KnownDomain): Promise<void> {
  const next = keys.find(({ target, status }) => target && status === 'pending');
  if (!next)
    throw new Problem(
      'conflict',
      'A rotation has just been: the key that stands by is made when mail of the last one is through.',
    );
  const row = rows.find(({ name }) => name.startsWith(`${next.selector}._domainkey.`));
  if (row?.status !== 'ok')
    throw new Problem(
      'conflict',
      `${next.selector} is not found yet. ${row?.fix ?? 'Verify the domain first.'}`,
    );
  await activateKey(c.get('store'), domain.id, next.selector);
  await updateDomain(c.get('store'), domain.id, { nextCheckMs: Date.now() });
}

async function signingDomainOf(c: Call): Promise<KnownDomain> {
  const known = await domainOf(c);
  const { name, type } = known.domain;
  if (!signs(type)) throw new Problem('conflict', `${name} is of type ${type} and does not sign.`);
  return known;
}

function keysView(known: KnownDomain) {
  return { data: known.keys.map((key) => keyView(known, key)) };
}
