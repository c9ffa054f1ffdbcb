import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { gunzipSync } from 'node:zlib';
import type { MTASTSPolicyResult } from 'mailauth/lib/mta-sts.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLog } from '../../smtp-node/log.ts';
import { selfSigned } from '../../smtp-node/submission/self-signed.ts';
import { StsPolicies } from '../../smtp-node/tls-policy/mta-sts.ts';
import { tlsPoliciesOf } from '../../smtp-node/tls-policy/policy.ts';
import { postReport } from '../../smtp-node/tls-policy/post-report.ts';
import { publicLookup } from '../../smtp-node/tls-policy/public-host.ts';
import { reportAddresses, type TlsReport, tellResults } from '../../smtp-node/tls-policy/report.ts';
import { TlsCounts } from '../../smtp-node/tls-policy/results.ts';
import { courierTo, send } from '../support/courier.ts';
import { type FakeMxOptions, startFakeMx } from '../support/fake-mx.ts';

const dayMs = 86_400_000;
const log = createLog({ level: 'silent', nodeId: 'n', bootId: 'b' });
const by = { organization: 'node.example', contact: 'postmaster@node.example', node: 'one' };

let folder: string;
let nowMs: number;
let counts: TlsCounts;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pennypost-tls-'));
  nowMs = Date.UTC(2026, 10, 26, 12);
  counts = new TlsCounts(join(folder, 'results.json'), () => nowMs);
});
afterEach(() => rm(folder, { recursive: true }));

/** Sends messages over connections of their own to an MX, under a policy. */
async function deliver(
  face: FakeMxOptions,
  mode: 'enforce' | 'testing' | 'none',
  messages = 1,
): Promise<void> {
  const mx = await startFakeMx(face);
  const expires = new Date(Date.now() + dayMs).toISOString();
  const answer: MTASTSPolicyResult = {
    status: 'found',
    policy: { id: '1', mode, mx: ['mx.test'], maxAge: 86_400, expires },
  };
  const sts = new StsPolicies({
    lookUp: async () => answer,
    file: null,
    now: Date.now,
    onFault: () => undefined,
  });
  const tlsPolicies = tlsPoliciesOf({ sts, resolver: null, port: 25, results: counts });
  const courier = courierTo(mx, { tlsPolicies, messagesPerConnection: 1 });
  for (let i = 0; i < messages; i++) await send(courier, { attempt: 2 });
  await courier.close();
  await mx.close();
}

/** Takes reports by HTTPS, under a certificate that this process trusts for a while. */
async function collector() {
  const posted: { type: string | undefined; body: Buffer }[] = [];
  let connections = 0;
  const { cert, key } = selfSigned('localhost', Date.now());
  const server = createServer({ cert, key }, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    posted.push({ type: request.headers['content-type'], body: Buffer.concat(chunks) });
    response.writeHead(201).end();
  });
  server.on('connection', () => {
    connections += 1;
  });
  await once(server.listen(0), 'listening');
  const { port } = server.address() as AddressInfo;
  setDefaultCACertificates([...getCACertificates('default'), cert]);
  return { server, posted, port, connections: () => connections };
}

/** The reports of what is over by now. */
async function told(
  rua: string,
  mail: (to: string, report: TlsReport) => Promise<void> = async () => undefined,
  post = (url: string, gzip: Uint8Array) => postReport(url, gzip, false),
) {
  const reports: { to: string; json: Record<string, unknown>; report: TlsReport }[] = [];
  await tellResults(counts, by, {
    log,
    post,
    texts: async () => (rua === '' ? [] : [`v=TLSRPTv1; rua=${rua}`]),
    mail: async (to, report) => {
      await mail(to, report);
      reports.push({ to, json: JSON.parse(gunzipSync(report.gzip).toString()), report });
    },
  });
  return reports;
}

