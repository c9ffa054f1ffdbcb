import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DohServer, startDohServer } from '../../smtp-node/standalone/doh-server.ts';
import { until } from '../lab/until.ts';
import { Captured } from '../support/captured.ts';
import { darkDotsOf, hasChromium, launchChromium, lookAt, newWindow } from '../support/chromium.ts';
import { isInstalled, runCommand } from '../support/command.ts';
import { type DnsTable, lookupIn } from '../support/dns-table.ts';
import { Standalone } from '../support/standalone.ts';

const password = 'correct horse battery';
const owner = 'olga@people.example';
const viewer = 'vera@people.example';

/** A page's own weight without the browser's cache, bytes. */
const mostBytes = 150_000;

describe.skipIf(!hasChromium)('the dashboard in a browser', () => {
  let dataDir: string;
  let pennypost: Standalone;
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  let url: string;
  let doh: DohServer;
  /** What DNS says; the test of a domain publishes here. */
  const dns: DnsTable = {
    '_spf.pennypost.test': { TXT: ['v=spf1 ip4:192.0.2.1 -all'] },
    'bounces.pennypost.test': {
      TXT: ['v=spf1 include:_spf.pennypost.test -all'],
      MX: ['10 mx.pennypost.test'],
    },
    'mx.pennypost.test': { A: ['192.0.2.1'] },
  };

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'pennypost-dashboard-'));
    doh = await startDohServer(lookupIn(dns));
    pennypost = await Standalone.start(dataDir, [], { DOH_URL: doh.url });
    url = pennypost.facts.dashboardUrl;
    browser = await launchChromium();
    ({ page, complaints } = await newWindow(browser));
  });

  afterAll(async () => {
    await browser?.close();
    await pennypost?.interrupt();
    await doh?.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  async function signIn(window: Page, email: string): Promise<void> {
    await window.goto(`${url}/sign-in`);
    await window.getByLabel('E-mail').fill(email);
    await window.getByLabel('Password').fill(password);
    await window.getByRole('button', { name: 'Sign in', exact: true }).click();
    await window.waitForURL(`${url}/`);
  }

  /** The API, asked with a key of the first account. */
  async function asProgram(path: string, body?: object): Promise<Record<string, unknown>> {
    const answer = await fetch(`${pennypost.facts.apiUrl}${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { Authorization: `Bearer ${pennypost.facts.liveKey}`, 'Content-Type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return (await answer.json()) as Record<string, unknown>;
  }

  /** Chromium's own authenticator, in the device, of somebody whose finger is always on it. */
  async function addAuthenticator(window: Page): Promise<{ devtools: CDPSession; authenticatorId: string }> {
    const devtools = await window.context().newCDPSession(window);
    await devtools.send('WebAuthn.enable');
    const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    return { devtools, authenticatorId };
  }

  it('is set up with the code that the console printed', async () => {
    expect(pennypost.output).toContain(pennypost.facts.setupCode);
    await page.goto(url);
    expect(await lookAt(page, 'set-up')).toEqual([]);
    await page.getByLabel('Set-up code').fill(pennypost.facts.setupCode);
    await page.getByLabel('Your name').fill('Olga Owner');
    await page.getByLabel('E-mail').fill(owner);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Set up' }).click();
    await page.getByRole('heading', { name: 'First steps' }).waitFor();
    expect(await lookAt(page, 'overview-empty')).toEqual([]);
  });

  it('signs out and in again', async () => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.getByRole('button', { name: 'Sign out' }).click();
    expect(await lookAt(page, 'sign-in')).toEqual([]);
    await signIn(page, owner);
  });

  for (const place of ['messages', 'events', 'suppressions', 'webhooks', 'statistics']) {
    it(`teaches the next step where there is nothing yet: ${place}`, async () => {
      await page.goto(`${url}/${place}`);
      expect(await lookAt(page, `${place}-empty`)).toEqual([]);
    });
  }

  it('makes a key, shows it once, and the key sends', async () => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(`${url}/sending`);
    const { host, port, tlsPort } = pennypost.facts.smtp;
    const facts = await page.locator('#smtp + dl dd').allTextContents();
    expect(facts.slice(0, 3).map((text) => text.trim())).toEqual([host, String(port), String(tlsPort)]);
    await page.getByText('Make a key').click();
    await page.getByLabel('Name').fill('shop');
    await page.getByRole('button', { name: 'Make the key' }).click();
    const key = await page.locator('#secret').textContent();
    expect(key).toMatch(/^pp_live_/);
    await page.getByRole('button', { name: 'Copy the key' }).click();
    expect(await page.evaluate<string>('navigator.clipboard.readText()')).toBe(key);
    expect(await page.locator('#snippet-0').textContent()).toContain(key);
    expect(await lookAt(page, 'sending-new-key')).toEqual([]);
    const answer = await fetch(`${url}/v1/send`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({
        from: `shop@${pennypost.facts.domain}`,
        to: ['buyer@example.net', 'second.buyer.with.a.long.name@department.example.net'],
        subject: 'Your receipt 4711',
        text_body: 'Thank you.',
        html_body: '<h1>Thank you</h1><p>Order <b>4711</b></p><script>document.title = "no"</script>',
        tags: ['receipt'],
        metadata: { order: '4711' },
      }),
    });
    expect(answer.status).toBe(202);
    await page.goto(`${url}/sending`);
    expect(await page.content()).not.toContain(key);
  });

  it('sends a test and watches it arrive, without a reload', async () => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(`${url}/sending`);
    await page.getByLabel('To', { exact: true }).fill('you@example.net');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.getByRole('heading', { name: 'Hello from Pennypost' }).waitFor();
    await page.locator('.timeline strong', { hasText: 'delivered' }).waitFor();
    await page.getByText('signed with DKIM').waitFor();
    const steps = await page.locator('.steps').textContent();
    for (const step of ['mail', 'rcpt', 'data', 'final']) expect(steps).toContain(step);
    await page.reload();
    const mail = page.frameLocator('iframe.mail').getByText('A test from the');
    await mail.waitFor({ state: 'visible' });
    expect(await mail.textContent()).toBe('A test from the dashboard.');
    // A frame is painted in its own time.
    await expect
      .poll(() => darkDotsOf(page, page.locator('iframe.mail')), { timeout: 10_000 })
      .toBeGreaterThan(100);
    expect(await lookAt(page, 'message-delivered')).toEqual([]);
  });

  it('shows a bounce and why', async () => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(`${url}/sending`);
    await page.getByLabel('To', { exact: true }).fill('hard-bounce@simulator.pennypost.test');
    await page.getByLabel('Subject').fill('To nobody');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.locator('.timeline strong', { hasText: 'bounced' }).waitFor();
    await page.reload();
    expect(await page.locator('main').textContent()).toContain('refused it for good');
    expect(await lookAt(page, 'message-bounced')).toEqual([]);
  });

  it('finds messages by recipient, tag and state, and a message by its id', async () => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(`${url}/messages?q=second.buyer`);
    expect(await page.locator('#list tbody tr').count()).toBe(1);
    await page.goto(`${url}/messages?tag=receipt`);
    await page.getByRole('link', { name: 'Your receipt 4711' }).click();
    const id = page.url().split('/').at(-1) ?? '';
    await page.goto(`${url}/messages?id=${id}`);
    expect(page.url()).toBe(`${url}/messages/${id}`);
    await page.goto(`${url}/messages?status=bounced`);
    expect(await page.locator('#list tbody').textContent()).toContain('To nobody');
  });

  it('lists an address that bounced for good with the proof, and sends to it no more', async () => {
    await page.setViewportSize({ width: 1280, height: 900 });
    const gone = 'hard-bounce+gone@simulator.pennypost.test';
    const from = `shop@${pennypost.facts.domain}`;
    const content = { from, text_body: 'x', metadata: { simulator_suppress: 'true' } };
    await pennypost.api.send({ ...content, to: [gone], subject: 'The one that proves it' });
    const row = page.locator('tr', { hasText: gone });
    await until('the address to be suppressed', 20_000, async () => {
      await page.goto(`${url}/suppressions`);
      return (await row.count()) === 1;
    });
    expect(await row.textContent()).toMatch(/hard bounce.*550/);
    expect(await lookAt(page, 'suppressions-bounce')).toEqual([]);
    await page.setViewportSize({ width: 1280, height: 900 });
    await row.getByRole('link', { name: 'the message' }).click();
    await page.getByRole('heading', { name: 'The one that proves it' }).waitFor();
    await page.goto(`${url}/sending`);
    await page.getByLabel('To', { exact: true }).fill(gone);
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').textContent()).toMatch(/suppressed/);
    // The refusal is the one error that the browser may tell of.
    const told = () => complaints.findIndex((text) => text.includes('status of 422'));
    await until('the browser to tell of the refusal', 5_000, async () => told() >= 0);
    complaints.splice(told(), 1);
    await pennypost.api.send({ ...content, to: [gone, 'other@example.net'], subject: 'To both' });
    await page.goto(`${url}/messages?q=To+both`);
    await page.getByRole('link', { name: 'To both' }).click();
    await page.locator('.timeline strong', { hasText: 'suppressed' }).waitFor();
    await page.locator('.timeline strong', { hasText: 'delivered' }).waitFor();
    await page.reload();
    expect(await lookAt(page, 'message-suppressed')).toEqual([]);
  });

  it('adds a domain, tells what to publish, verifies it and sends from it', async () => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(`${url}/domains`);
    await page.getByLabel('Domain', { exact: true }).fill('not a domain');
    await page.getByRole('button', { name: 'Add' }).click();
    await page.locator('input[aria-invalid=true]:focus').waitFor();
    const refusal = () => complaints.findIndex((text) => text.includes('status of 400'));
    await until('the browser to tell of the refusal', 5_000, async () => refusal() >= 0);
    complaints.splice(refusal(), 1);
    await page.getByLabel('Domain', { exact: true }).fill('shop.example');
    await page.getByRole('button', { name: 'Add' }).click();
    await page.getByRole('heading', { name: 'shop.example' }).waitFor();
    expect(await page.locator('main').textContent()).toContain('pennypost._domainkey.shop.example');
    const verify = page.getByRole('button', { name: 'Verify now' });
    await verify.click();
    await page.getByText(/^Looked at /).waitFor();
    expect(await page.getByText('Mail can be sent from').count()).toBe(0);
    expect(await lookAt(page, 'domain')).toEqual([]);
    await page.setViewportSize({ width: 1280, height: 900 });
    // What the page says is published, word for word, and nothing else.
    for (const record of await page.locator('section[aria-labelledby=records] tr[data-record]').all()) {
      const [type = '', name = '', value = ''] = await record.locator('[data-field]').allTextContents();
      if (type !== 'TXT' && type !== 'CNAME') throw new Error(`nothing publishes ${type}`);
      dns[name] = { [type]: [value] };
    }
    expect(Object.keys(dns)).toContain('_pennypost.shop.example');
    await verify.click();
    await page.getByText('Mail can be sent from shop.example').waitFor();
    expect(await lookAt(page, 'domain-verified')).toEqual([]);
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(`${url}/sending`);
    await page.getByLabel('From', { exact: true }).fill('hello@shop.example');
    await page.getByLabel('To', { exact: true }).fill('buyer@example.net');
    await page.getByLabel('Subject').fill('From a domain of our own');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.locator('.timeline strong', { hasText: 'delivered' }).waitFor();
    const mail = await new Captured(pennypost.facts.captureUrl).waitFor('From a domain of our own');
    expect(mail.raw.toString('latin1')).toMatch(/^DKIM-Signature:[^\n]*(\r\n[ \t][^\n]*)*d=shop\.example/m);
  });

  it('adds a webhook, posts a test, sees the body, posts it again', async () => {
    const taken: string[] = [];
    const receiver = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        taken.push(body);
        response.end('thanks');
      });
    });
    await new Promise<void>((ready) => receiver.listen(0, '127.0.0.1', ready));
    const address = receiver.address();
    if (address === null || typeof address === 'string') throw new Error('the receiver has no port');
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(`${url}/webhooks`);
    await page.getByLabel('URL', { exact: true }).fill(`http://127.0.0.1:${address.port}/hook`);
    await page.getByRole('button', { name: 'Add' }).click();
    expect(await page.locator('#secret').textContent()).toMatch(/^whsec_/);
    expect(await lookAt(page, 'webhook-new')).toEqual([]);
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.getByRole('button', { name: 'Post a test' }).click();
    await page.getByText('The test was taken: status 200').waitFor();
    await pennypost.api.send({
      from: `shop@${pennypost.facts.domain}`,
      to: ['hooked@example.net'],
      subject: 'Hooked',
      text_body: 'x',
    });
    await until('an event to be posted', 20_000, async () =>
      taken.some((body) => body.includes('hooked@example.net')),
    );
    await page.goto(`${url}/webhooks`);
    await page.getByRole('link', { name: '/hook' }).click();
    await page.locator('#posted-list tbody a').first().click();
    await page.getByText('"hooked@example.net"').first().waitFor();
    expect(await lookAt(page, 'webhook-delivery')).toEqual([]);
    const before = taken.length;
    await page.getByRole('button', { name: 'Post again' }).click();
    await until('it to be posted again', 20_000, async () => taken.length > before);
    await page.getByRole('link', { name: 'Endpoint' }).click();
    const range = taken.length;
    await page.getByRole('button', { name: 'Post again' }).click();
    await page.getByText(/posted again\.$/).waitFor();
    await until('the range to be posted again', 20_000, async () => taken.length > range);
    expect(await lookAt(page, 'webhook-replay')).toEqual([]);
    receiver.close();
  });

  it('adds a domain that receives, sees its MX found, a mail come, why it went where it did, and its webhook', async () => {
    const domain = 'in.receiving.example';
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(`${url}/received`);
    expect(await lookAt(page, 'received-empty')).toEqual([]);
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(`${url}/domains`);
    await page.getByLabel('Domain', { exact: true }).fill(domain);
    await page.getByLabel('For', { exact: true }).selectOption('inbound');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('heading', { name: domain }).waitFor();
    const found = await fetch(`${pennypost.facts.apiUrl}/v1/domains/${domain}`, {
      headers: { Authorization: `Bearer ${pennypost.facts.liveKey}` },
    });
    const { records } = (await found.json()) as {
      records: { type: 'TXT' | 'MX'; name: string; value: string }[];
    };
    for (const { type, name, value } of records) dns[name] = { [type]: [value] };
    await page.getByRole('button', { name: 'Verify now' }).click();
    await page.getByText(`Mail to ${domain} is taken.`).waitFor();
    const posts: { subject: string }[] = [];
    const receiver = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        posts.push((JSON.parse(body) as { data: { subject: string } }).data);
        response.end('thank you');
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    try {
      const address = receiver.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      await page.goto(`${url}/webhooks`);
      await page.getByLabel('URL', { exact: true }).fill(`http://127.0.0.1:${port}/hook`);
      await page.getByText('Only some events').click();
      await page.getByLabel('received mail came to a domain').check();
      await page.getByRole('button', { name: 'Add', exact: true }).click();
      await page.getByText('Keep it now').waitFor();
      await bringQuestion(`info@${domain}`);
      await until('the webhook to tell of it', 30_000, async () =>
        posts.some(({ subject }) => subject === 'A question'),
      );
      await page.goto(`${url}/received?subject=question`);
      expect(await lookAt(page, 'received')).toEqual([]);
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.getByRole('link', { name: 'A question' }).click();
      await page.getByText('By rule *').waitFor();
      expect(await lookAt(page, 'received-mail')).toEqual([]);
      await page.setViewportSize({ width: 1280, height: 900 });
      const at = page.url();
      const verdicts = await page
        .locator('section[aria-labelledby=verdicts] tbody td:first-child')
        .allTextContents();
      expect(verdicts).toEqual(['SPF', 'DKIM', 'DMARC', 'ARC', 'Reverse DNS']);
      expect(await page.locator('#text-of').textContent()).toContain('When do you open?');
      expect(await page.frameLocator('iframe.mail').locator('b').textContent()).toBe('open');
      expect(await page.locator('#headers-text').textContent()).toMatch(
        /^Received: from [^\n]+\n[\s\S]*Subject: A question$/m,
      );
      expect(await download('map.txt')).toBe('here');
      expect(await download('Download as it came')).toMatch(
        /^Received: from [\s\S]*\r\nSubject: A question\r\n/,
      );
      const before = posts.length;
      await page.getByRole('button', { name: 'Tell again' }).click();
      await until('the webhook to tell of it again', 30_000, async () => posts.length > before);
      expect(posts.at(-1)?.subject).toBe('A question');
      await page.goto(at);
      await page.locator('a[href^="/webhook-deliveries/"]').last().click();
      await page.getByText('status 200').waitFor();
      await page.goto(`${url}/domains`);
      await page.getByRole('link', { name: domain }).click();
      await page.getByRole('link', { name: 'Routes' }).click();
      await page.locator('#to').fill(`sales@${domain}`);
      await page.getByRole('button', { name: 'Try', exact: true }).click();
      await page.getByText('by rule *').waitFor();
      expect(await lookAt(page, 'routes')).toEqual([]);
    } finally {
      receiver.closeAllConnections();
      await new Promise((resolve) => receiver.close(resolve));
    }
  });

  /** A mail by swaks where it is installed, through the port of the node that takes mail. */
  async function bringQuestion(to: string): Promise<void> {
    const port = pennypost.facts.returnPath?.port;
    const content = [
      ...['From: Ann <ann@example.net>', `To: ${to}`, 'Subject: A question', 'MIME-Version: 1.0'],
      ...['Content-Type: multipart/mixed; boundary=b', '', '--b'],
      ...['Content-Type: multipart/alternative; boundary=a', '', '--a', 'Content-Type: text/plain', ''],
      ...[
        'When do you open?',
        '--a',
        'Content-Type: text/html',
        '',
        '<p>When do you <b>open</b>?</p>',
        '--a--',
      ],
      ...[
        '--b',
        'Content-Type: text/plain; name=map.txt',
        'Content-Disposition: attachment; filename=map.txt',
      ],
      ...['Content-Transfer-Encoding: base64', '', 'aGVyZQ==', '--b--', ''],
    ].join('\r\n');
    if (isInstalled('swaks')) {
      const session = [
        '--server',
        '127.0.0.1',
        '--port',
        `${port}`,
        '--tls',
        '--from',
        'ann@example.net',
        '--to',
        to,
      ];
      const { code, output } = await runCommand('swaks', [...session, '--data', '-'], content);
      expect(code, output).toBe(0);
      return;
    }
    const transport = createTransport({ host: '127.0.0.1', port, tls: { rejectUnauthorized: false } });
    await transport.sendMail({ envelope: { from: 'ann@example.net', to }, raw: content });
    transport.close();
  }

  /** What a link downloads. */
  async function download(link: string): Promise<string> {
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: link, exact: true }).click(),
    ]);
    return await readFile(await file.path(), 'latin1');
  }

  it('suppresses an address and sets it free again', async () => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(`${url}/suppressions`);
    await page.locator('#email').fill('gone@example.net');
    await page.getByRole('button', { name: 'Suppress' }).click();
    const row = page.locator('tr', { hasText: 'gone@example.net' });
    await row.waitFor();
    expect(await lookAt(page, 'suppressions')).toEqual([]);
    await page.setViewportSize({ width: 1280, height: 900 });
    await row.getByText('Remove…').click();
    await row.getByRole('button', { name: 'Yes, remove' }).click();
    await page.getByText('The address is free').waitFor();
    expect(await row.count()).toBe(0);
  });

  it('imports suppressions from a file, after showing what that would do', async () => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(`${url}/suppressions`);
    await page.getByLabel('CSV file').setInputFiles({
      name: 'bounces.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from('email,reason\nformer@example.net,bounce\nnot an address,bounce\n'),
    });
    await page.getByRole('button', { name: 'Preview' }).click();
    await page.getByRole('heading', { name: 'What the import would do' }).waitFor();
    expect(await page.getByRole('cell', { name: 'former@example.net' }).count()).toBe(0);
    expect(await lookAt(page, 'suppressions-preview')).toEqual([]);
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.getByRole('button', { name: 'Import now' }).click();
    await page.getByRole('heading', { name: 'Imported' }).waitFor();
    await page.getByRole('cell', { name: 'former@example.net' }).waitFor();
  });

  it('checks the installation when the operator asks for it', async () => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(`${url}/operator`);
    await page.getByText('Not looked at yet').waitFor();
    await page.getByRole('button', { name: 'Check now' }).click();
    await page.getByRole('row', { name: /^cron ok It ticks/ }).waitFor();
    // No DNS knows a name that is kept for tests: nothing is red that means nothing here.
    await page.getByRole('row', { name: /^service-domain ok pennypost\.test is kept for tests/ }).waitFor();
    expect(await page.locator('section[aria-labelledby=checks] .state.bad').count()).toBe(0);
  });

  for (const place of [
    '',
    'messages',
    'events',
    'domains',
    'domains/1',
    'sending',
    'settings',
    'profile',
    'statistics',
    'operator',
  ]) {
    it(`looks right on every screen, with and without a script, and weighs little: /${place}`, async () => {
      const { page: window, context } = await newWindow(browser);
      await context.addCookies(await page.context().cookies());
      let weight = 0;
      window.on('response', (response) => {
        response.body().then(
          (body) => {
            weight += body.length;
          },
          () => undefined,
        );
      });
      await window.goto(`${url}/${place}`, { waitUntil: 'networkidle' });
      expect(weight).toBeGreaterThan(1000);
      expect(weight).toBeLessThan(mostBytes);
      expect(await lookAt(window, place === '' ? 'overview' : place.replace('/', '-'))).toEqual([]);
      await context.close();
      const bare = await browser.newContext({ javaScriptEnabled: false });
      await bare.addCookies(await page.context().cookies());
      const still = await bare.newPage();
      await still.goto(`${url}/${place}`);
      expect(await still.locator('h1').textContent()).not.toBe('');
      expect(await still.locator('button[data-copy]:visible').count()).toBe(0);
      await bare.close();
    });
  }

  it('saves what holds for the mail of the account, and a reader unsubscribes by its page without a script', async () => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(`${url}/settings`);
    await page.getByLabel('Offer one-click unsubscribe').check();
    await page.getByLabel('Days to keep the content').fill('7');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved. It is for messages from now on.').waitFor();
    expect(await page.getByLabel('Offer one-click unsubscribe').isChecked()).toBe(true);
    await pennypost.api.send({
      from: `shop@${pennypost.facts.domain}`,
      to: 'leaving@example.net',
      subject: 'News of the shop',
      text_body: 'New.',
    });
    const { raw } = await new Captured(pennypost.facts.captureUrl).waitFor('News of the shop');
    const link = /^List-Unsubscribe:\s+<([^<>]+)>/m.exec(raw.toString())?.[1] ?? '';
    const seen = await newWindow(browser);
    await seen.page.goto(link);
    expect(await lookAt(seen.page, 'unsubscribe')).toEqual([]);
    expect(seen.complaints).toEqual([]);
    await seen.context.close();
    const bare = await browser.newContext({ javaScriptEnabled: false });
    const still = await bare.newPage();
    await still.goto(link);
    await still.getByRole('button', { name: 'Unsubscribe' }).click();
    await still.getByText('leaving@example.net gets no more mail').waitFor();
    expect(await bare.cookies()).toEqual([]);
    await bare.close();
    await page.goto(`${url}/suppressions`);
    await page.locator('tr', { hasText: 'leaving@example.net' }).getByText('unsubscribe').first().waitFor();
    await page.goto(`${url}/settings`);
    await page.getByLabel('Offer one-click unsubscribe').uncheck();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved. It is for messages from now on.').waitFor();
  });

  it('invites a viewer, who sees everything and can change nothing', async () => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(`${url}/settings`);
    await page.getByLabel('E-mail').fill(viewer);
    await page.locator('select#role').selectOption('viewer');
    await page.getByRole('button', { name: 'Invite', exact: true }).click();
    await page.getByText('The invitation is on its way').waitFor();
    const mail = await new Captured(pennypost.facts.captureUrl).waitFor('Olga Owner invites you to Demo');
    const text = mail.raw.toString('latin1').replaceAll('=\r\n', '');
    const link = /http:\/\/\S+\/invitation\/open#[\w-]+/.exec(text)?.[0] ?? '';
    const { page: window, context } = await newWindow(browser);
    await window.goto(link);
    // The script has exchanged what stands behind the #: no address that was asked for has it.
    await window.waitForURL(`${url}/invitation`);
    expect(await lookAt(window, 'invitation')).toEqual([]);
    await window.getByLabel('Your name').fill('Vera Viewer');
    await window.getByLabel('Password').fill(password);
    await window.getByRole('button', { name: 'Join' }).click();
    await window.getByRole('heading', { name: 'Overview' }).waitFor();
    await window.goto(`${url}/messages?tag=receipt`);
    await window.getByRole('link', { name: 'Your receipt 4711' }).click();
    await window.getByRole('heading', { name: 'Your receipt 4711' }).waitFor();
    for (const place of ['sending', 'domains', 'suppressions', 'settings', 'profile', 'messages']) {
      await window.goto(`${url}/${place}`);
      const offered = await window
        .locator('main form[method=post]')
        .evaluateAll((forms) => forms.map((form) => form.getAttribute('action') ?? ''));
      // Only what is about the viewer's own sign-in.
      expect(
        offered.filter((action) => !/^\/profile\/(password|two-factor|passkeys|sessions)/.test(action)),
      ).toEqual([]);
    }
    const refused = await context.request.post(`${url}/sending/keys`, {
      form: { name: 'x', scopes: 'send' },
      headers: { Origin: url },
    });
    expect(refused.status()).toBe(403);
    expect((await context.request.get(`${url}/operator`)).status()).toBe(403);
    await context.close();
  });

  it('shows a viewer no link of any mail of the installation, wherever they walk', async () => {
    const endpoint = await asProgram('/v1/webhooks', { url: 'http://127.0.0.1:9/' });
    const { page: stranger, context: outside } = await newWindow(browser);
    const asked: string[] = [];
    const ids: string[] = [];
    stranger.on('request', (request) => asked.push(request.url()));
    const secrets: string[] = [];
    for (const [path, subject, place] of [
      ['link', 'Your sign-in link', 'open'],
      ['forgotten', 'Choose a new password', 'reset'],
    ]) {
      await stranger.goto(`${url}/sign-in/${path}`);
      await stranger.getByLabel('E-mail').fill(owner);
      await stranger.getByRole('button', { name: 'Mail me a link' }).click();
      await stranger.getByText('a mail is on its way').waitFor();
      const mail = await new Captured(pennypost.facts.captureUrl).waitFor(subject ?? '');
      const text = mail.raw.toString('latin1').replaceAll('=\r\n', '');
      const [link = '', secret = ''] = new RegExp(`http://\\S+/sign-in/${place}#(\\w+)`).exec(text) ?? [];
      secrets.push(secret);
      ids.push(/^Message-ID: <([0-9a-f-]{36})@/im.exec(text)?.[1] ?? 'no id');
      // The page has its code filled in, and waits for a person.
      await stranger.goto(link);
      await stranger.locator('input[name=token]').waitFor({ state: 'hidden' });
      expect(await stranger.locator('input[name=token]').inputValue()).toBe(secret);
      expect(stranger.url()).toBe(`${url}/sign-in/${place}`);
    }
    expect(secrets.every((secret) => secret.length > 20)).toBe(true);
    expect(asked.filter((address) => secrets.some((secret) => address.includes(secret)))).toEqual([]);
    await outside.close();

    const { page: window, context } = await newWindow(browser);
    await signIn(window, viewer);
    const toDo = [
      '/',
      '/messages?q=password',
      '/messages?q=sign-in',
      `/messages?q=${encodeURIComponent(owner)}`,
      `/messages?q=${encodeURIComponent(viewer)}`,
    ];
    const seen = new Set<string>();
    const found: string[] = [];
    for (let path = toDo.shift(); path !== undefined && seen.size < 60; path = toDo.shift()) {
      if (seen.has(path)) continue;
      seen.add(path);
      const response = await context.request.get(`${url}${path}`, { headers: { Accept: 'text/html' } });
      const isPage = (response.headers()['content-type'] ?? '').startsWith('text/html');
      if (isPage) await window.goto(`${url}${path}`);
      const content = isPage ? await window.content() : await response.text();
      const words = ['Choose a new password', 'Your sign-in link', 'invites you to Demo', ...secrets];
      found.push(...words.filter((word) => content.includes(word)).map((word) => `${path}: ${word}`));
      if (!isPage) continue;
      const links = await window
        .locator('a[href^="/"]')
        .evaluateAll((all) => all.map((a) => a.getAttribute('href') ?? ''));
      toDo.push(
        ...links.map((href) => href.split('#')[0] ?? '').filter((href) => !/^\/(assets|docs)/.test(href)),
      );
    }
    expect(seen.size).toBeGreaterThan(20);
    expect(found).toEqual([]);

    // Nor by its id, and nor does a program with a key of the account that the mails came from.
    expect(ids.every((id) => id.length === 36)).toBe(true);
    for (const id of ids) {
      for (const path of [`/messages/${id}`, `/messages/${id}/raw`, `/messages/${id}/html`])
        expect([path, (await context.request.get(`${url}${path}`)).status()]).toEqual([path, 404]);
      for (const path of [`/v1/emails/${id}`, `/v1/emails/${id}/events`])
        expect([path, (await asProgram(path)).code]).toEqual([path, 'not_found']);
    }
    const demo = await pennypost.api.send({
      from: `shop@${pennypost.facts.domain}`,
      to: 'seen@example.net',
      subject: 'Seen by its owner',
      text_body: 'x',
    });
    const posts = async () => {
      const list = await asProgram(`/v1/webhook-deliveries?endpoint=${endpoint.id}&limit=100`);
      const all = (list.data as { id: string }[]).map(({ id }) => asProgram(`/v1/webhook-deliveries/${id}`));
      return JSON.stringify(await Promise.all(all));
    };
    // What a webhook is told of comes in the order of its events.
    const posted = await until('its event at the webhook', 30_000, async () => {
      const text = await posts();
      return text.includes(demo) ? text : undefined;
    });
    expect(ids.filter((id) => posted.includes(id))).toEqual([]);
    for (const path of [
      '/v1/emails?limit=100',
      '/v1/emails?subject=password',
      '/v1/emails?subject=sign-in',
      `/v1/emails?to=${encodeURIComponent(owner)}`,
      '/v1/events?limit=100',
    ]) {
      const text = JSON.stringify(await asProgram(path));
      const words = ['Choose a new password', 'Your sign-in link', ...secrets, ...ids];
      expect([path, words.filter((word) => text.includes(word))]).toEqual([path, []]);
    }
    await context.close();
  });

  it('adds a passkey, signs in with it, removes it, and is let in no more', async () => {
    const { page: window, context } = await newWindow(browser);
    const { devtools, authenticatorId } = await addAuthenticator(window);
    // The first browser does not fill in passkeys: an authenticator that touches itself would be in at once.
    await window.addInitScript('delete PublicKeyCredential.isConditionalMediationAvailable');
    await signIn(window, owner);
    await window.goto(`${url}/profile`);
    await window.getByLabel('Name', { exact: true }).fill('Laptop');
    await window.getByRole('button', { name: 'Add a passkey' }).click();
    await window.getByText('The passkey is added').waitFor();
    const row = window.locator('tr', { hasText: 'Laptop' });
    expect(await row.textContent()).toContain('never');
    expect(await lookAt(window, 'profile-passkey')).toEqual([]);
    await window.setViewportSize({ width: 1280, height: 900 });

    await window.getByLabel('Name', { exact: true }).fill('The same again');
    await window.getByRole('button', { name: 'Add a passkey' }).click();
    await window.getByText('There is a passkey for you on this device').waitFor();

    await window.getByRole('button', { name: 'Sign out' }).click();
    await window.getByText('You are signed out').waitFor();
    expect(await lookAt(window, 'sign-in-passkey')).toEqual([]);
    await window.setViewportSize({ width: 1280, height: 900 });
    await window.goto(`${url}/profile`);
    await window.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await window.waitForURL(`${url}/profile`);
    expect(await row.textContent()).not.toContain('never');

    // The same passkey, synchronized to a second browser, which offers it to be filled in.
    const second = await newWindow(browser);
    const other = await addAuthenticator(second.page);
    const { credentials } = await devtools.send('WebAuthn.getCredentials', { authenticatorId });
    expect(credentials.length).toBe(1);
    for (const credential of credentials)
      await other.devtools.send('WebAuthn.addCredential', {
        authenticatorId: other.authenticatorId,
        credential,
      });
    await second.page.goto(`${url}/sign-in`);
    await second.page.waitForURL(`${url}/`);
    await second.context.close();

    await row.getByText('Remove…').click();
    await row.getByRole('button', { name: 'Yes, remove' }).click();
    await window.getByText('The passkey is removed here').waitFor();
    expect(await row.count()).toBe(0);
    await window.getByRole('button', { name: 'Sign out' }).click();
    await window.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await window.getByText('The passkey was not taken').waitFor();
    await window.goto(url);
    expect(window.url()).toBe(`${url}/sign-in`);
    await context.close();
  });

  it('ends a session from another browser', async () => {
    const { page: window, context } = await newWindow(browser);
    await signIn(window, owner);
    await page.goto(`${url}/profile`);
    const others = page.getByRole('button', { name: 'End' });
    const before = await others.count();
    expect(before).toBeGreaterThan(0);
    for (let left = before; left > 0; left--) {
      await others.first().click();
      await page.getByText('The session is ended').waitFor();
    }
    await until('the other browser to be out', 10_000, async () => {
      await window.goto(url);
      return window.url().includes('/sign-in');
    });
    await context.close();
  });

  it('shows times in the zone of who looks, and the exact time on hover', async () => {
    const context = await browser.newContext({ timezoneId: 'Asia/Tokyo', locale: 'en-GB' });
    await context.addCookies(await page.context().cookies());
    const window = await context.newPage();
    await window.goto(`${url}/messages`);
    const time = window.locator('#list time').first();
    const iso = (await time.getAttribute('datetime')) ?? '';
    const expected = new Intl.DateTimeFormat('en-GB', {
      timeZone: 'Asia/Tokyo',
      hour: '2-digit',
      minute: '2-digit',
    }).format(new Date(iso));
    expect(await time.textContent()).toContain(expected);
    expect(await time.getAttribute('title')).toContain(iso);
    await context.close();
  });

  it('gave the browser nothing to complain about', () => {
    // The mail's own script is refused by its frame: that is what the frame is for.
    expect(complaints.filter((text) => !/sandboxed/.test(text))).toEqual([]);
  });
});
