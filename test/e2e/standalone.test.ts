/** A new user's first minutes: one command, a message by curl, one by swaks, and what is told of them. */
import { spawn } from 'node:child_process';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import PostalMime from 'postal-mime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { giveRelay } from '../../smtp-node/operator/deploy/relay.ts';
import { until } from '../lab/until.ts';
import { Api, attemptOf } from '../support/api.ts';
import { Captured, dkimVerdicts } from '../support/captured.ts';
import { isInstalled, runCommand } from '../support/command.ts';
import { SmtpTalk } from '../support/smtp-talk.ts';
import { Standalone, standaloneArguments } from '../support/standalone.ts';

const bothPass = ['ed25519-sha256 pass', 'rsa-sha256 pass'];
const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/;

let folder: string;
let product: Standalone;
let captured: Captured;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pennypost-e2e-'));
  // as another program may have left it
  await mkdir(join(folder, 'data'), { mode: 0o755 });
  product = await Standalone.start(join(folder, 'data'));
  captured = new Captured(product.facts.captureUrl);
}, 120_000);

afterAll(async () => {
  await product?.interrupt();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

/** The line of the welcome that begins with a program's name, run as if pasted into a shell. */
async function paste(program: string) {
  const line = product.output.split('\n').find((one) => one.startsWith(`${program} `)) ?? '';
  const before = new Set((await captured.list()).map(({ id }) => id));
  const { code, output } = await runCommand('sh', ['-c', line]);
  expect(code, output).toBe(0);
  const id = uuid.exec(output)?.[0] ?? '';
  const mail = await until('the mail to be captured', 30_000, async () => {
    return (await captured.list()).find((one) => !before.has(one.id));
  });
  return { id, output, mail, raw: await captured.raw(mail.id) };
}

const domainFacts = () => product.operator.domain(1, product.facts.domain);

describe('npm start', () => {
  it('keeps its data from everybody else on the machine, databases too', async () => {
    const entries = await readdir(join(folder, 'data'), { recursive: true });
    expect(entries.filter((name) => name.endsWith('.sqlite')).length).toBeGreaterThan(0);
    for (const name of ['.', ...entries]) {
      const { mode } = await lstat(join(folder, 'data', name));
      expect([name, mode & 0o077]).toEqual([name, 0]);
    }
  });

  it('prints a curl line whose message arrives with both DKIM signatures', async () => {
    const { id, mail, raw } = await paste('curl');
    expect(mail).toMatchObject({ rcptTo: ['you@example.net'], subject: 'Hello' });
    expect(mail.mailFrom).toMatch(/^b-[a-z2-7]{44}@bounces\.pennypost\.test$/);
    expect(raw.toString()).toContain('Sent by curl.');
    expect(await dkimVerdicts(raw, await domainFacts())).toEqual(bothPass);
    await product.api.event(id, 'delivered');
    expect(await product.api.email(id)).toMatchObject({ status: 'delivered', source: 'api' });
  });

  it.skipIf(!isInstalled('swaks'))('prints a swaks line whose message is received', async () => {
    const { apiUrl, liveKey, inboundDomain, returnPath } = product.facts;
    const line = product.output.split('\n').find((one) => one.includes(`--to you@${inboundDomain}`)) ?? '';
    expect(line).toContain(`--server ${returnPath?.host}:${returnPath?.port} `);
    const { code, output } = await runCommand('sh', ['-c', line]);
    expect(code, output).toBe(0);
    const id = uuid.exec(/250 2\.\d\.\d Taken as .*/.exec(output)?.[0] ?? '')?.[0] ?? '';
    const headers = { Authorization: `Bearer ${liveKey}` };
    const { email } = (await (await fetch(`${apiUrl}/v1/inbound-emails/${id}`, { headers })).json()) as {
      email: Record<string, unknown>;
    };
    expect(email).toMatchObject({
      to: [`you@${inboundDomain}`],
      subject: 'Hello',
      text: expect.stringContaining('Received here.'),
      envelope: { from: 'ann@example.net', remote_ip: '127.0.0.1' },
    });
  });

  it.skipIf(!isInstalled('swaks'))(
    'prints a swaks line whose message an alias sends on, sealed',
    async () => {
      const { aliasDomain } = product.facts;
      const line = product.output.split('\n').find((one) => one.includes(`--to hello@${aliasDomain}`)) ?? '';
      const named = line.replace('Subject: Hello', 'Subject: by an alias');
      const { output } = await runCommand('bash', ['-c', named]);
      expect(output).toContain('250 ');
      const { raw, rcptTo, mailFrom } = await captured.waitFor('by an alias');
      expect(rcptTo).toEqual(['you@example.net']);
      expect(mailFrom).toMatch(/^b-[a-z2-7]{44}@/);
      const text = raw.toString();
      expect(text).toMatch(/^ARC-Seal: i=1; [\s\S]*\r\nDelivered-To: hello@alias\.demo\.pennypost\.test\r\n/);
      expect(text).toContain('\r\nFrom: ann@people.test\r\n');
      expect(text).toContain('Sent on.');
    },
  );

  it.skipIf(!isInstalled('swaks'))('prints a swaks line whose message arrives the same way', async () => {
    const { id, output, mail, raw } = await paste('swaks');
    expect(output).toMatch(new RegExp(`^<~\\s+250 Thanks! Queued as: ${id}$`, 'm'));
    expect(mail).toMatchObject({ rcptTo: ['you@example.net'], subject: 'Hello' });
    expect(raw.toString()).toContain('Sent by swaks.');
    expect(await dkimVerdicts(raw, await domainFacts())).toEqual(bothPass);
    await product.api.event(id, 'delivered');
    expect(await product.api.email(id)).toMatchObject({ status: 'delivered', source: 'smtp' });
  });

  it('makes signatures that no longer verify when the mail is changed', async () => {
    const { raw } = await paste('curl');
    const changed = Buffer.from(raw.toString('latin1').replace('Sent by', 'Sold by'), 'latin1');
    const fail = ['ed25519-sha256 neutral', 'rsa-sha256 neutral'];
    expect(await dkimVerdicts(changed, await domainFacts())).toEqual(fail);
  });

  it('tells in the timeline what happened, with all details', async () => {
    const id = await send({ subject: 'timeline', class: 'priority' });
    const delivered = await product.api.event(id, 'delivered');
    const [accepted, dispatched, ...rest] = await product.api.events(id);
    expect(accepted).toMatchObject({ kind: 'accepted', type: 'email.sent', message_id: id });
    expect(accepted?.details).toEqual({ class: 'priority', sizeBytes: expect.any(Number) });
    expect(dispatched).toMatchObject({ kind: 'dispatched', details: { node: 'localhost' } });
    expect(rest.map(({ kind }) => kind)).toEqual(['delivered']);
    expect(delivered).toMatchObject({ type: 'email.delivered', recipient: 'you@example.net' });
    const { mx, reply, tls, dkim, steps, attempt } = attemptOf(delivered);
    expect(mx?.address).toBe('127.0.0.1');
    expect(mx?.host).not.toBe('');
    expect(reply).toMatchObject({ code: 250 });
    expect(tls).toMatchObject({ version: 'TLSv1.3', verdict: 'unverified' });
    expect(tls?.cipher).toMatch(/^TLS_/);
    expect(tls?.reason).not.toBe('');
    const { dkim: keys } = await domainFacts();
    expect(dkim?.toSorted()).toEqual(keys.map(({ selector }) => selector).sort());
    expect(attempt).toBe(1);
    // a connection that is kept from the message before needs none of the first steps
    expect(steps.map(({ name }) => name).slice(-4)).toEqual(['mail', 'rcpt', 'data', 'final']);
    for (const { ms } of steps) expect(ms).toBeGreaterThanOrEqual(0);
  });

  it('lets a mail tell of opens and clicks, and its reader unsubscribe', async () => {
    const to = 'subscriber@example.net';
    const message = {
      from: `shop@${product.facts.domain}`,
      to,
      subject: 'tells back',
      html_body: '<body><a href="https://shop.example/?a=1&amp;b=2">shop</a></body>',
    };
    const id = await product.api.send({
      ...message,
      track_opens: true,
      track_clicks: true,
      unsubscribe: true,
    });
    const { raw } = await captured.waitFor(message.subject);
    expect(await dkimVerdicts(raw, await domainFacts())).toEqual(bothPass);
    const signed = [...raw.toString().matchAll(/[;\s]h=([^;]+);/g)].map(([, names = '']) =>
      names.toLowerCase(),
    );
    expect(signed).toHaveLength(2);
    for (const names of signed) {
      expect(names.split(/[:\s]+/)).toEqual(
        expect.arrayContaining(['list-unsubscribe', 'list-unsubscribe-post']),
      );
    }

    const mail = await PostalMime.parse(raw);
    const pixel = /<img src="([^"]+)" width="1"/.exec(mail.html ?? '')?.[1] ?? '';
    const link = /<a href="([^"]+)"/.exec(mail.html ?? '')?.[1] ?? '';
    const field = (name: string) => mail.headers.find(({ key }) => key === name)?.value;
    const unsubscribe = field('list-unsubscribe')?.slice(1, -1) ?? '';
    expect(field('list-unsubscribe-post')).toBe('List-Unsubscribe=One-Click');
    for (const url of [pixel, link, unsubscribe]) expect(url.startsWith(product.facts.apiUrl)).toBe(true);

    expect((await fetch(pixel)).headers.get('Content-Type')).toBe('image/gif');
    const followed = await fetch(link, { redirect: 'manual' });
    expect([followed.status, followed.headers.get('Location')]).toEqual([
      302,
      'https://shop.example/?a=1&b=2',
    ]);
    expect(await (await fetch(unsubscribe, { headers: { Accept: 'text/html' } })).text()).toContain('<form');
    const done = await fetch(unsubscribe, {
      method: 'POST',
      body: new URLSearchParams({ 'List-Unsubscribe': 'One-Click' }),
    });
    expect([done.status, await done.text()]).toEqual([200, expect.stringContaining(to)]);

    for (const kind of ['opened', 'clicked', 'unsubscribed'] as const) await product.api.event(id, kind);
    const kinds = (await product.api.events(id)).map(({ kind }) => kind);
    expect(kinds.toSorted()).toEqual(
      ['accepted', 'dispatched', 'delivered', 'opened', 'clicked', 'unsubscribed'].toSorted(),
    );
    const refused = await product.api.call('POST', '/v1/send', message);
    expect(refused.status).toBe(422);
  });

  it('is given a relay by a deployment, with a rule where there is none, and once', async () => {
    const { apiUrl: url, operatorToken } = product.facts;
    const to = { url, operatorToken, pauseMs: 1 };
    const relay = { name: 'cloudflare', preset: 'cloudflare', user: 'api_token', secret: 'a token' };
    expect(await giveRelay(relay, to)).toContain(
      'was added: mail goes straight, and by it where that is closed',
    );
    expect(await giveRelay(relay, to)).toContain('is there already, and stays as it is; rules are there');
    expect(await giveRelay({ ...relay, name: 'Other' }, to)).toMatch(/was not added \(.*name.*\): add it at/);
    expect(await giveRelay(relay, { ...to, operatorToken: undefined })).toContain(
      'OPERATOR_TOKEN is not known',
    );
    expect(await giveRelay(relay, { ...to, url: 'http://127.0.0.1:1' })).toContain('was not added');
    const operator = new Api(url, operatorToken);
    const { answer } = await operator.call('GET', '/admin/v1/transports');
    expect(answer).toMatchObject({
      data: [{ name: 'cloudflare', host: 'smtp.mx.cloudflare.net', has_secret: true }],
      rules: [{ route: ['direct', 'cloudflare'] }],
    });
    await operator.call('PUT', '/admin/v1/transport-rules', { rules: [] });
    await operator.call('DELETE', '/admin/v1/transports/cloudflare');
  });

  it('says at a second start that it is running, and where', async () => {
    const again = Standalone.start(join(folder, 'data'));
    await expect(again).rejects.toThrow(`Pennypost is already running here at ${product.facts.apiUrl}`);
    await send({ subject: 'still here' });
    await captured.waitFor('still here');
  });

  it('keeps its secrets for the owner alone', async () => {
    const files = ['dev', 'demo', 'secrets'].map((name) => join(folder, 'data', `${name}.json`));
    const { output } = await runCommand('stat', ['-c', '%a', ...files]);
    expect(output.trim().split('\n')).toEqual(['600', '600', '600']);
  });

  it('validates what a test key sends, and delivers nothing of it', async () => {
    const { status, answer } = await product.api.call(
      'POST',
      '/v1/send',
      { ...letter, subject: 'simulated' },
      { Authorization: `Bearer ${product.facts.testKey}` },
    );
    expect({ status, answer }).toMatchObject({
      status: 202,
      answer: { status: 'simulated', environment: 'test' },
    });
    await send({ subject: 'after the simulated one' });
    await captured.waitFor('after the simulated one');
    expect(await captured.withSubject('simulated')).toEqual([]);
  });
});

