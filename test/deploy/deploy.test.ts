/** `npm run deploy` and the real wrangler against Cloudflare's API as `cloudflare.ts` plays it. */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newestRows } from '#domain/message/row-form.ts';
import { secretNames } from '../../smtp-node/operator/deploy/secrets.ts';
import { Clone, type Said } from './clone.ts';
import {
  type Binding,
  type Call,
  FakeCloudflare,
  nameOf,
  Refusal,
  type WorkerVersion,
} from './cloudflare.ts';

const first = ['--yes', '--service-domain', 'mail.shop.example'];
const clouds: FakeCloudflare[] = [];
const clones: Clone[] = [];

async function newCloud(): Promise<FakeCloudflare> {
  const cloud = new FakeCloudflare();
  await cloud.start();
  clouds.push(cloud);
  return cloud;
}

async function newClone(cloud: FakeCloudflare): Promise<Clone> {
  const clone = await Clone.make(cloud);
  clones.push(clone);
  return clone;
}

afterAll(async () => {
  for (const clone of clones) await clone.remove();
  for (const cloud of clouds) {
    expect(cloud.unknown).toEqual([]);
    await cloud.stop();
  }
});

const known = async (clone: Clone) =>
  JSON.parse(await readFile(join(clone.folder, '.pennypost/deployed-secrets.json'), 'utf8'));

/** It failed, and said so in one sentence. */
function expectSentence({ code, text }: Said, sentence: RegExp): void {
  const last = text.trim().split('\n').at(-1);
  expect(last).toMatch(sentence);
  expect(text).not.toMatch(/^\s+at .+[:)]\d+/m);
  expect(code).toBe(1);
}

function addAccount(cloud: FakeCloudflare): void {
  cloud.database?.exec(`INSERT INTO accounts (name, created_at_ms) VALUES ('Shop', 0)`);
}

const queueNamed = (cloud: FakeCloudflare, name: string) =>
  cloud.queues.find(({ queue_name: one }) => one === name);
const queuesOf = (worker: WorkerVersion | null) =>
  (worker?.bindings ?? []).filter(({ type }) => type === 'queue').map((one) => one.queue_name);