describe('what TLS came to', () => {
  it('is told to the domain when the day is over, once', async () => {
    await deliver({ tls: true }, 'none', 3);
    await deliver({}, 'enforce', 2);
    await deliver({ tls: true }, 'testing');
    expect(await told('mailto:tls@example.test')).toEqual([]);
    nowMs += dayMs;
    const [one, ...more] = await told('mailto:tls@example.test');
    expect(more).toEqual([]);
    expect(one?.to).toBe('tls@example.test');
    expect(one?.report.fileName).toBe('node.example!example.test!1795651200!1795737599!one.json.gz');
    const sts = (mode: string) => ({
      'policy-type': 'sts',
      'policy-string': ['version: STSv1', `mode: ${mode}`, 'mx: mx.test'],
      'policy-domain': 'example.test',
      'mx-host': ['mx.test'],
    });
    const failures = (type: string, count: number) => [
      {
        'result-type': type,
        'receiving-mx-hostname': 'mx.test',
        'receiving-ip': '127.0.0.1',
        'failed-session-count': count,
      },
    ];
    expect(one?.json).toEqual({
      'organization-name': 'node.example',
      'date-range': { 'start-datetime': '2026-11-26T00:00:00Z', 'end-datetime': '2026-11-26T23:59:59Z' },
      'contact-info': 'postmaster@node.example',
      'report-id': '2026-11-26.one.example.test',
      policies: [
        {
          policy: { 'policy-type': 'no-policy-found', 'policy-domain': 'example.test' },
          summary: { 'total-successful-session-count': 3, 'total-failure-session-count': 0 },
        },
        {
          policy: sts('enforce'),
          summary: { 'total-successful-session-count': 0, 'total-failure-session-count': 2 },
          'failure-details': failures('starttls-not-supported', 2),
        },
        {
          policy: sts('testing'),
          summary: { 'total-successful-session-count': 0, 'total-failure-session-count': 1 },
          'failure-details': failures('certificate-not-trusted', 1),
        },
      ],
    });
    expect(await told('mailto:tls@example.test')).toEqual([]);
  });

  it('outlives the node, and what cannot be told is told later, for two days', async () => {
    await deliver({ tls: true }, 'none');
    await counts.save();
    counts = new TlsCounts(join(folder, 'results.json'), () => nowMs);
    await counts.load();
    nowMs += dayMs;
    const away = () => Promise.reject(new Error('away'));
    expect(await told('mailto:tls@example.test', away)).toEqual([]);
    await counts.save();
    expect(await told('mailto:tls@example.test')).toHaveLength(1);
    await deliver({ tls: true }, 'none');
    nowMs += 4 * dayMs;
    await counts.save();
    expect(await told('mailto:tls@example.test')).toEqual([]);
  });

  it('is posted where the domain asks for that', async () => {
    const { server, posted, port } = await collector();
    await deliver({ tls: true }, 'none');
    nowMs += dayMs;
    await told(`https://localhost:${port}/r`, undefined, (url, gzip) => postReport(url, gzip, true));
    server.close();
    expect(posted).toHaveLength(1);
    expect(posted[0]?.type).toBe('application/tlsrpt+gzip');
    expect(JSON.parse(gunzipSync(posted[0]?.body ?? Buffer.alloc(0)).toString())['report-id']).toBe(
      '2026-11-26.one.example.test',
    );
  });

  it.each([
    '127.0.0.1',
    'localhost',
    '[::1]',
    '0x7f.1',
    '169.254.169.254',
    'reports.internal',
    '[::ffff:7f00:1]',
  ])('is not posted to %s, which is a host of our own or of nobody', async (host) => {
    const { server, connections, port } = await collector();
    await expect(postReport(`https://${host}:${port}/r`, Buffer.from('x'), false)).rejects.toThrow(
      /loopback|link-local|local name|not global/,
    );
    server.close();
    expect(connections()).toBe(0);
  });

  it('is not posted to a name that resolves to an address of our own', async () => {
    const looked = new Promise((resolve) => {
      publicLookup('localhost', { all: true }, (error) => resolve(error?.message));
    });
    expect(await looked).toContain('not public');
  });

  it('goes once to who takes it, though another address of the domain cannot be reached', async () => {
    await deliver({ tls: true }, 'none');
    nowMs += dayMs;
    const rua = 'mailto:tls@example.test,https://127.0.0.1:1/r';
    expect(await told(rua)).toHaveLength(1);
    expect(await told(rua)).toEqual([]);
  });

  it('is told to nobody who does not ask', async () => {
    await deliver({ tls: true }, 'none');
    nowMs += dayMs;
    expect(await told('')).toEqual([]);
    expect(counts.finished().flatMap(({ domains }) => [...domains])).toEqual([]);
  });
});

describe('where reports go', () => {
  it.each([
    [['v=TLSRPTv1; rua=mailto:a@b.test'], [{ mail: 'a@b.test' }]],
    [
      ['v=TLSRPTv1;rua=https://b.test/r,mailto:a@b.test; x=1'],
      [{ url: 'https://b.test/r' }, { mail: 'a@b.test' }],
    ],
    [['v=spf1 -all', 'v=TLSRPTv1; rua=mailto:a@b.test'], [{ mail: 'a@b.test' }]],
    [['v=TLSRPTv1; rua=mailto:a%2Bb@B.test'], [{ mail: 'a+b@b.test' }]],
    [['v=TLSRPTv1; rua=mailto:a@b.test', 'v=TLSRPTv1; rua=mailto:c@b.test'], []],
    [['v=TLSRPTv2; rua=mailto:a@b.test'], []],
    [['v=TLSRPTv1; rua=ftp://b.test, mailto:nobody'], []],
    [['v=TLSRPTv1; rua=mailto:a%0D%0ABcc:c@b.test, mailto:a%zz, mailto:a%@b.test%20c@d.test'], []],
    [['v=TLSRPTv1; rua=mailto:a@b.test>%2Cc@d.test, mailto:X%20<a@b.test>'], []],
    [['v=TLSRPTv1; rua=https://a:b@c.test/, https://[/'], []],
    [[], []],
  ])('%j', (texts, addresses) => {
    expect(reportAddresses(texts)).toEqual(addresses);
  });
});
