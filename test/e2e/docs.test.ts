import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guides } from '../../worker/docs/guides.ts';
import { hasChromium, launchChromium, lookAt, newWindow } from '../support/chromium.ts';
import { Standalone } from '../support/standalone.ts';

/** Every guide, and what else there is of each kind. */
const pages = ['', ...guides.map(({ slug }) => `/${slug}`), '/api', '/api/domains', '/search?q=dkim'];

describe.skipIf(!hasChromium)('the documentation in a browser', () => {
  let dataDir: string;
  let pennypost: Standalone;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'pennypost-docs-'));
    pennypost = await Standalone.start(dataDir, []);
    browser = await launchChromium();
    ({ page } = await newWindow(browser));
  });
  afterAll(async () => {
    await browser?.close();
    await pennypost?.interrupt();
    await rm(dataDir, { recursive: true, force: true });
  });

  it.each(pages)('/docs%s fits wide and narrow, in light and dark, for everybody', async (path) => {
    await page.goto(`${pennypost.facts.dashboardUrl}/docs${path}`);
    expect(await lookAt(page, `docs${path.replaceAll(/\W+/g, '-')}`)).toEqual([]);
  });

  it('is found without a script: from a search to the place', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const plain = await context.newPage();
    await plain.goto(`${pennypost.facts.dashboardUrl}/docs`);
    await plain.getByLabel('Search the documentation').first().fill('backup');
    await plain.getByRole('button', { name: 'Search' }).first().click();
    await plain.getByRole('link', { name: 'Backup and restore' }).click();
    expect(new URL(plain.url()).pathname + new URL(plain.url()).hash).toBe(
      '/docs/operate#backup-and-restore',
    );
    expect(await plain.getByRole('heading', { name: 'Backup and restore' }).isVisible()).toBe(true);
    await context.close();
  });
});