describe('an installation', () => {
  let cloud: FakeCloudflare;
  let mine: Clone;
  beforeAll(async () => {
    cloud = await newCloud();
    mine = await newClone(cloud);
  });

  it('is made by one command, secrets and Worker in one version', async () => {
    const { code, text } = await mine.run('deploy', first);
    expect([code, text]).toEqual([0, expect.stringContaining('Deployed.')]);
    expect(text).toContain('https://pennypost.shop.workers.dev; its set-up code');
    expect(Object.keys(cloud.worker?.secrets ?? {}).sort()).toEqual([...secretNames].sort());
    expect(await known(mine)).toEqual(cloud.worker?.secrets);
    expect(existsSync(join(mine.folder, '.pennypost/secrets-to-set.json'))).toBe(false);
    expect(cloud.calls.filter(({ method, path }) => method !== 'GET' && /secrets/.test(path))).toEqual([]);
    expect(cloud.vars).toMatchObject({
      SERVICE_DOMAIN: 'mail.shop.example',
      PUBLIC_URL: 'https://pennypost.shop.workers.dev',
      WRITES_ROWS: String(newestRows),
    });
    expect(queuesOf(cloud.worker)).toEqual(['pennypost-delivery', 'pennypost-webhook']);
    for (const { consumers } of cloud.queues)
      expect(consumers).toEqual([expect.objectContaining({ script: 'pennypost' })]);
    expect(cloud.worker?.schedules).toEqual(['* * * * *']);
    expect(cloud.worker?.subdomain.enabled).toBe(true);
    expect(cloud.database?.prepare('SELECT count(*) AS n FROM d1_migrations').get()?.n).toBeGreaterThan(5);
  });

  it('keeps every secret when a second clone deploys', async () => {
    addAccount(cloud);
    const before = { ...cloud.worker?.secrets };
    const { code, text } = await (await newClone(cloud)).run('deploy', ['--yes']);
    expect([code, text]).toEqual([0, expect.stringContaining('Secrets to set: none')]);
    expect(cloud.worker?.secrets).toEqual(before);
  });

  it('keeps a secret that was rotated by hand when it is deployed from the first folder', async () => {
    if (cloud.worker) cloud.worker.secrets.NODE_TOKEN = 'rotated by hand '.repeat(3);
    expect((await mine.run('deploy', ['--yes'])).code).toBe(0);
    expect(cloud.worker?.secrets.NODE_TOKEN).toBe('rotated by hand '.repeat(3));
  });

  it('keeps variables, routes and custom domains, wherever they were set, and shows them', async () => {
    cloud.setVar('MAIL_FROM', 'hello@shop.example');
    cloud.setVar('DOH_URL', 'https://dns.example/"quoted"');
    cloud.setVar('OF_SOMEBODY', 'else');
    cloud.customDomains.push({ hostname: 'post.shop.example', service: 'pennypost', zone_id: 'z' });
    cloud.routes = [{ pattern: 'shop.example/post/*', zone_name: 'shop.example' }];
    const given = await mine.run('deploy', ['--yes', '--var', 'SUBMISSION=smtp.shop.example:587:465']);
    expect([given.code, given.text]).toEqual([0, expect.stringContaining('(changed)')]);
    const { code, text } = await (await newClone(cloud)).run('deploy', ['--yes']);
    expect(code).toBe(0);
    expect(cloud.vars).toMatchObject({
      MAIL_FROM: 'hello@shop.example',
      DOH_URL: 'https://dns.example/"quoted"',
      SUBMISSION: 'smtp.shop.example:587:465',
      OF_SOMEBODY: 'else',
    });
    for (const shown of [
      'hello@shop.example',
      'smtp.shop.example:587:465',
      'post.shop.example',
      'shop.example/post/*',
    ])
      expect(text).toContain(shown);
    expect(cloud.calls.filter(({ method, path }) => method !== 'GET' && /domains|routes/.test(path))).toEqual(
      [],
    );
    expectSentence(
      await mine.run('deploy', ['--yes', '--var', 'COLOUR=red']),
      /must be NAME=text with one of/,
    );
    expectSentence(
      await mine.run('deploy', ['--yes', '--var', 'METER=maybe']),
      /The variable METER .*--var METER=/,
    );
  });

  it('writes no rows that the version before cannot read, and is not given one that cannot read what is there', async () => {
    const formAfter = async () => {
      const { code, text } = await mine.run('deploy', ['--yes']);
      return [code, code === 0 ? cloud.vars.WRITES_ROWS : text];
    };
    // As a version before the first that says what it reads leaves it: with the variables of the one before.
    const asBefore = (written: string) => {
      if (!cloud.worker) throw new Error('there is no Worker');
      cloud.worker.bindings = cloud.worker.bindings.filter(({ type }) => type !== 'version_metadata');
      cloud.setVar('WRITES_ROWS', written);
    };
    asBefore('1');
    expect(await formAfter()).toEqual([0, '1']);
    asBefore('1');
    expect(await formAfter()).toEqual([0, '1']);
    expect(await formAfter()).toEqual([0, String(newestRows)]);
    asBefore(String(newestRows));
    expect(await formAfter()).toEqual([0, String(newestRows)]);
    expectSentence(
      await mine.run('deploy', ['--yes', '--var', 'WRITES_ROWS=1']),
      new RegExp(`cannot be less than ${newestRows}`),
    );
    cloud.setVar('WRITES_ROWS', String(newestRows + 1));
    cloud.calls.length = 0;
    expectSentence(await mine.run('deploy', ['--yes']), /cannot read the mail .*take a newer version/);
    expect(cloud.calls.filter(({ method }) => method !== 'GET' && method !== 'POST')).toEqual([]);
    cloud.setVar('WRITES_ROWS', String(newestRows));
  });

  it('gets the binding by which the Worker sends itself, and keeps it', async () => {
    const sends = () => (cloud.worker?.bindings ?? []).filter(({ type }) => type === 'send_email');
    expect(sends()).toEqual([]);
    // It ends once the Worker is there, as nobody is at its address to be given the transport.
    const ends = ['--domain', 'mail.nowhere.example'];
    const made = await mine.run('deploy', ['--yes', '--relay', 'cloudflare-binding', ...ends]);
    expect(made.text).toContain('binding EMAIL (Cloudflare Email Service)');
    expectSentence(made, /The zone of mail.nowhere.example is not in this account/);
    expect(sends()).toEqual([{ type: 'send_email', name: 'EMAIL' }]);
    const again = await mine.run('deploy', ['--yes']);
    expect([again.code, again.text]).toEqual([0, expect.stringContaining('To be made: none\n')]);
    expect(sends()).toEqual([{ type: 'send_email', name: 'EMAIL' }]);
  });

  it('gets databases for accounts to live in, and never has fewer', async () => {
    // An earlier run has made it and ended there.
    cloud.addDatabase('pennypost-home-2');
    const { code, text } = await mine.run('deploy', ['--yes', '--homes', '3']);
    expect([code, text]).toEqual([0, expect.stringContaining('To be made: D1 database pennypost-home-1\n')]);
    const homes = () =>
      (cloud.worker?.bindings ?? [])
        .filter(({ type, name }) => type === 'd1' && name.startsWith('DB'))
        .map(({ name, id, database_id: databaseId }) => [
          name,
          cloud.databases.get(String(databaseId ?? id))?.name,
        ]);
    const three = [
      ['DB', 'pennypost'],
      ['DB_1', 'pennypost-home-1'],
      ['DB_2', 'pennypost-home-2'],
    ];
    expect(homes()).toEqual(three);
    const migrations = [...cloud.databases.values()].map(
      ({ db }) => db.prepare('SELECT count(*) AS n FROM d1_migrations').get()?.n,
    );
    expect(new Set(migrations).size).toBe(1);
    expect(migrations).toHaveLength(3);
    expect((await (await newClone(cloud)).run('deploy', ['--yes'])).code).toBe(0);
    expect(homes()).toEqual(three);
    expectSentence(await mine.run('deploy', ['--yes', '--homes', '2']), /cannot be fewer than 3/);
    expectSentence(await mine.run('deploy', ['--yes', '--homes', 'many']), /must be a number/);
  });

  it('gets a secret that a newer version needs together with that version', async () => {
    const newer = await newClone(cloud);
    const file = join(newer.folder, 'smtp-node/standalone/secrets.ts');
    const source = await readFile(file, 'utf8');
    await writeFile(
      file,
      source
        .replace('AUTH_SECRET: z.string(),', 'AUTH_SECRET: z.string(),\n  NEWER_SECRET: z.string(),')
        .replace('AUTH_SECRET: randomBytes', "NEWER_SECRET: 'n'.repeat(43),\n    AUTH_SECRET: randomBytes"),
    );
    const before = { ...cloud.worker?.secrets };
    cloud.calls.length = 0;
    const { code, text } = await newer.run('deploy', ['--yes']);
    expect([code, text]).toEqual([0, expect.stringContaining('Secrets to set: NEWER_SECRET')]);
    expect(cloud.worker?.secrets).toEqual({ ...before, NEWER_SECRET: 'n'.repeat(43) });
    const uploads = cloud.calls.filter(({ form }) => form.has('metadata'));
    expect(uploads).toHaveLength(1);
    const { bindings } = JSON.parse(String(uploads[0]?.form.get('metadata'))) as { bindings: Binding[] };
    expect(bindings.filter(({ type }) => type === 'secret_text').map(({ name }) => name)).toEqual([
      'NEWER_SECRET',
    ]);
  });

  it('rotates by name: a new first key, the old ones behind it; never without the old ones', async () => {
    const before = { ...cloud.worker?.secrets };
    expectSentence(
      await (await newClone(cloud)).run('deploy', ['--yes', '--rotate', 'ENCRYPTION_KEYS']),
      /A new key of ENCRYPTION_KEYS goes before the old ones.*bring that file/,
    );
    expect(cloud.worker?.secrets).toEqual(before);
    expect((await mine.run('deploy', ['--yes', '--rotate', 'ENCRYPTION_KEYS'])).code).toBe(0);
    expect(cloud.worker?.secrets.ENCRYPTION_KEYS).toMatch(/^[^,]{44},[^,]{44}$/);
    expect(cloud.worker?.secrets).toEqual({
      ...before,
      ENCRYPTION_KEYS: cloud.worker?.secrets.ENCRYPTION_KEYS,
    });
    expect(cloud.worker?.secrets.ENCRYPTION_KEYS?.endsWith(`,${before.ENCRYPTION_KEYS}`)).toBe(true);
  });

  it('that has data is not given new secrets in the place of lost ones', async () => {
    const { ENCRYPTION_KEYS: lost, ...others } = cloud.worker?.secrets ?? {};
    if (cloud.worker) cloud.worker.secrets = others;
    expectSentence(
      await (await newClone(cloud)).run('deploy', ['--yes']),
      /The database holds data, and ENCRYPTION_KEYS is neither at the Worker nor in .*Bring that file/,
    );
    expect((await mine.run('deploy', ['--yes'])).code).toBe(0);
    expect(cloud.worker?.secrets.ENCRYPTION_KEYS).toBe(lost);
  });

  it('is not touched by a plain wrangler deploy, which names the way to go', async () => {
    cloud.calls.length = 0;
    const { code, text } = await mine.command('wrangler', ['deploy']);
    expect([code, text]).toEqual([1, expect.stringContaining('Deploy by: npm run deploy')]);
    expect(cloud.calls.filter(({ method }) => method !== 'GET')).toEqual([]);
  });
});

