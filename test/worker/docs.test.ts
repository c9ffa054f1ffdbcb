import { beforeAll, describe, expect, it } from 'vitest';
import { access } from '../../worker/identity/access.ts';
import { migrate, request } from './support.ts';

beforeAll(migrate);

const asPerson = { headers: { Accept: 'text/html' } };

async function pageAt(path: string): Promise<string> {
  const response = await request(path, asPerson);
  expect([path, response.status]).toEqual([path, 200]);
  return await response.text();
}

const hrefsOf = (html: string) =>
  [...html.matchAll(/ href="([^"]*)"/g)].map(([, href]) => (href ?? '').replaceAll('&amp;', '&'));
const idsOf = (html: string) => [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);

/** All pages of the documentation that links lead to from the first one, with their text. */
async function allPages(): Promise<Map<string, string>> {
  const pages = new Map<string, string>();
  const waiting = ['/docs'];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const html = await pageAt(path);
    pages.set(path, html);
    const next = hrefsOf(html)
      .map((href) => href.split('#')[0] ?? '')
      .filter((href) => href.startsWith('/docs') && !pages.has(href) && !waiting.includes(href));
    waiting.push(...new Set(next));
  }
  return pages;
}

describe('the documentation', () => {
  it('has guides and the reference, and no link or anchor that leads nowhere', async () => {
    const pages = await allPages();
    expect([...pages.keys()]).toEqual(
      expect.arrayContaining(['/docs/sending', '/docs/api', '/docs/api/domains']),
    );
    expect(pages.size).toBeGreaterThan(24);
    const wrong: string[] = [];
    for (const [path, html] of pages) {
      for (const href of hrefsOf(html).filter((one) => !/^(https:|mailto:)/.test(one))) {
        const [to = '', anchor] = href.split('#');
        const target = to === '' ? html : pages.get(to);
        if (target !== undefined && (anchor === undefined || idsOf(target).includes(anchor))) continue;
        const isRoute = access.some((row) => row.method === 'GET' && row.path === to);
        const isAsset = /^\/assets\/\w+\/[\w.]+$/.test(to) && (await request(to)).status === 200;
        if (anchor !== undefined || !(isRoute || isAsset)) wrong.push(`${path}: ${href}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('weighs at most 150 kB a page, with all that it loads', async () => {
    for (const [path, html] of await allPages()) {
      const loaded = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, url]) => url ?? '');
      let bytes = new TextEncoder().encode(html).length;
      for (const url of new Set(loaded)) bytes += (await (await request(url)).arrayBuffer()).byteLength;
      expect([path, bytes <= 150_000 ? 'fine' : bytes]).toEqual([path, 'fine']);
    }
  });

  it('is one document each, whole without a script, with each id once and nothing from elsewhere', async () => {
    for (const [path, html] of await allPages()) {
      expect(html.match(/<h1>/g), path).toHaveLength(1);
      expect(new Set(idsOf(html)).size, path).toBe(idsOf(html).length);
      expect(html, path).not.toMatch(
        /<script(?! src="\/assets\/)|<(img|link|iframe)[^>]+https?:|style="|undefined|\[object/,
      );
      expect(html, path).not.toContain('generated:');
      expect(html, path).not.toContain('origin.invalid');
    }
  });

  it('may be kept for some minutes, and says what it loads', async () => {
    const { headers } = await request('/docs/sending', asPerson);
    expect(headers.get('Cache-Control')).toBe('public, max-age=300');
    expect(headers.get('Content-Security-Policy')).toContain("script-src 'self'");
    expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
  });

  it('tells the address of this installation', async () => {
    expect(await pageAt('/docs/api')).toContain('<code>https://api.test</code>');
  });

  it.each(['/docs/nothing', '/docs/api/nothing'])('has nothing at %s, and says so', async (path) => {
    expect((await request(path, asPerson)).status).toBe(404);
  });
});

describe('its search', () => {
  const results = async (question: string) => {
    const html = await pageAt(`/docs/search?q=${encodeURIComponent(question)}`);
    return { html, hrefs: hrefsOf(html.split('class="results"')[1]?.split('</ol>')[0] ?? '') };
  };

  it.each([
    ['warming', '/docs/limits#warming'],
    ['idempotency_conflict', '/docs/errors'],
    ['dkim rotate', '/docs/api/domains#rotateDomainDkim'],
    ['PENNYPOST_SLOTS', '/docs/settings#of-a-node'],
    ['Backup', '/docs/operate#backup-and-restore'],
  ])('finds %s', async (question, href) => {
    const { html, hrefs } = await results(question);
    expect(hrefs.slice(0, 5).some((one) => one.startsWith(href))).toBe(true);
    expect(html).toContain('<mark>');
  });

  it('says that it found nothing, and shows what was asked for as text', async () => {
    const { html, hrefs } = await results('<b>xyzzy</b>');
    expect(hrefs).toEqual([]);
    expect(html).toContain('&lt;b&gt;xyzzy&lt;/b&gt;');
    expect(html).not.toContain('<b>xyzzy');
  });

  it('asks for words when there are none', async () => {
    expect(await pageAt('/docs/search')).toContain('Write what you look for');
  });
});
