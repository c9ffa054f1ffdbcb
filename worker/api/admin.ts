import { z } from '@hono/zod-openapi';
import { defaultSelector } from '#domain/dns/dkim-selector.ts';
import { signs } from '#domain/dns/record-check.ts';
import { warmingStates } from '#domain/limits/warming.ts';
import { dayOf } from '#domain/message/home.ts';
import { Problem } from '#domain/problem.ts';
import { scopeNames } from '#domain/scope.ts';
import { invalidBody, newApp, queryOf } from '../http/app.ts';
import { readBody } from '../http/request-body.ts';
import { noted } from '../identity/audit.ts';
import { domainName } from '../intake/domain-name.ts';
import {
  type Credential,
  createAccount,
  createCredential,
  listAccounts,
  listCredentials,
  revokeCredential,
  setAccountLimits,
  setAccountStatus,
} from '../store/accounts.ts';
import { readCounters } from '../store/counters.ts';
import { vouchFor } from '../store/destinations.ts';
import { generateDkimKeys } from '../store/dkim-keys.ts';
import {
  AlreadyThere,
  activateKeys,
  createDomain,
  type Domain,
  findDomain,
  listDkimKeys,
  updateDomain,
} from '../store/domains.ts';
import { emptiestHome } from '../store/sizes.ts';
import { vouched } from '../store/vouch.ts';
import { findWarming, setWarming } from '../store/warming.ts';
import { newSecret, sha256Hex } from '../tokens/secret.ts';
import { type AdminCall, accountOf, accountView, noSuchHome } from './admin-account.ts';
import { destination } from './aliases.ts';
import { warmingView } from './warming.ts';

/** `/admin/v1`: what the operator does, with the operator token. */
export const adminApp = newApp();

const accountBody = z.strictObject({
  name: z.string().min(1).max(200),
  /** The database in which it is to live; left out: the emptiest. */
  home: z.number().int().min(0).optional(),
});
const statusBody = z.strictObject({
  status: z.enum(['active', 'suspended']),
  reason: z.string().max(1000).nullable().default(null),
});
const credentialBody = z.strictObject({
  name: z.string().max(200).default(''),
  username: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/i, 'must have 1 to 64 letters, digits, dots, dashes or underscores')
    .default('pennypost'),
  environment: z.enum(['live', 'test']).default('live'),
  scopes: z
    .array(z.enum(scopeNames))
    .min(1)
    .default([...scopeNames]),
  domains: z.array(domainName).min(1).nullable().default(null),
});
const destinationBody = z.strictObject({
  address: destination,
});
const domainBody = z.strictObject({
  domain: domainName,
  type: z.enum(['outbound', 'inbound', 'both', 'alias']).default('outbound'),
  /** Marks it verified on the operator's word; such a domain needs no warming. */
  verified: z.boolean().default(false),
  /** Host of the return path below the domain, once its CNAME is there; null: the service's own bounce host. */
  return_path_host: domainName.nullable().default(null),
});

const limitsBody = z.strictObject({ messages_per_minute: z.number().int().min(1).max(1_000_000) });
const warmingBody = z.strictObject({ state: z.enum(warmingStates) });
/** Without defaults: what is not named stays as it is. */
const domainChange = z.strictObject({
  verified: z.boolean().optional(),
  return_path_host: domainName.nullable().optional(),
});

/** The `next` of an answer is the `after` of the following call. */
const accountsQuery = z.object({
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1000).default(1000),
});

adminApp.get('/accounts', async (c) => {
  const { after, limit } = queryOf(c, accountsQuery);
  const { accounts, next } = await listAccounts(c.get('store'), after, limit);
  return c.json({ data: accounts.map(accountView), next });
});