describe('queues', () => {
  it('of the same purpose that belong to something else are left alone', async () => {
    const cloud = await newCloud();
    cloud.addQueue('delivery', 'parcels');
    cloud.addQueue('webhook');
    const before = structuredClone(cloud.queues);
    const clone = await newClone(cloud);
    expect((await clone.run('deploy', first)).code).toBe(0);
    expect(cloud.queues.slice(0, 2)).toEqual(before);
    const foreign = queueNamed(cloud, 'pennypost-delivery');
    for (const one of foreign?.consumers ?? []) one.script = 'parcels';
    expectSentence(await clone.run('deploy', ['--yes']), /pennypost-delivery is read by the Worker parcels/);
  });

  it('of an installation with the former names are left with what is in them, and the Worker reads the new ones', async () => {
    const cloud = await newCloud();
    const clone = await newClone(cloud);
    await clone.run('deploy', first);
    // As the version before has left it.
    cloud.queues.splice(2);
    for (const queue of cloud.queues) queue.queue_name = queue.queue_name.replace('pennypost-', '');
    for (const binding of cloud.worker?.bindings ?? [])
      if (binding.type === 'queue') binding.queue_name = String(binding.queue_name).replace('pennypost-', '');
    addAccount(cloud);
    const { code, text } = await clone.run('deploy', ['--yes']);
    expect([code, text]).toEqual([0, expect.stringContaining('npx wrangler queues delete delivery')]);
    expect(queuesOf(cloud.worker)).toEqual(['pennypost-delivery', 'pennypost-webhook']);
    const readers = Object.fromEntries(
      cloud.queues.map(({ queue_name: name, consumers }) => [name, consumers.map(({ script }) => script)]),
    );
    expect(readers).toEqual({
      delivery: [],
      webhook: [],
      'pennypost-delivery': ['pennypost'],
      'pennypost-webhook': ['pennypost'],
      'pennypost-relay-events': ['pennypost'],
    });
  });
});