const letter = { from: 'hello@demo.pennypost.test', to: ['you@example.net'], text_body: 'Hello.' };
const send = (more: Record<string, unknown>) => product.api.send({ ...letter, ...more });

/** A message for the clients that take one. */
const mime = (subject: string, body = 'Hello.\r\n', header = '') =>
  `From: hello@demo.pennypost.test\r\nTo: you@example.net\r\nSubject: ${subject}\r\n${header}\r\n${body}`;

describe('by SMTP', () => {
  const arrives = async (subject: string) => {
    const { raw, rcptTo, mailFrom } = await captured.waitFor(subject);
    expect(rcptTo).toEqual(['you@example.net']);
    expect(mailFrom).toMatch(/^b-[a-z2-7]{44}@/);
    expect(await dkimVerdicts(raw, await domainFacts())).toEqual(bothPass);
    return raw;
  };

  it.each(['starttls', 'tls'])('takes mail of Python’s smtplib, %s', async (how) => {
    const { smtp, liveKey } = product.facts;
    const script = [
      'import smtplib, ssl, sys',
      'port, tls_port, key, how = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]',
      'context = ssl._create_unverified_context()',
      'if how == "tls":',
      '    client = smtplib.SMTP_SSL("127.0.0.1", tls_port, context=context)',
      'else:',
      '    client = smtplib.SMTP("127.0.0.1", port)',
      '    client.starttls(context=context)',
      'client.login("pennypost", key)',
      'print(client.sendmail("hello@demo.pennypost.test", ["you@example.net"], sys.stdin.read()))',
      'client.quit()',
    ].join('\n');
    const args = ['-c', script, `${smtp.port}`, `${smtp.tlsPort}`, liveKey, how];
    const { code, output } = await runCommand('/usr/bin/python3', args, mime(`smtplib ${how}`));
    expect(code, output).toBe(0);
    await arrives(`smtplib ${how}`);
  });

  it('takes an address beyond ASCII, with SMTPUTF8', async () => {
    const { smtp, liveKey } = product.facts;
    const script = [
      'import smtplib, ssl, sys',
      'client = smtplib.SMTP("127.0.0.1", int(sys.argv[1]))',
      'client.starttls(context=ssl._create_unverified_context())',
      'client.login("pennypost", sys.argv[2])',
      'options = ["SMTPUTF8", "BODY=8BITMIME"]',
      'text = sys.stdin.buffer.read()',
      'client.sendmail("hello@demo.pennypost.test", ["grün@bücher.example"], text, mail_options=options)',
    ].join('\n');
    const args = ['-c', script, `${smtp.port}`, liveKey];
    const { code, output } = await runCommand('/usr/bin/python3', args, mime('Grüße', 'Schöne Grüße\r\n'));
    expect(code, output).toBe(0);
    const { raw, rcptTo } = await captured.waitFor('Grüße');
    expect(rcptTo).toEqual(['grün@bücher.example']);
    expect(raw.toString()).toContain('Schöne Grüße');
    expect(await dkimVerdicts(raw, await domainFacts())).toEqual(bothPass);
  });

  it.skipIf(!isInstalled('msmtp')).each(['starttls', 'tls'])('takes mail of msmtp, %s', async (how) => {
    const { smtp, liveKey } = product.facts;
    const file = join(folder, `msmtp-${how}`);
    await writeFile(
      file,
      `account default\nhost 127.0.0.1\nport ${how === 'tls' ? smtp.tlsPort : smtp.port}\ntls on\n` +
        `tls_starttls ${how === 'tls' ? 'off' : 'on'}\ntls_certcheck off\nauth plain\nuser pennypost\n` +
        `password ${liveKey}\nfrom hello@demo.pennypost.test\n`,
      { mode: 0o600 },
    );
    const { code, output } = await runCommand('msmtp', ['-C', file, 'you@example.net'], mime(`msmtp ${how}`));
    expect(code, output).toBe(0);
    await arrives(`msmtp ${how}`);
  });

  it.each(['smtp', 'smtps'])('takes mail of curl %s://', async (scheme) => {
    const { code, output } = await curl(mime(`curl ${scheme}`), { scheme });
    expect(code, output).toBe(0);
    await arrives(`curl ${scheme}`);
  });

  it('takes mail of nodemailer, many over one connection, with the envelope that it is told', async () => {
    const { smtp, liveKey } = product.facts;
    const transport = createTransport({
      pool: true,
      maxConnections: 1,
      host: smtp.host,
      port: smtp.port,
      requireTLS: true,
      auth: { user: smtp.username, pass: liveKey },
      tls: { rejectUnauthorized: false },
    });
    const subjects = ['one', 'two', 'three'].map((name) => `nodemailer ${name}`);
    for (const subject of subjects) {
      const { response } = await transport.sendMail({
        from: 'Demo <hello@demo.pennypost.test>',
        to: 'you@example.net',
        bcc: 'hidden@example.net',
        subject,
        text: 'Grüße',
        html: '<p>Grüße</p>',
      });
      expect(response).toMatch(/^250 Thanks! Queued as: [0-9a-f-]{36}$/);
    }
    transport.close();
    for (const subject of subjects) {
      await until('both copies', 30_000, async () => (await captured.withSubject(subject)).length === 2);
      const copies = await captured.withSubject(subject);
      expect(copies.flatMap(({ rcptTo }) => rcptTo).sort()).toEqual([
        'hidden@example.net',
        'you@example.net',
      ]);
      for (const { id } of copies) {
        const raw = await captured.raw(id);
        expect(raw.toString()).not.toMatch(/hidden@/);
        expect(await dkimVerdicts(raw, await domainFacts())).toEqual(bothPass);
      }
    }
  });

  it('reads the control headers and takes them out', async () => {
    const header =
      'X-Pennypost-Class: priority\r\nX-Pennypost-Tags: a, b\r\nX-Pennypost-Metadata-order: 7\r\n' +
      'Bcc: hidden@example.net\r\n';
    const { output } = await curl(mime('controlled', 'Hello.\r\n', header));
    const raw = (await arrives('controlled')).toString();
    expect(raw).not.toMatch(/^(x-pennypost|bcc)/im);
    expect(raw).toMatch(/^Message-ID: <.+>$/im);
    expect(raw).toMatch(/^Date: .+$/im);
    const email = await product.api.email(uuid.exec(output)?.[0] ?? '');
    expect(email).toMatchObject({ class: 'priority', tags: ['a', 'b'], metadata: { order: '7' } });
  });

  it('sends a message once whose idempotency header comes twice, and refuses another with it', async () => {
    const header = 'X-Pennypost-Idempotency-Key: order-7\r\n';
    const [first, second] = [
      await curl(mime('once', 'Hello.\r\n', header)),
      await curl(mime('once', 'Hello.\r\n', header)),
    ];
    expect(first.code, first.output).toBe(0);
    expect(uuid.exec(second.output)?.[0]).toBe(uuid.exec(first.output)?.[0]);
    const other = await curl(mime('not the same', 'Hello.\r\n', header));
    expect(other.code).not.toBe(0);
    expect(other.output).toMatch(/^< 550 /m);
    await arrives('once');
    await send({ subject: 'after once' });
    await captured.waitFor('after once');
    expect(await captured.withSubject('once')).toHaveLength(1);
    expect(await captured.withSubject('not the same')).toEqual([]);
  });

  it('takes a message of 25 MiB and refuses one of 26 MiB, told before or not', async () => {
    const mebibyte = 1024 * 1024;
    const full = bigMime('25 MiB', 25 * mebibyte);
    expect(full.length).toBe(25 * mebibyte);
    const talk = await SmtpTalk.open(product.facts.smtp.port);
    expect(await talk.logIn('pennypost', product.facts.liveKey)).toMatch(/^235 /);

    await talk.say(`MAIL FROM:<hello@demo.pennypost.test> SIZE=${full.length}`);
    await talk.say('RCPT TO:<you@example.net>');
    expect(await talk.say('DATA')).toMatch(/^354 /);
    await talk.pour(full, 1);
    expect(await talk.say('.')).toMatch(/^250 Thanks! Queued as: /);
    const raw = await arrives('25 MiB');
    expect(raw.subarray(-full.length).equals(full)).toBe(true);

    const over = 26 * mebibyte;
    expect(await talk.say(`MAIL FROM:<hello@demo.pennypost.test> SIZE=${over}`)).toMatch(/^552 /);
    await talk.say('MAIL FROM:<hello@demo.pennypost.test>');
    await talk.say('RCPT TO:<you@example.net>');
    await talk.say('DATA');
    await talk.pour(bigMime('26 MiB', over), 1);
    expect(await talk.say('.')).toMatch(/^552 5\.3\.4 /);
    talk.drop();
    expect((await product.api.emails('&subject=26%20MiB')).map(({ id }) => id)).toEqual([]);
  });

  async function curl(message: string, { scheme = 'smtp' } = {}) {
    const { smtp, liveKey } = product.facts;
    const port = scheme === 'smtps' ? smtp.tlsPort : smtp.port;
    const args = ['-v', '-k', '--ssl-reqd', '--url', `${scheme}://127.0.0.1:${port}`];
    const envelope = ['--mail-from', 'hello@demo.pennypost.test', '--mail-rcpt', 'you@example.net'];
    return await runCommand('curl', [...args, '-u', `pennypost:${liveKey}`, ...envelope, '-T', '-'], message);
  }
});

