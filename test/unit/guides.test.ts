import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import MarkdownIt from 'markdown-it';
import { describe, expect, it } from 'vitest';

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

  it.each(pages)('%s has each heading once, and begins with the only one of the first level', (page) => {
    const tokens = parser.parse(readFileSync(join(root, page), 'utf8'), {});
    const { anchors } = parse(page);
    expect(new Set(anchors).size).toBe(anchors.length);
    expect(tokens[0]?.tag).toBe('h1');
    expect(tokens.filter(({ type, tag }) => type === 'heading_open' && tag === 'h1')).toHaveLength(1);
  });
});