adminApp.post('/accounts', async (c) => {
  const { name, home } = await readBody(c, accountBody);
  const store = c.get('store');
  if (home !== undefined && home >= store.homes) throw noSuchHome(store);
  const account = await createAccount(store, { name, home: home ?? (await emptiestHome(store)) }, Date.now());
  noted(c, { account: String(account.id), name, home: String(account.home) });
  return c.json(accountView(account), 201);
});

adminApp.get('/accounts/:id', async (c) => c.json(accountView(await accountOf(c))));

adminApp.put('/accounts/:id/status', async (c) => {
  const { id } = await accountOf(c);
  const { status, reason } = await readBody(c, statusBody);
  noted(c, { status });
  const account = await setAccountStatus(c.get('store'), id, status, reason);
  if (!account) throw new Problem('not_found', `There is no account ${id}.`);
  return c.json(accountView(account));
});

adminApp.put('/accounts/:id/limits', async (c) => {
  const { id } = await accountOf(c);
  const { messages_per_minute } = await readBody(c, limitsBody);
  const account = await setAccountLimits(c.get('store'), id, { messagesPerMinute: messages_per_minute });
  if (!account) throw new Problem('not_found', `There is no account ${id}.`);
  return c.json(accountView(account));
});

/** The operator vouches that mail of the account may be sent on to an address; nobody is asked. */
adminApp.post('/accounts/:id/destinations', async (c) => {
  const { id } = await accountOf(c);
  const { address } = await readBody(c, destinationBody);
  noted(c, { address });
  await vouchFor(c.get('store'), id, address, Date.now());
  return c.json({ address, state: 'verified' }, 201);
});

adminApp.get('/accounts/:id/credentials', async (c) => {
  const { id } = await accountOf(c);
  return c.json({ data: (await listCredentials(c.get('store'), id)).map(credentialView) });
});

adminApp.post('/accounts/:id/credentials', async (c) => {
  const { id } = await accountOf(c);
  const body = await readBody(c, credentialBody);
  const secret = newSecret(body.environment, c.get('store').home);
  const credential = await createCredential(c.get('store'), {
    ...body,
    accountId: id,
    secretHash: await sha256Hex(secret),
    hint: secret.slice(-4),
    createdAtMs: Date.now(),
  });
  noted(c, { key: String(credential.id), name: credential.name, scopes: credential.scopes.join(' ') });
  return c.json({ ...credentialView(credential), secret }, 201);
});

adminApp.delete('/accounts/:id/credentials/:credentialId', async (c) => {
  const { id } = await accountOf(c);
  const credentialId = Number(c.req.param('credentialId'));
  if (!(await revokeCredential(c.get('store'), id, credentialId, Date.now()))) {
    throw new Problem('not_found', 'There is no such credential that is not revoked.');
  }
  return c.body(null, 204);
});

adminApp.post('/accounts/:id/domains', async (c) => {
  const { id } = await accountOf(c);
  const body = await readBody(c, domainBody);
  noted(c, { domain: body.domain });
  const nowMs = Date.now();
  const { encryptionKeys } = c.get('env');
  const status = body.verified ? 'active' : 'pending';
  const keys = signs(body.type)
    ? await generateDkimKeys(encryptionKeys, {
        accountId: id,
        domain: body.domain,
        stem: defaultSelector,
        status,
        nowMs,
      })
    : [];
  const domain = await orConflict(body.domain, () =>
    createDomain(
      c.get('store'),
      {
        accountId: id,
        name: body.domain,
        type: body.type,
        returnPathHost: body.return_path_host,
        createdAtMs: nowMs,
        ...operatorSays(body.verified, nowMs),
      },
      keys,
    ),
  );
  if (body.verified) await setWarming(c.get('store'), domain.id, 'warmed', nowMs);
  return c.json(await domainView(c, domain), 201);
});

adminApp.get('/accounts/:id/domains/:domain', async (c) => c.json(await domainView(c, await domainOf(c))));