/** A message of exactly so many octets that needs nothing added. */
function bigMime(subject: string, octets: number): Buffer {
  const date = `Date: ${new Date().toUTCString().replace('GMT', '+0000')}\r\nMessage-ID: <big@demo.pennypost.test>\r\n`;
  const head = mime(subject, '', date);
  const line = `${'x'.repeat(76)}\r\n`;
  const body = line
    .repeat(Math.ceil((octets - head.length) / line.length))
    .slice(0, octets - head.length - 2);
  return Buffer.from(`${head}${body.replace(/[\r\n]+$/, (end) => 'x'.repeat(end.length))}\r\n`);
}

describe('the end of a run', () => {
  /** A product of its own, whose end harms no other test. */
  const start = async (name: string, more: string[] = []) => Standalone.start(join(folder, name), more);

  it('comes with Ctrl-C, leaves no process behind, and the next run has all that was', async () => {
    const first = await start('kept');
    const delivered = await first.api.send({ ...letter, subject: 'before' });
    await first.api.event(delivered, 'delivered');
    const soon = new Date(Date.now() + 10_000).toISOString();
    const scheduled = await first.api.send({ ...letter, subject: 'scheduled', send_at: soon });
    const later = new Date(Date.now() + 3_600_000).toISOString();
    const waiting = await first.api.send({ ...letter, subject: 'waiting', send_at: later });
    const keys = await first.operator.domain(1, first.facts.domain);
    const processes = await descendants(first.pid);
    expect(processes.map(({ command }) => command)).toContain('workerd');
    expect(await first.interrupt()).toBe(0);
    expect(await stillThere(processes)).toEqual([]);
    await expect(fetch(first.facts.apiUrl)).rejects.toThrow();

    const second = await start('kept');
    const backAtMs = Date.now();
    expect(second.facts).toMatchObject({ liveKey: first.facts.liveKey, testKey: first.facts.testKey });
    expect(await second.operator.domain(1, second.facts.domain)).toEqual(keys);
    expect((await second.api.emails()).map(({ id }) => id)).toEqual([waiting, scheduled, delivered]);
    expect((await second.api.events(delivered)).map(({ kind }) => kind)).toContain('delivered');
    const { at } = await new Captured(second.facts.captureUrl).waitFor('scheduled', 70_000);
    expect(Date.parse(at)).toBeGreaterThanOrEqual(Date.parse(soon));
    expect(Date.parse(at)).toBeLessThanOrEqual(Math.max(backAtMs, Date.parse(soon)) + 60_000);
    expect(await second.api.email(waiting)).toMatchObject({ status: 'scheduled' });
    expect(await second.interrupt()).toBe(0);
  });

  it('comes with SIGTERM, as service managers say it', async () => {
    const product = await start('terminated');
    const processes = await descendants(product.pid);
    expect(await product.terminate()).toBe(0);
    expect(await stillThere(processes)).toEqual([]);
  });

  it.skipIf(!isInstalled('ps'))(
    'may be a crash: the next start on the same ports works and has all that was',
    async () => {
      const first = await start('crashed');
      const id = await first.api.send({ ...letter, subject: 'before the crash' });
      await first.api.event(id, 'delivered');
      const orphans = await descendants(first.pid);
      await first.kill();
      const port = new URL(first.facts.apiUrl).port;
      const second = await start('crashed', ['--port', port]);
      expect(await stillThere(orphans)).toEqual([]);
      expect(second.facts).toMatchObject({ apiUrl: first.facts.apiUrl, liveKey: first.facts.liveKey });
      expect(await second.api.email(id)).toMatchObject({ status: 'delivered' });
      await second.api.event(await second.api.send({ ...letter, subject: 'after' }), 'delivered');
      await second.interrupt();
    },
  );

  it('may come at the start: an option that there is none is told with those that there are', async () => {
    const child = Standalone.spawn(join(folder, 'refused'), ['--colour', 'green']);
    const refused = Standalone.of(child, join(folder, 'refused'));
    await expect(refused).rejects.toThrow(/Unknown option '--colour'[\s\S]*--deliver/);
  });

  it('needs no short path: it works in a directory far down', async () => {
    const cwd = join(folder, 'n'.repeat(100));
    await mkdir(cwd);
    const run = (detached: boolean) =>
      Standalone.of(
        spawn(process.execPath, standaloneArguments('data'), { cwd, detached }),
        join(cwd, 'data'),
      );
    const product = await run(true);
    await expect(run(false)).rejects.toThrow('already running');
    expect(await product.interrupt()).toBe(0);
  });

  it('may come at the start: a port that is taken is told, and no process is left behind', async () => {
    const child = Standalone.spawn(join(folder, 'refused'), ['--port', new URL(product.facts.apiUrl).port]);
    await expect(Standalone.of(child, join(folder, 'refused'))).rejects.toThrow('Address already in use');
    expect((await processes()).filter(({ group }) => group === child.pid)).toEqual([]);
  });
});

interface Process {
  pid: number;
  command: string;
  parent: number;
  group: number;
  startedAt: string;
}

/** proc_pid_stat(5). */
async function processes(): Promise<Process[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const all = await Promise.all(
    pids.map(async (pid) => {
      const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      const [, command = '', rest = ''] = /\((.*)\) (.*)$/s.exec(text) ?? [];
      const fields = rest.split(' ');
      return {
        pid: Number(pid),
        command,
        parent: Number(fields[1]),
        group: Number(fields[2]),
        startedAt: fields[19] ?? '',
        state: fields[0],
      };
    }),
  );
  return all.filter(({ state }) => state !== undefined && state !== '' && state !== 'Z');
}

async function descendants(pid: number): Promise<Process[]> {
  const all = await processes();
  const below = (parent: number): Process[] =>
    all.filter((one) => one.parent === parent).flatMap((one) => [one, ...below(one.pid)]);
  return [...all.filter((one) => one.pid === pid), ...below(pid)];
}

async function stillThere(these: Process[]): Promise<string[]> {
  const now = await processes();
  return these
    .filter((one) => now.some(({ pid, startedAt }) => pid === one.pid && startedAt === one.startedAt))
    .map(({ pid, command }) => `${pid} ${command}`);
}
