import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guideGroups } from '../../worker/docs/guides.ts';
import { access } from '../../worker/identity/access.ts';
import { axeFaults, hasChromium, launchChromium, newWindow, tooWide } from '../support/chromium.ts';
import { fill, type Showcase, startShowcase } from '../support/showcase.ts';
import { repository, type Standalone } from '../support/standalone.ts';

/**
 * Every page there is, with something in it, at four widths, light and dark: nothing wider than the window, nothing that
 * axe-core complains of at any grade, light in weight, whole without a script. The pictures are for people to look at:
 * `test/artifacts/pages`.
 */

const widths = [360, 768, 1280, 1920];
const schemes = ['light', 'dark'] as const;
/** What a page weighs without the browser's cache, its own files included, octets. */
const mostBytes = 150_000;
const artifacts = join(repository, 'test/artifacts/pages');
/** In CI nobody looks at them, and they take half of the time. */
const pictures = !process.env.CI;

/** What is no page: downloads, frames of mails, what programs read. */
const noPages = new Set([
  '/messages/:id/raw',
  '/messages/:id/html',
  '/messages/:id/parts/:part',
  '/domains/:id/zone',
  '/received/:id/html',
  '/received/:id/raw',
  '/received/:id/attachments/:attachment',
  '/templates/:id/html',
  '/suppressions/export',
  '/statistics/export',
  '/healthz',
  '/openapi.json',
  '/.well-known/webhook-keys/:id',
  '/assets/:version/:name',
  '/t/:file',
  '/c/:token',
]);

/** Pages of which one looks at several, or that say nothing without more in their address. */
const addresses: Record<string, string[]> = {
  '/': ['/', '/?span=day', '/?span=month'],
  '/messages': ['/messages', '/messages?status=bounced', '/messages?q=nobody%40nowhere.example'],
  '/statistics': ['day', 'domain', 'tag', 'class', 'provider', 'reason'].map((by) => `/statistics?by=${by}`),
  '/events': ['/events', '/events?kind=complained'],
  '/audit': ['/audit', '/audit?of=installation'],
  '/docs/search': ['/docs/search?q=bounce'],
  // `docs.test.ts` looks at every guide.
  '/docs/:guide': guideGroups.flatMap(({ guides }) => guides.slice(0, 1).map(({ slug }) => `/docs/${slug}`)),
  '/docs/api/:group': ['/docs/api/sending', '/docs/api/domains'],
};

/** What says by a 404 that it is over: a link of nobody, an invitation that the browser has not opened. */
const nothingThere = /\/(wrong|invitation)$/;

/** Seen by who is not signed in. */
const isDoor = (path: string) => /^\/(set-up|sign-in|invitation|u|destination|alias)(\/|$)/.test(path);

