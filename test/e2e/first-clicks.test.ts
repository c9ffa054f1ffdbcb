import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasChromium, launchChromium, newWindow } from '../support/chromium.ts';
import { Standalone } from '../support/standalone.ts';

/** How far it is for somebody new, who follows what the pages say and types what the console printed. */
const mostToDelivered = 8;
const mostToWebhook = 16;

describe.skipIf(!hasChromium)('the first clicks', () => {
  let dataDir: string;
  let pennypost: Standalone;
  let browser: Browser;
  let page: Page;
  let receiver: Server;
  let clicks = 0;
  const taken: string[] = [];
  const click = async (what: Locator) => {
    clicks += 1;
    await what.click();
  };

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'pennypost-first-'));
    pennypost = await Standalone.start(dataDir);
    browser = await launchChromium();
    ({ page } = await newWindow(browser));
    receiver = createServer((request, response) => {
      request.resume();
      request.on('end', () => {
        taken.push(request.url ?? '');
        response.end('thanks');
      });
    });
    await new Promise<void>((ready) => receiver.listen(0, '127.0.0.1', ready));
  });
  afterAll(async () => {
    receiver?.closeAllConnections();
    receiver?.close();
    await browser?.close();
    await pennypost?.interrupt();
    await rm(dataDir, { recursive: true, force: true });
  });

  it(`lead to a delivered test in at most ${mostToDelivered}`, async () => {
    await page.goto(pennypost.facts.dashboardUrl);
    await page.getByLabel('Set-up code').fill(pennypost.facts.setupCode);
    await page.getByLabel('Your name').fill('Nina New');
    await page.getByLabel('E-mail').fill('nina@people.example');
    await page.getByLabel('Password').fill('correct horse battery');
    await click(page.getByRole('button', { name: 'Set up' }));
    await click(page.locator('.first-steps .next a'));
    await click(page.getByRole('button', { name: 'Send', exact: true }));
    await page.locator('.timeline strong', { hasText: 'delivered' }).waitFor();
    console.log(`clicks to a delivered test: ${clicks}`);
    expect(clicks).toBeLessThanOrEqual(mostToDelivered);
  });

  it(`and to a domain, a key and a webhook that was called in at most ${mostToWebhook}`, async () => {
    const next = async (text: RegExp) => {
      await click(page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Overview' }));
      await click(page.locator('.first-steps').getByRole('link', { name: text }));
    };
    await next(/^Add the domain/);
    await page.getByLabel('Domain', { exact: true }).fill('shop.example');
    await click(page.getByRole('button', { name: 'Add', exact: true }));
    await page.getByRole('heading', { name: 'DNS records' }).waitFor();
    await next(/^Have your program told/);
    const address = receiver.address();
    await page
      .getByLabel('URL', { exact: true })
      .fill(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/hook`);
    await click(page.getByRole('button', { name: 'Add', exact: true }));
    await click(page.getByRole('button', { name: 'Post a test' }));
    await page.getByText('The test was taken').waitFor();
    expect(taken).toEqual(['/hook']);
    await next(/^Make a key/);
    await page.getByLabel('Name').fill('shop');
    await click(page.getByRole('button', { name: 'Make the key' }));
    await page.locator('#secret').waitFor();
    console.log(`clicks to a webhook and a key: ${clicks}`);
    expect(clicks).toBeLessThanOrEqual(mostToWebhook);
  });
});
