import { describe, expect, it } from 'vitest';
import { Problem } from '#domain/problem.ts';
import { renderMarkdown } from '../../worker/intake/markdown.ts';

const textOf = (markdown: string) => renderMarkdown(markdown).text;

describe('Markdown as plain text', () => {
  it.each([
    ['# Title\n\n## Sub\n### Third\n', 'Title\n=====\n\nSub\n---\n\nThird\n'],
    ['A *b* **c** ~~d~~ `e`\nnext  \nhard', 'A b c d e\nnext\nhard\n'],
    [
      '[link](https://x.test) <https://y.test> https://z.test',
      'link (https://x.test) https://y.test https://z.test\n',
    ],
    ['> one\n> two\n>\n> - a\n> - b\n', '> one\n> two\n>\n> - a\n> - b\n'],
    ['3. one\n4. two\n   - nested\n\n5. three\n', '3. one\n4. two\n   - nested\n5. three\n'],
    ['| a | b |\n|---|---|\n| 1 | *2* |\n', 'a | b\n1 | 2\n'],
    ['a\n\n---\n\n```js\nx\n\n y\n```\n', 'a\n\n----\n\n    x\n\n     y\n'],
    ['<div>html <b>x</b></div>\n\nImage ![alt](u.png) a<br>b &amp;', 'html x\n\nImage alt ab &\n'],
    ['', '\n'],
  ])('%j', (markdown, text) => expect(textOf(markdown)).toBe(text));
});

describe('Markdown as HTML', () => {
  it('has tables, strikethrough, links of bare addresses, and HTML as it is written', () => {
    const { html } = renderMarkdown('| a |\n|---|\n| ~~b~~ |\n\nhttps://x.test readme.md <b>c</b>\n');
    for (const part of ['<table>', '<s>b</s>', '<a href="https://x.test">', ' readme.md <b>c</b>'])
      expect(html).toContain(part);
    expect(html).not.toContain('href="http://readme.md"');
  });

  it('has no link that runs a script', () => {
    expect(renderMarkdown('[a](javascript:alert(1)) [b](data:text/html,x)').html).not.toContain('href');
  });
});

describe('Markdown that is nested too deeply', () => {
  it.each([
    ['quotes', '> '.repeat(10_000)],
    ['lists', Array.from({ length: 60 }, (_, i) => `${'  '.repeat(i)}- a`).join('\n')],
  ])('in %s is refused, and nothing of it is left out in silence', (_, markdown) => {
    expect(() => renderMarkdown(`${markdown}x`)).toThrow(Problem);
  });

  it('is fine to fifteen levels of lists', () => {
    const list = Array.from({ length: 15 }, (_, i) => `${'  '.repeat(i)}- item ${i}`).join('\n');
    expect(textOf(list)).toContain('item 14');
  });
});
