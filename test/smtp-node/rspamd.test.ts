import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { noVerdicts } from '#domain/inbound/verdicts.ts';
import { rspamdFilter, type Scanned } from '../../smtp-node/inbound/rspamd.ts';
import { inboundAtEdge } from '../support/inbound.ts';
import { SmtpTalk } from '../support/smtp-talk.ts';
import { freshDirectory, silentLog } from '../support/submission.ts';

const raw = 'From: a@example.net\r\nSubject: Grüße\r\n\r\nHello\r\n';
/** As rspamd 3.4 answers, shortened. */
const answer = {
  is_skipped: false,
  score: 7.3,
  required_score: 15,
  action: 'add header',
  thresholds: { reject: 15, 'add header': 6, greylist: 4 },
  symbols: {
    R_SPF_ALLOW: { name: 'R_SPF_ALLOW', score: -0.2, metric_score: -0.2, options: ['+ip4:192.0.2.0/24'] },
    BAYES_SPAM: { name: 'BAYES_SPAM', score: 5.1, metric_score: 5.1 },
    MIME_GOOD: { name: 'MIME_GOOD', score: -0.1, metric_score: -0.1 },
  },
  'message-id': 'undef',
};
const verdict = { score: 7.3, action: 'add header', symbols: ['BAYES_SPAM', 'R_SPF_ALLOW', 'MIME_GOOD'] };

/** A server in the place of rspamd; `using` stops it. */
async function serve(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: close };
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

async function scanned(more: Partial<Scanned> = {}): Promise<Scanned> {
  const path = join(await freshDirectory(), 'mail.eml');
  await writeFile(path, raw);
  const session = { remoteIp: '192.0.2.7', helo: 'mx.example.net', mailFrom: 'a@example.net' };
  return { path, ...session, rcptTo: ['b@in.example.com', 'c@in.example.com'], ...more };
}

const ask = async (url: string, mail: Scanned, withinMs = 5_000) =>
  await rspamdFilter(url, { hostName: 'mail.example.com', log: silentLog, withinMs })(mail);

describe('rspamd beside the node', () => {
  it('is given the mail as it came with its session, and its verdict is read, symbols by weight', async () => {
    let said: { url?: string; method?: string; headers: IncomingMessage['headers']; body: string } | null =
      null;
    await using rspamd = await serve(async (request, response) => {
      said = { ...pick(request), body: await read(request) };
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify(answer));
    });
    expect(await ask(rspamd.url, await scanned())).toEqual(verdict);
    expect(said).toMatchObject({
      url: '/checkv2',
      method: 'POST',
      headers: {
        ...{ ip: '192.0.2.7', helo: 'mx.example.net', from: 'a@example.net' },
        ...{ rcpt: 'b@in.example.com, c@in.example.com', 'mta-name': 'mail.example.com' },
        'content-length': String(Buffer.byteLength(raw)),
      },
      body: raw,
    });
  });

  it('is not told what no header field can hold', async () => {
    let headers: IncomingMessage['headers'] = {};
    await using rspamd = await serve(async (request, response) => {
      headers = request.headers;
      await read(request);
      response.end(JSON.stringify(answer));
    });
    const odd = await scanned({ mailFrom: '', helo: 'a\r\nRcpt: x', rcptTo: ['jörg@in.example.com'] });
    expect(await ask(rspamd.url, odd)).toEqual(verdict);
    expect(headers).not.toHaveProperty('from');
    expect(headers).not.toHaveProperty('helo');
    expect(headers).not.toHaveProperty('rcpt');
  });

  const troubles: [string, RequestListener][] = [
    ['answers with an error', (_, response) => void response.writeHead(500).end('{"error":"no"}')],
    ['answers with no JSON', (_, response) => void response.end('<html>')],
    ['answers without a score', (_, response) => void response.end('{"action":"reject"}')],
    ['sends elsewhere', (_, response) => void response.writeHead(302, { Location: '/' }).end()],
    ['hangs up', (request) => void request.socket.destroy()],
    ['never answers', () => undefined],
    ['answers without end', (_, response) => endless(response)],
  ];
  it.each(troubles)('has no verdict when it %s', async (_, listener) => {
    await using rspamd = await serve(listener);
    expect(await ask(rspamd.url, await scanned(), 1_000)).toBeNull();
  });

  it('has no verdict when it is not there', async () => {
    const gone = await serve(() => undefined);
    await gone[Symbol.asyncDispose]();
    expect(await ask(gone.url, await scanned())).toBeNull();
  });

  it('adds its verdict to those of a mail that is handed over, which is taken without one too', async () => {
    let good = true;
    await using rspamd = await serve(async (request, response) => {
      await read(request);
      response.writeHead(good ? 200 : 503).end(JSON.stringify(answer));
    });
    const judge = async () => ({ verdicts: noVerdicts, authResults: null });
    await using fixture = await inboundAtEdge({ rspamdUrl: rspamd.url, judge });
    const door = {
      door: 'received',
      group: '1',
      synchronous: false,
      refuseDmarc: false,
      senders: null,
      authorize: false,
    } as const;
    fixture.edge.doors.set('b@in.example.com', door);
    for (const mail of ['Subject: one\r\n\r\n', 'Subject: two\r\n\r\n']) {
      const talk = await SmtpTalk.open(fixture.port);
      await talk.say('EHLO mx.example.net');
      await talk.say('MAIL FROM:<a@example.net>');
      await talk.say('RCPT TO:<b@in.example.com>');
      await talk.say('DATA');
      talk.write(mail);
      expect(await talk.say('\r\n.')).toMatch(/^250 /);
      good = false;
    }
    const heads = [...fixture.edge.received.values()].map(({ head }) => head.verdicts.spam);
    expect(heads).toEqual([verdict, null]);
  });
});

function pick({ url = '', method = '', headers }: IncomingMessage) {
  return { url, method, headers };
}

function endless(response: Parameters<RequestListener>[1]): void {
  const more = () => {
    while (!response.destroyed && response.write('x'.repeat(65_536)));
    if (!response.destroyed) response.once('drain', more);
  };
  more();
}
