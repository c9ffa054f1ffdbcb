import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import axe from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from 'playwright-core';
import { isInstalled } from './command.ts';
import { repository } from './standalone.ts';

/** Debian's Chromium; its tests are left out, aloud, where it is missing. */
export const hasChromium = isInstalled('chromium');
if (!hasChromium)
  console.warn('the tests in a browser are left out: there is no chromium (Debian package chromium)');

export async function launchChromium(): Promise<Browser> {
  return await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
    ],
  });
}

/** How a page is looked at: colours and width. */
export const looks = [
  { name: 'light-wide', colorScheme: 'light', width: 1280, height: 900 },
  { name: 'dark-wide', colorScheme: 'dark', width: 1280, height: 900 },
  { name: 'light-360', colorScheme: 'light', width: 360, height: 740 },
  { name: 'dark-360', colorScheme: 'dark', width: 360, height: 740 },
] as const;

const artifacts = join(repository, 'test/artifacts/dashboard');

/** Without the room of the scroll bar, which `innerWidth` has in it. */
export const tooWide = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';

/**
 * What of a page does not stand its content at the width that it has, in words: the page is wider than the window, something
 * reaches out of it, a short word is broken inside, a row of a table is higher than `highestRow` px, or axe-core complains. Keeps a screenshot.
 */
export async function standsAt(page: Page, { highestRow }: { highestRow: number }): Promise<string[]> {
  const place = `${new URL(page.url()).pathname} at ${page.viewportSize()?.width} px`;
  await mkdir(artifacts, { recursive: true });
  const name = `stands-${place.replaceAll(/[^a-z0-9]+/g, '-')}`;
  await page.screenshot({ path: join(artifacts, `${name}.png`), fullPage: true });
  const overflow = await page.evaluate<number>(tooWide);
  const faults = overflow > 0 ? [`${overflow} px too wide`] : [];
  const cells = await page.evaluate<{ text: string; height: number; broken: boolean }[]>(`
    [...document.querySelectorAll('tbody tr')].flatMap((row) => {
      const height = row.getBoundingClientRect().height;
      return [...row.querySelectorAll('td, th')].map((cell) => {
        const text = cell.textContent.trim();
        const words = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
        let broken = false;
        for (let node = words.nextNode(); node; node = words.nextNode()) {
          if (!/^[A-Za-z_]{1,12}$/.test(node.textContent.trim())) continue;
          const range = document.createRange();
          range.selectNodeContents(node);
          if (range.getClientRects().length > 1) broken = true;
        }
        return { text: text.slice(0, 40), height, broken };
      });
    })`);
  for (const { text, height, broken } of cells) {
    if (broken) faults.push(`broken inside: ${text}`);
    if (height > highestRow) faults.push(`a row of ${Math.round(height)} px: ${text}`);
  }
  faults.push(...(await axeFaults(page, [])));
  return faults.map((fault) => `${place}: ${fault}`);
}

/** What a look at a page found wrong, in words; empty: nothing. Keeps a screenshot of each look. */
export async function lookAt(page: Page, name: string): Promise<string[]> {
  await mkdir(artifacts, { recursive: true });
  const faults: string[] = [];
  for (const look of looks) {
    await page.emulateMedia({ colorScheme: look.colorScheme });
    await page.setViewportSize({ width: look.width, height: look.height });
    await bringFramesIntoView(page, look.width);
    await page.screenshot({ path: join(artifacts, `${name}-${look.name}.png`), fullPage: true });
    const overflow = await page.evaluate<number>(tooWide);
    if (overflow > 0) faults.push(`${name} ${look.name}: ${overflow} px too wide`);
    faults.push(...(await axeFaults(page)).map((fault) => `${name} ${look.name}: ${fault}`));
  }
  return faults;
}

/**
 * A sandboxed frame has a process of its own, which paints nothing while the frame is out of view: a picture of the
 * whole page would show it empty, though whoever scrolls there sees it. So the window becomes as high as the page.
 */
async function bringFramesIntoView(page: Page, width: number): Promise<void> {
  if ((await page.locator('iframe:visible').count()) === 0) return;
  const height = await page.evaluate<number>('document.documentElement.scrollHeight');
  await page.setViewportSize({ width, height });
}

/** How many dark dots an element shows inside of its edges, as it is painted: text on white has some, a void none. */
export async function darkDotsOf(page: Page, element: Locator): Promise<number> {
  const picture = (await element.screenshot()).toString('base64');
  return await page.evaluate<number>(`(async () => {
    const image = new Image();
    image.src = 'data:image/png;base64,${picture}';
    await image.decode();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.width, image.height];
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(8, 8, image.width - 16, image.height - 16);
    let dark = 0;
    for (let i = 0; i < data.length; i += 4) if (data[i] + data[i + 1] + data[i + 2] < 240) dark++;
    return dark;
  })()`);
}

/** Rules of axe-core that see colours: all else is the same in the light and in the dark. */
const colourRules = ['color-contrast', 'link-in-text-block'];

/** Violations of WCAG 2.2 A and AA and of best practice, by axe-core. */
export async function axeFaults(
  page: Page,
  grades = ['serious', 'critical'],
  { coloursOnly = false } = {},
): Promise<string[]> {
  // Not as a script tag, which the page's policy forbids.
  if (!(await page.evaluate<boolean>('"axe" in window'))) await page.evaluate(axe.source);
  const runOnly = coloursOnly
    ? { type: 'rule', values: colourRules }
    : ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  return await page.evaluate<string[]>(`axe
    .run(document, { runOnly: ${JSON.stringify(runOnly)} })
    .then(({ violations }) => violations
      .filter(({ impact }) => ${JSON.stringify(grades)}.length === 0 || ${JSON.stringify(grades)}.includes(impact))
      .map(({ id, nodes }) => id + ' at ' + nodes.map(({ html }) => html.slice(0, 160)).join(' | ')))`);
}

/** A browser's window of its own, without anybody's cookies; `complaints` collects what its console says. */
export async function newWindow(
  browser: Browser,
): Promise<{ context: BrowserContext; page: Page; complaints: string[] }> {
  const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  return { context, page, complaints };
}
