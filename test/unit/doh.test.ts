import { once } from 'node:events';
import { createServer } from 'node:http';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { joinTxt, quoteTxt } from '#domain/dns/dns.ts';
import { systemLookup } from '../../smtp-node/dns-lookup.ts';
import { startDohServer } from '../../smtp-node/standalone/doh-server.ts';
import { dohLookup, parseAnswer } from '../../worker/dns/doh.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function resolverThat(answer: (url: URL) => { status: number; body: string } | null): Promise<string> {
  const server = createServer((request, response) => {
    const given = answer(new URL(request.url ?? '/', 'http://localhost'));
    if (given) response.writeHead(given.status).end(given.body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/dns-query`;
}

describe('a DNS answer in the JSON form', () => {
  const rr = (name: string, type: number, data: string) => ({ name, type, data, TTL: 60 });
  const read = (answer: unknown, type: 'TXT' | 'CNAME' | 'MX' | 'A' = 'TXT') =>
    parseAnswer(JSON.stringify(answer), 'a.example', type);

  it.each([
    ['joined strings', { Status: 0, Answer: [rr('a.example.', 16, '"v=spf1 " "-all"')] }, ['v=spf1 -all']],
    ['escapes', { Status: 0, Answer: [rr('a.example', 16, '"a\\"b\\\\c\\059d"')] }, ['a"b\\c;d']],
    ['no quotes', { Status: 0, Answer: [rr('A.example', 16, 'v=spf1 -all')] }, ['v=spf1 -all']],
    [
      'records behind a CNAME',
      { Status: 0, Answer: [rr('a.example', 5, 'B.example.'), rr('b.example', 16, '"x"')] },
      ['x'],
    ],
  ])('gives TXT with %s', (_, answer, records) => {
    expect(read(answer)).toMatchObject({ records });
  });

  it('shows the CNAME chain in its order', () => {
    const Answer = [rr('b.example', 5, 'c.example.'), rr('a.example', 5, 'b.example.')];
    expect(read({ Status: 3, Answer })).toEqual({ failure: 'nxdomain', chain: ['b.example', 'c.example'] });
    expect(read({ Status: 3, Answer }, 'CNAME')).toEqual({
      records: ['b.example'],
      chain: ['b.example', 'c.example'],
    });
  });

  it('leaves out records of another owner', () => {
    expect(read({ Status: 0, Answer: [rr('evil.example', 16, '"x"')] })).toMatchObject({ failure: 'nodata' });
  });

  it('gives MX without the last dot', () => {
    expect(read({ Status: 0, Answer: [rr('a.example', 15, '10 MX.Example.')] }, 'MX')).toMatchObject({
      records: ['10 mx.example'],
    });
  });

  it.each([
    [{ Status: 3 }, 'nxdomain'],
    [{ Status: 0 }, 'nodata'],
    [{ Status: 2 }, 'servfail'],
    [{ Status: 5 }, 'refused'],
    [{ status: 0 }, 'malformed'],
    [{ Status: 0, Answer: Array.from({ length: 301 }, () => rr('a.example', 16, 'x')) }, 'malformed'],
  ])('takes %j for a failure', (answer, failure) => {
    expect(read(answer)).toMatchObject({ failure });
  });

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const answer = parseAnswer(text, 'a.example', 'TXT');
        expect('records' in answer || 'failure' in answer).toBe(true);
      }),
    );
  });

  it('brings any bytes through quoting and joining', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 600 }), (bytes) => {
        const value = String.fromCharCode(...bytes);
        const quoted = quoteTxt(value);
        expect(joinTxt(quoted)).toBe(value);
        for (const [, string = ''] of quoted.matchAll(/"((?:[^"\\]|\\\d{3}|\\.)*)"/g)) {
          expect(string.replace(/\\(\d{3}|.)/g, 'x').length).toBeLessThanOrEqual(255);
        }
      }),
    );
  });
});

describe('the DNS over HTTPS client', () => {
  it('asks by name and type', async () => {
    const asked: string[] = [];
    const url = await resolverThat((question) => {
      asked.push(question.search);
      return {
        status: 200,
        body: '{"Status":0,"Answer":[{"name":"a.example","type":1,"data":"192.0.2.1"}]}',
      };
    });
    expect(await dohLookup(url)('A.example.', 'A')).toEqual({ records: ['192.0.2.1'], chain: [] });
    expect(asked).toEqual(['?name=a.example&type=A']);
  });

  it('takes a silent resolver for a timeout', async () => {
    const url = await resolverThat(() => null);
    expect(await dohLookup(url, { timeoutMs: 50 })('a.example', 'A')).toMatchObject({ failure: 'timeout' });
  });

  it('takes a broken or absent resolver for unreachable', async () => {
    const url = await resolverThat(() => ({ status: 500, body: '{"Status":3}' }));
    expect(await dohLookup(url)('a.example', 'A')).toMatchObject({ failure: 'unreachable' });
    expect(await dohLookup('http://127.0.0.1:1/')('a.example', 'A')).toMatchObject({
      failure: 'unreachable',
    });
  });

  it('takes an answer without end for malformed', async () => {
    const url = await resolverThat(() => ({ status: 200, body: ' '.repeat(200_000) }));
    expect(await dohLookup(url)('a.example', 'A')).toMatchObject({ failure: 'malformed' });
  });
});

describe('the DNS over HTTPS endpoint of one machine', () => {
  it('says servfail when its DNS server does not answer, and refuses what is no question', async () => {
    const server = await startDohServer(
      systemLookup({ dnsServers: ['127.0.0.1:1'], timeoutMs: 100, tries: 1 }),
    );
    closers.push(() => server.stop());
    expect(await dohLookup(server.url)('a.example', 'TXT')).toMatchObject({ failure: 'servfail' });
    expect((await fetch(`${server.url}?name=a.example&type=NONSENSE`)).status).toBe(400);
    expect((await fetch(server.url)).status).toBe(400);
  });
});