describe.skipIf(!hasChromium)('every page', () => {
  let dataDir: string;
  let product: Standalone;
  let shown: Showcase;
  let browser: Browser;
  let page: Page;
  let outside: Page;
  const weights: string[] = [];

  beforeAll(async () => {
    await mkdir(artifacts, { recursive: true });
    dataDir = await mkdtemp(join(tmpdir(), 'pennypost-pages-'));
    product = await startShowcase(dataDir);
    browser = await launchChromium();
    ({ page } = await newWindow(browser));
    ({ page: outside } = await newWindow(browser));
  }, 240_000);
  afterAll(async () => {
    if (weights.length > 0)
      console.log(`octets of a page with its files, compressed as it comes:\n${weights.join('\n')}`);
    await browser?.close();
    await (shown ? shown.stop() : product?.interrupt());
    await rm(dataDir, { recursive: true, force: true });
  });

  /** What is wrong with a page, in words; its pictures are kept. */
  async function faultsOf(window: Page, url: string, name: string): Promise<string[]> {
    const faults: string[] = [];
    let weight = 0;
    const parts: Promise<void>[] = [];
    const context = await browser.newContext();
    await context.addCookies(await window.context().cookies());
    const fresh = await context.newPage();
    fresh.on('response', (response) => {
      if (response.frame() !== fresh.mainFrame()) return; // a mail's own content
      parts.push(
        response.body().then(
          (body) => {
            weight += body.length;
          },
          () => undefined,
        ),
      );
    });
    const answer = await fresh.goto(url, { waitUntil: 'networkidle' });
    if (answer?.status() === 404 && !nothingThere.test(url)) faults.push(`${name}: there is no such page`);
    await Promise.all(parts);
    weights.push(`${String(weight).padStart(8)} ${name}`);
    if (weight > mostBytes) faults.push(`${weight} octets`);
    for (const width of widths) {
      await fresh.setViewportSize({ width, height: 900 });
      // A sandboxed frame paints nothing while it is out of view.
      if ((await fresh.locator('iframe:visible').count()) > 0)
        await fresh.setViewportSize({
          width,
          height: await fresh.evaluate<number>('document.documentElement.scrollHeight'),
        });
      for (const colorScheme of schemes) {
        await fresh.emulateMedia({ colorScheme });
        const look = `${name} ${width} ${colorScheme}`;
        if (pictures)
          await fresh.screenshot({
            path: join(artifacts, `${look.replaceAll(' ', '-')}.png`),
            fullPage: true,
          });
        const overflow = await fresh.evaluate<number>(tooWide);
        if (overflow > 0) faults.push(`${look}: ${overflow} px too wide`);
        if (width !== 360 && width !== 1280) continue;
        const found = await axeFaults(fresh, [], { coloursOnly: colorScheme === 'dark' });
        faults.push(...found.map((fault) => `${look}: ${fault}`));
      }
    }
    await context.close();
    const still = await browser.newContext({ javaScriptEnabled: false });
    await still.addCookies(await window.context().cookies());
    const bare = await still.newPage();
    await bare.goto(url);
    if ((await bare.locator('h1').count()) !== 1) faults.push(`${name}: no heading without a script`);
    if ((await bare.locator('[data-scripted]:visible, button[data-copy]:visible').count()) > 0)
      faults.push(`${name}: shows without a script what needs one`);
    await still.close();
    return faults;
  }

  const nameOf = (path: string) =>
    path
      .replace(/[0-9a-f]{8}-[0-9a-f-]{27,}/g, 'id')
      .replaceAll(/[^A-Za-z0-9=]+/g, '-')
      .replace(/^-|-$/g, '') || 'overview';

  it('to set up', async () => {
    expect(await faultsOf(outside, `${product.facts.dashboardUrl}/set-up`, 'set-up')).toEqual([]);
  });

  it('is filled, so that there is something to see', { timeout: 180_000 }, async () => {
    shown = await fill(product, page);
    expect(
      Object.values(shown.paths)
        .flat()
        .filter((path) => /undefined|null/.test(path)),
    ).toEqual([]);
    // A page to choose what one gets, one after a click in a mail of which was complained; one to agree to get mail.
    expect(Object.values(shown.links).map((paths) => paths.length)).toEqual([2, 1]);
  });

  const patterns = access.flatMap(({ method, path, who }) => {
    const people = who.surface === 'dashboard' || who.surface === 'public' || who.surface === 'tracking';
    return method === 'GET' && people && !noPages.has(path) && path !== '/set-up' ? [path] : [];
  });
  it.each(patterns.map((path) => [path]))('%s', { timeout: 240_000 }, async (pattern) => {
    const linked: Record<string, string[]> = {
      '/u/:token': [...(shown.links['/u/:token'] ?? []), '/u/wrong'],
      '/alias/off/:token': ['/alias/off/wrong'],
      '/destination/:token': [...(shown.links['/destination/:token'] ?? []), '/destination/wrong'],
    };
    const paths = linked[pattern] ?? shown.paths[pattern] ?? addresses[pattern] ?? [pattern];
    const faults: string[] = [];
    for (const [i, path] of paths.entries()) {
      expect(path).not.toContain(':');
      const name = nameOf(pattern.includes(':') && !pattern.startsWith('/docs') ? `${pattern}-${i}` : path);
      faults.push(...(await faultsOf(isDoor(pattern) ? outside : page, shown.url + path, name)));
    }
    expect(faults).toEqual([]);
  });

  it.each([[''], ['?view=text'], ['?view=source']])('of captured mail: %s', async (view) => {
    const place = `${product.facts.captureUrl}/${view === '' ? '' : shown.captured}${view}`;
    expect(await faultsOf(outside, place, nameOf(`captured-${view}`))).toEqual([]);
  });

  it('of a captured mail', async () => {
    expect(await faultsOf(outside, `${product.facts.captureUrl}/${shown.captured}`, 'captured-mail')).toEqual(
      [],
    );
  });
});
