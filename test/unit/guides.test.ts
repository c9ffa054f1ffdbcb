import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import MarkdownIt from 'markdown-it';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { createMeters } from '../../smtp-node/metrics.ts';
import { guides as shown } from '../../worker/docs/guides.ts';

const root = new URL('../..', import.meta.url).pathname;
const guides = readdirSync(join(root, 'worker/docs')).filter((name) => name.endsWith('.md'));
const pages = ['README.md', ...guides.map((name) => `worker/docs/${name}`)];
const parser = new MarkdownIt();

interface Parsed {
  links: string[];
  /** What a heading is reached by, as repositories show it. */
  anchors: string[];
}

function parse(page: string): Parsed {
  const tokens = parser.parse(readFileSync(join(root, page), 'utf8'), {});
  const links = tokens.flatMap(({ children }) =>
    (children ?? []).flatMap((one) =>
      one.type === 'link_open' || one.type === 'image'
        ? [String(one.attrGet('href') ?? one.attrGet('src'))]
        : [],
    ),
  );
  const anchors = tokens.flatMap(({ type }, i) =>
    type === 'heading_open'
      ? [
          (tokens[i + 1]?.content ?? '')
            .toLowerCase()
            .replace(/[^\p{L}\p{N} _-]/gu, '')
            .replaceAll(' ', '-'),
        ]
      : [],
  );
  return { links, anchors };
}

describe('the guides', () => {
  it.each(pages)('%s leads nowhere in vain', (page) => {
    for (const link of parse(page).links.filter((one) => !/^https?:/.test(one))) {
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? page : relative(root, join(root, dirname(page), file));
      expect(existsSync(join(root, target)), link).toBe(true);
      if (anchor !== undefined) expect(parse(target).anchors, link).toContain(anchor);
    }
  });

  it('are each named in README.md, which stays short', () => {
    const { links } = parse('README.md');
    for (const name of guides) expect(links).toContain(`worker/docs/${name}`);
    expect(readFileSync(join(root, 'README.md'), 'utf8').split('\n').length).toBeLessThanOrEqual(150);
  });

  it('are all shown by the Worker, as they are written', () => {
    expect(shown.map(({ slug }) => `${slug}.md`).sort()).toEqual(guides.toSorted());
    for (const { slug, title, page } of shown) {
      const text = readFileSync(join(root, `worker/docs/${slug}.md`), 'utf8');
      expect(text.startsWith(`# ${title}\n`)).toBe(true);
      const [, ...anchors] = parse(`worker/docs/${slug}.md`).anchors;
      expect(page().sections.map(({ anchor }) => anchor)).toEqual(['', ...anchors]);
    }
  });

  it.each(pages)('%s has each heading once, and begins with the only one of the first level', (page) => {
    const tokens = parser.parse(readFileSync(join(root, page), 'utf8'), {});
    const { anchors } = parse(page);
    expect(new Set(anchors).size).toBe(anchors.length);
    expect(tokens[0]?.tag).toBe('h1');
    expect(tokens.filter(({ type, tag }) => type === 'heading_open' && tag === 'h1')).toHaveLength(1);
  });
});

describe('the code of the guide Webhooks', () => {
  const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
  const body = '{"id":"1","type":"email.bounced"}';
  const headersAt = (at: Date) => ({
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    // After a rotation there are two.
    'webhook-signature': `v1,${Buffer.alloc(32).toString('base64')} ${new Webhook(secret).sign('msg_1', at, body)}`,
  });
  const fresh = headersAt(new Date());
  const cases: [string, Record<string, string>, string, boolean][] = [
    ['what is genuine', fresh, body, true],
    ['another body', fresh, `${body} `, false],
    ['an old request', headersAt(new Date(Date.now() - 3_600_000)), body, false],
    ['no signature', { ...fresh, 'webhook-signature': '' }, body, false],
    ['nothing at all', {}, body, false],
  ];
  const fence = (language: string): string =>
    new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(
      readFileSync(join(root, 'worker/docs/webhooks.md'), 'utf8'),
    )?.[1] ?? '';

  it.each(cases)('judges %s, in Node.js', async (_, headers, text, genuine) => {
    const module = `data:text/javascript;base64,${Buffer.from(fence('js')).toString('base64')}`;
    const { isGenuine } = (await import(/* @vite-ignore */ module)) as {
      isGenuine(secret: string, headers: object, body: string): boolean;
    };
    expect(isGenuine(secret, headers, text)).toBe(genuine);
  });

  it.skipIf(spawnSync('python3', ['--version']).status !== 0).each(cases)(
    'judges %s, in Python',
    (_, headers, text, genuine) => {
      const asked = JSON.stringify({ secret, headers, text });
      const program = `${fence('python')}\nimport json, sys\nasked = json.load(sys.stdin)\nprint(is_genuine(asked["secret"], asked["headers"], asked["text"].encode()))`;
      const { stdout, stderr } = spawnSync('python3', ['-c', program], { input: asked, encoding: 'utf8' });
      expect(stdout.trim(), stderr).toBe(genuine ? 'True' : 'False');
    },
  );
});

describe('the guide Operate', () => {
  const text = readFileSync(join(root, 'worker/docs/operate.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `(\w+)` \| .+ \| (.+) \|$/gm)].map(([, name = '', rule = '']) => ({
    name,
    rule,
  }));

  it('has every metric of a node, with a rule that asks for it', async () => {
    const own = (await createMeters().registry.getMetricsAsJSON()).map(({ name }) => name);
    const gauges = [...readFileSync(join(root, 'smtp-node/node.ts'), 'utf8').matchAll(/'(pennypost_\w+)'/g)];
    const all = [...own, ...gauges.map(([, name = '']) => name)];
    expect(all.length).toBeGreaterThan(10);
    const told = rows.filter(({ name }) => name.startsWith('pennypost_'));
    expect(told.map(({ name }) => name).sort()).toEqual(all.toSorted());
    for (const { name, rule } of told) expect(rule).toContain(name);
  });
});