adminApp.patch('/accounts/:id/domains/:domain', async (c) => {
  const before = await domainOf(c);
  const body = await readBody(c, domainChange);
  if (Object.keys(body).length === 0) return c.json(await domainView(c, before));
  const domain = await orConflict(c.req.param('domain'), () =>
    updateDomain(c.get('store'), before.id, {
      ...(body.verified === undefined ? {} : operatorSays(body.verified, Date.now())),
      ...(body.return_path_host === undefined ? {} : { returnPathHost: body.return_path_host }),
    }),
  );
  if (!domain) throw new Problem('not_found', 'The domain is gone.');
  if (body.verified) {
    await activateKeys(c.get('store'), before.id);
    await setWarming(c.get('store'), before.id, 'warmed', Date.now());
  }
  return c.json(await domainView(c, domain));
});

const countersQuery = z.object({ days: z.coerce.number().int().min(1).max(400).default(7) });

adminApp.get('/counters', async (c) => {
  const query = countersQuery.safeParse(c.req.query());
  if (!query.success) throw invalidBody(query.error.issues, '');
  const fromMs = Date.now() - (query.data.days - 1) * 86_400_000;
  return c.json({ data: await readCounters(c.get('store'), dayOf(fromMs)) });
});
/** A domain that the operator vouches for is not looked at by schedule; any other is, and at once. */
function operatorSays(verified: boolean, nowMs: number) {
  return verified
    ? vouched(nowMs)
    : ({
        status: 'pending',
        verifiedBy: null,
        statusReason: null,
        verifiedAtMs: null,
        nextCheckMs: nowMs,
      } as const);
}

adminApp.get('/accounts/:id/domains/:domain/warming', async (c) => c.json(await warmingOf(c)));

adminApp.put('/accounts/:id/domains/:domain/warming', async (c) => {
  const { id } = await domainOf(c);
  const { state } = await readBody(c, warmingBody);
  await setWarming(c.get('store'), id, state, Date.now());
  return c.json(await warmingOf(c));
});

async function warmingOf(c: AdminCall) {
  const { accountId, id } = await domainOf(c);
  const nowMs = Date.now();
  const found = await findWarming(c.get('store'), accountId, id, nowMs);
  if (!found) throw new Problem('not_found', 'The domain is gone.');
  return await warmingView(c.get('store'), accountId, found.usage, nowMs);
}

async function domainOf(c: AdminCall): Promise<Domain> {
  const { id } = await accountOf(c);
  const name = (c.req.param('domain') ?? '').toLowerCase();
  const domain = await findDomain(c.get('store'), id, name);
  if (!domain) throw new Problem('not_found', `The account has no domain ${name}.`);
  return domain;
}

async function orConflict<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AlreadyThere)) throw error;
    throw new Problem('conflict', `${name} is a domain of this account already, or verified by another.`);
  }
}

function credentialView(credential: Credential) {
  const time = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  return {
    id: credential.id,
    name: credential.name,
    username: credential.username,
    hint: credential.hint,
    environment: credential.environment,
    scopes: credential.scopes,
    domains: credential.domains,
    created_at: time(credential.createdAtMs),
    last_used_at: time(credential.lastUsedAtMs),
    revoked_at: time(credential.revokedAtMs),
  };
}

/** A domain with the DNS records of its keys. */
async function domainView(c: AdminCall, domain: Domain) {
  const keys = await listDkimKeys(c.get('store'), domain.id);
  return {
    id: domain.id,
    domain: domain.name,
    type: domain.type,
    status: domain.status,
    return_path_host: domain.returnPathHost,
    dkim: keys.map((key) => ({
      selector: key.selector,
      algorithm: key.algorithm,
      status: key.status,
      record: {
        type: 'TXT',
        name: `${key.selector}._domainkey.${domain.name}`,
        value: `v=DKIM1; k=${key.algorithm === 'rsa-sha256' ? 'rsa' : 'ed25519'}; p=${key.publicKey}`,
      },
    })),
  };
}