describe('what an operator lacks is told in one sentence', () => {
  const refusing = (path: RegExp, status: number, code: number, message: string) => (call: Call) => {
    if (path.test(call.path)) throw new Refusal(status, code, message);
  };
  const denied = (path: RegExp) => refusing(path, 403, 10000, 'Authentication error');

  it('an account, a login, a permission, R2', async () => {
    const cloud = await newCloud();
    const clone = await newClone(cloud);
    cloud.accounts.push({ id: 'b'.repeat(32), name: 'Other' });
    expectSentence(
      await clone.run('deploy', first),
      /reaches several accounts: choose one of Shop \(.*--account ID/,
    );
    cloud.accounts.pop();
    expectSentence(
      await clone.run('deploy', [...first, '--account', 'c'.repeat(32)]),
      /does not reach the account c+/,
    );
    expectSentence(
      await clone.run('deploy', [...first, '--relay', 'cloudflare']),
      /Secret of api_token at cloudflare\? Nobody is here to answer: set PENNYPOST_RELAY_SECRET/,
    );
    expectSentence(
      await clone.run('deploy', first, { CLOUDFLARE_API_TOKEN: undefined }),
      /Nobody is logged in at Cloudflare: run npx wrangler login, or set CLOUDFLARE_API_TOKEN .*D1 > Edit/,
    );
    expectSentence(
      await clone.run('deploy', first, { CLOUDFLARE_API_TOKEN: 'wrong' }),
      /Cloudflare does not know this login: run npx wrangler login/,
    );
    for (const [path, permission] of [
      [/\/d1\//, /permission Account > D1 > Edit/],
      [/\/queues/, /permission Account > Queues > Edit/],
      [/\/workers\/scripts\/pennypost\/settings/, /permission Account > Workers Scripts > Edit/],
    ] as const) {
      cloud.before = denied(path);
      expectSentence(await clone.run('deploy', first), permission);
    }
    // What wrangler is refused is told the same way.
    cloud.before = (call) => {
      if (call.method === 'PUT') denied(/\/scripts\/pennypost$/)(call);
    };
    expectSentence(await clone.run('deploy', first), /permission Account > Workers Scripts > Edit/);
    cloud.before = () => undefined;
    cloud.buckets.clear();
    cloud.r2IsOn = false;
    expectSentence(await clone.run('deploy', first), /R2 is not enabled .*dash\.cloudflare\.com\/\w+\/r2/);
    cloud.workersDevName = null;
    cloud.r2IsOn = true;
    expectSentence(
      await (await newClone(cloud)).run('deploy', first),
      /no workers\.dev name yet: .*or give --domain HOST/,
    );
  });
});

describe('the zone of the service domain', () => {
  const withZone = [...first, '--dns', '--email-routing', '--domain', 'post.shop.example'];
  const node = ['--node', 'out1.mail.shop.example=192.0.2.1,2001:db8::1'];

  it('that is in the account gets a custom domain, Email Routing for bounces and the records', async () => {
    const cloud = await newCloud();
    const zone = cloud.addZone('shop.example', [
      { type: 'TXT', name: '_dmarc.mail.shop.example', content: '"v=DMARC1; p=reject"' },
    ]);
    const clone = await newClone(cloud);
    const routed = await clone.run('deploy', [...withZone, ...node]);
    expect([routed.code, routed.text]).toEqual([0, expect.stringContaining('Published: 5.')]);
    expect(cloud.vars.PUBLIC_URL).toBe('https://post.shop.example');
    expect(cloud.customDomains).toEqual([expect.objectContaining({ hostname: 'post.shop.example' })]);
    expect(zone.routing).toEqual({ enabled: true, hosts: ['bounces.mail.shop.example'] });
    expect(zone.catchAll).toMatchObject({
      enabled: true,
      actions: [{ type: 'worker', value: ['pennypost'] }],
    });
    expect(routed.text).not.toContain('_dmarc.mail.shop.example');
    expect(routed.text).toContain(
      'bounces.mail.shop.example. 3600 IN TXT "v=spf1 include:_spf.mail.shop.example include:_spf.mx.cloudflare.net ~all"',
    );
    expect(zone.records.slice(4).map(({ type, name, content }) => [type, name, content])).toEqual([
      ['TXT', '_spf.mail.shop.example', '"v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all"'],
      ['MX', 'reports.mail.shop.example', 'out1.mail.shop.example'],
      ['TXT', '*._report._dmarc.reports.mail.shop.example', '"v=DMARC1"'],
      ['A', 'mx.mail.shop.example', '192.0.2.1'],
      ['AAAA', 'mx.mail.shop.example', '2001:db8::1'],
    ]);
    expect(routed.text).toContain('sandbox.mail.shop.example has no DKIM key yet');
    // The service domain as a domain that sends, and the sandbox; what is there stays.
    cloud.database?.exec(`
      INSERT INTO accounts (id, name, created_at_ms) VALUES (1, 'Shop', 0);
      INSERT INTO domains (id, account_id, name, type, status, created_at_ms, verification_token)
        VALUES (1, 1, 'mail.shop.example', 'outbound', 'pending', 0, 'token'),
          (2, 0, 'sandbox.mail.shop.example', 'outbound', 'verified', 0, 'other');
      INSERT INTO dkim_keys (domain_id, selector, algorithm, public_key, private_key_encrypted, status, created_at_ms)
        VALUES (1, 'pennypost', 'rsa-sha256', 'MIIB', 'sealed', 'active', 0),
          (2, 'pennypost', 'rsa-sha256', 'MIIC', 'sealed', 'active', 0),
          (2, 'pennypost-ed', 'ed25519-sha256', 'AAAA', 'sealed', 'active', 0),
          (2, 'old', 'rsa-sha256', 'MIIA', 'sealed', 'retired', 0);
      INSERT INTO nodes (node_id, boot_id, host_name, version, started_at_ms, last_seen_at_ms)
        VALUES ('n', 'b', 'out1.mail.shop.example', '1', 0, 0)`);
    expect((await clone.run('deploy', ['--yes', '--dns', ...node])).code).toBe(0);
    expect(zone.records.slice(9).map(({ type, name }) => `${type} ${name}`)).toEqual([
      'TXT pennypost._domainkey.sandbox.mail.shop.example',
      'TXT pennypost-ed._domainkey.sandbox.mail.shop.example',
      'TXT _pennypost.mail.shop.example',
      'TXT mail.shop.example',
      'TXT pennypost._domainkey.mail.shop.example',
      'CNAME pp-bounces.mail.shop.example',
    ]);
    const keyAt = (domain: string) =>
      zone.records.find(({ name }) => name === `pennypost._domainkey.${domain}`)?.content;
    expect(keyAt('mail.shop.example')).toContain('p=MIIB');
    expect(keyAt('sandbox.mail.shop.example')).toContain('p=MIIC');
    const count = zone.records.length;
    const again = await clone.run('deploy', ['--yes', '--dns', ...node]);
    expect([again.code, again.text]).toEqual([0, expect.stringContaining('nothing to add')]);
    expect(zone.records).toHaveLength(count);
  });

  it('lets link hosts of customers reach the Worker, and leaves its own names where they are', async () => {
    const cloud = await newCloud();
    const zone = cloud.addZone('shop.example');
    const clone = await newClone(cloud);
    const opened = await clone.run('deploy', [...first, '--link-hosts']);
    expect([opened.code, opened.text]).toEqual([
      0,
      expect.stringContaining(`DNS_ZONE=${zone.id}, see the guide Operate`),
    ]);
    expect(zone.records).toEqual([
      { type: 'AAAA', name: 'links.mail.shop.example', content: '100::', proxied: true, ttl: 1 },
    ]);
    expect(zone.fallbackOrigin).toBe('links.mail.shop.example');
    const routes = zone.routes.map(({ pattern, script }) => [pattern, script]);
    expect(routes).toEqual([
      ['*.shop.example/*', undefined],
      ['shop.example/*', undefined],
      ['*/*', 'pennypost'],
    ]);
    const before = structuredClone(zone);
    const again = await clone.run('deploy', ['--yes', '--link-hosts']);
    expect(again.text).not.toContain('For link hosts of customers');
    expect(zone).toEqual(before);
    zone.routes = [{ id: 'one', pattern: '*/*', script: 'shop' }];
    const taken = await clone.run('deploy', ['--yes', '--link-hosts']);
    expect(taken.text).toContain(
      'Link hosts were not set up: the route */* of the zone shop.example leads to shop.',
    );
    expect(zone.routes).toHaveLength(1);
  });

  it('is not touched where it is used by something else, nor needed: what to do is printed', async () => {
    const cloud = await newCloud();
    const clone = await newClone(cloud);
    const elsewhere = await clone.run('deploy', [...first, '--dns', '--email-routing', ...node]);
    expect(elsewhere.code).toBe(0);
    expect(elsewhere.text).toContain('the zone of bounces.mail.shop.example is not in this account. By hand');
    expect(elsewhere.text).toContain('_spf.mail.shop.example. 3600 IN TXT "v=spf1 ip4:192.0.2.1');
    expect(elsewhere.text).toContain('bounces.mail.shop.example. 3600 IN MX 10 out1.mail.shop.example.');
    expect(elsewhere.text).toContain('reports.mail.shop.example. 3600 IN MX 10 out1.mail.shop.example.');
    expect(elsewhere.text).toContain('*._report._dmarc.reports.mail.shop.example. 3600 IN TXT "v=DMARC1"');
    expectSentence(
      await clone.run('deploy', ['--yes', '--domain', 'post.shop.example']),
      /The zone of post\.shop\.example is not in this account/,
    );
    const zone = cloud.addZone('shop.example', [
      { type: 'MX', name: 'shop.example', content: 'mx.mailboxes.example' },
      { type: 'A', name: 'post.shop.example', content: '192.0.2.9' },
    ]);
    const before = structuredClone(zone);
    expectSentence(
      await clone.run('deploy', ['--yes', '--domain', 'post.shop.example']),
      /post\.shop\.example has DNS records already/,
    );
    const mailboxes = await clone.run('deploy', ['--yes', '--email-routing']);
    expect(mailboxes.text).toContain(
      'enabling it would take the mail of shop.example from mx.mailboxes.example',
    );
    expect(zone).toEqual(before);
    zone.catchAll = { enabled: true, actions: [{ type: 'forward', value: ['me@shop.example'] }] };
    const taken = await clone.run('deploy', ['--yes', '--email-routing']);
    expect(taken.text).toContain(
      'the catch-all of the zone shop.example goes elsewhere (forward me@shop.example)',
    );
    expect(zone.routing).toEqual(before.routing);
  });
});

describe('a deployment that fails', () => {
  const flags = [
    ...[...first, '--domain', 'post.shop.example', '--email-routing'],
    ...['--dns', '--node', 'out1.mail.shop.example=192.0.2.1'],
  ];

  /** Breaks every call when it comes for the first time, run after run, until a run breaks none. */
  async function breakEach(when: 'before' | 'after'): Promise<string[]> {
    const cloud = await newCloud();
    const zone = cloud.addZone('shop.example');
    cloud.addQueue('delivery', 'pennypost');
    const clone = await newClone(cloud);
    const broken: string[] = [];
    let secrets: Record<string, string> | null = null;
    for (let run = 0; run < 80; run += 1) {
      const brokenBefore = broken.length;
      cloud[when] = (call) => {
        // A lost answer to a question is the same as a refused one.
        if ((when === 'after' && call.method === 'GET') || broken.includes(nameOf(call))) return;
        broken.push(nameOf(call));
        throw new Refusal(400, 10013, 'broken by the test');
      };
      const said = await clone.run('deploy', flags);
      expect(said.text).not.toMatch(/^\s+at .+[:)]\d+/m);
      // Whatever runs has its secrets, and they are never exchanged.
      if (cloud.worker !== null) {
        expect(Object.keys(cloud.worker.secrets).sort()).toEqual([...secretNames].sort());
        secrets ??= { ...cloud.worker.secrets };
        expect(cloud.worker.secrets).toEqual(secrets);
      }
      if (broken.length > brokenBefore) continue;
      expect([said.code, said.text]).toEqual([0, expect.stringContaining('Deployed.')]);
      break;
    }
    expect(await known(clone)).toEqual(secrets);
    expect([...cloud.databases.values()].map((one) => one.name)).toEqual(['pennypost']);
    expect([...cloud.buckets.keys()]).toEqual(['pennypost-raw']);
    expect(cloud.queues.map(({ queue_name: queue, consumers }) => [queue, consumers.length]).sort()).toEqual([
      ['delivery', 0],
      ['pennypost-delivery', 1],
      ['pennypost-relay-events', 1],
      ['pennypost-webhook', 1],
    ]);
    expect(cloud.worker).toMatchObject({ schedules: ['* * * * *'] });
    expect(cloud.customDomains.map(({ hostname }) => hostname)).toEqual(['post.shop.example']);
    expect(zone.catchAll).toMatchObject({ enabled: true });
    const records = zone.records.map(({ type, name: at }) => `${type} ${at}`);
    expect(records.sort()).toEqual([
      'A mx.mail.shop.example',
      'MX bounces.mail.shop.example',
      'MX bounces.mail.shop.example',
      'MX reports.mail.shop.example',
      'TXT *._report._dmarc.reports.mail.shop.example',
      'TXT _dmarc.mail.shop.example',
      'TXT _spf.mail.shop.example',
      'TXT bounces.mail.shop.example',
    ]);
    return broken;
  }

  it('between any two steps is right when it is run again', async () => {
    const [refused, lost] = await Promise.all([breakEach('before'), breakEach('after')]);
    for (const call of [
      'POST /accounts/:id/d1/database',
      'POST /accounts/:id/queues',
      'POST /accounts/:id/d1/database/:id/query',
      'PUT /accounts/:id/workers/scripts/pennypost',
      'POST /accounts/:id/workers/scripts/pennypost/versions',
      'POST /accounts/:id/workers/scripts/pennypost/deployments',
      'PUT /accounts/:id/workers/scripts/pennypost/schedules',
      'POST /accounts/:id/queues/:id/consumers',
      'PUT /accounts/:id/workers/domains',
      'DELETE /accounts/:id/queues/:id/consumers/:id',
      'POST /zones/:id/dns_records',
    ]) {
      expect(refused).toContain(call);
      expect(lost).toContain(call);
    }
  });
});
