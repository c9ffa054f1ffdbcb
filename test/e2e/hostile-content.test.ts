import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../lab/until.ts';
import { hasChromium, launchChromium, newWindow, standsAt } from '../support/chromium.ts';
import { Standalone } from '../support/standalone.ts';

/** Subjects, recipients and tags as senders have them, and as somebody writes who wants to spoil a page. */
const subjects = [
  'W'.repeat(900),
  'https://shop.example/orders/'.padEnd(400, '0123456789abcdef'),
  'Zahlungserinnerungsbenachrichtigungsverfahren '.repeat(20),
  'إشعار بخصوص طلبك رقم 4711 — شكرا لك',
  '\u202egnisrever si txet siht',
  '\u2066\u2067\u2068 left open',
  '\u0301\u0302\u0303'.repeat(60),
  '👩‍👩‍👧‍👦'.repeat(80),
  '日本語の件名'.repeat(60),
  '<script>alert(1)</script><img src=x onerror=alert(1)>',
];
const longAddress = `${'averyveryverylonglocalpart'.repeat(2)}@${'long-label-of-a-domain-name.'.repeat(6)}example`;
/** Three lines of text with tags below them, and the cells' own room. */
const highestRow = 190;

describe.skipIf(!hasChromium)('pages with whatever content', () => {
  let dataDir: string;
  let pennypost: Standalone;
  let browser: Browser;
  let page: Page;
  let url: string;
  const ids: string[] = [];

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'pennypost-hostile-'));
    pennypost = await Standalone.start(dataDir, []);
    url = pennypost.facts.dashboardUrl;
    browser = await launchChromium();
    ({ page } = await newWindow(browser));
    await page.goto(url);
    await page.getByLabel('Set-up code').fill(pennypost.facts.setupCode);
    await page.getByLabel('Your name').fill('Olga');
    await page.getByLabel('E-mail').fill('olga@people.example');
    await page.getByLabel('Password').fill('correct horse battery');
    await page.getByRole('button', { name: 'Set up' }).click();
    await page.getByRole('heading', { name: 'First steps' }).waitFor();
    for (const subject of subjects) {
      const tags = ['x'.repeat(60), 'ordinary', 'y'.repeat(64)];
      const id = await pennypost.api.send({
        from: `"${'N'.repeat(200)}" <shop@${pennypost.facts.domain}>`,
        to: [longAddress, 'plain@example.net'],
        subject,
        text_body: 'x',
        tags,
        metadata: { ['k'.repeat(30)]: 'v'.repeat(300) },
      });
      ids.push(id);
    }
    await until('all to be tried', 30_000, async () => {
      await page.goto(`${url}/messages?status=queued`);
      return (await page.locator('#list tbody tr').count()) === 0;
    });
  });

  afterAll(async () => {
    await browser?.close();
    await pennypost?.interrupt();
    await rm(dataDir, { recursive: true, force: true });
  });

  it.each([360, 768, 1280, 1920])('keep their columns and their width at %i px', async (width) => {
    await page.setViewportSize({ width, height: 900 });
    const places = [
      '/',
      '/messages',
      '/events',
      '/requests',
      '/statistics?by=tag',
      '/statistics?by=domain',
      '/sending',
    ];
    places.push('/domains', '/webhooks', '/suppressions', '/settings', '/profile', '/audit', '/operator');
    const faults: string[] = [];
    for (const place of [...places, ...ids.slice(0, 4).map((id) => `/messages/${id}`)]) {
      await page.goto(url + place);
      faults.push(
        ...(await standsAt(page, { highestRow: width < 768 ? Number.POSITIVE_INFINITY : highestRow })),
      );
    }
    expect(faults).toEqual([]);
  });

  it('show a subject of nothing as no subject, and run nothing', async () => {
    await pennypost.api.send({
      from: `shop@${pennypost.facts.domain}`,
      to: ['plain@example.net'],
      subject: ' \u00a0\u200b ',
      text_body: 'x',
    });
    await page.goto(`${url}/messages`);
    expect(await page.locator('#list tbody tr').first().textContent()).toContain('(no subject)');
    // And so is the one of marks that stand on nothing.
    expect(await page.locator('#list tbody').getByText('(no subject)').count()).toBe(2);
    expect(await page.locator('#list script, #list img').count()).toBe(0);
  });

  it('the key / goes to the search', async () => {
    await page.goto(`${url}/messages`);
    await page.keyboard.press('/');
    expect(await page.evaluate<string>('document.activeElement.name')).toBe('q');
  });
});
