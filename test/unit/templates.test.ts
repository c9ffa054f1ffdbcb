import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problem } from '#domain/problem.ts';
import { filledVariables, slugOf, slugSchema } from '#domain/template/template.ts';
import { usedTemplateOf, usedTemplateText } from '#domain/template/used-template.ts';
import { checkContent, namesOf, renderContent, renderInLayout } from '../../worker/templates/content.ts';
import { parseTemplate, TemplateFault } from '../../worker/templates/parse.ts';
import { newBudget, render, renderBounds } from '../../worker/templates/render.ts';
import { scanBounds, scanFault } from '../../worker/templates/scan.ts';
import { textPartOf } from '../../worker/templates/text-part.ts';

const write = (source: string, values: unknown = {}, mode: 'html' | 'text' = 'html') =>
  render(parseTemplate(source, { layout: false }), { values, mode, budget: newBudget() });

function problemOf(work: () => unknown): Problem {
  try {
    work();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

function faultOf(source: string, layout = false): string {
  try {
    parseTemplate(source, { layout });
  } catch (error) {
    if (error instanceof TemplateFault) return error.message;
    throw error;
  }
  return '';
}

describe('a template is written', () => {
  it.each<[string, unknown, string]>([
    ['Hi {{name}}!', { name: 'Ann' }, 'Hi Ann!'],
    ['{{a.b.c}} {{a/b/c}} {{a.[b].c}}', { a: { b: { c: 1 } } }, '1 1 1'],
    ['{{list.[0]}} {{list.[1]}} {{list.length}}', { list: ['x', 'y'] }, 'x y 2'],
    [`{{x}}|{{{x}}}|{{&x}}`, { x: `<&>"'\`=` }, `&lt;&amp;&gt;&quot;&#x27;&#x60;&#x3D;|<&>"'\`=|<&>"'\`=`],
    ['{{n}} {{t}} {{f}} [{{z}}]', { n: 1.5, t: true, f: false, z: null }, '1.5 true false []'],
    ['{{#if a}}A{{else if b}}B{{else}}C{{/if}}', { b: 1 }, 'B'],
    ['{{#if a}}A{{/if}}{{#if missing.deep}}B{{else}}C{{/if}}', { a: [] }, 'C'],
    ['{{#if a}}A{{else}}B{{/if}}{{#if a includeZero=true}}A{{/if}}', { a: 0 }, 'BA'],
    ['{{#unless a}}no{{/unless}}{{^a}}none{{/a}}', {}, 'nonone'],
    ['{{#each l}}{{@index}}{{this}}{{#unless @last}},{{/unless}}{{/each}}', { l: ['a', 'b'] }, '0a,1b'],
    ['{{#each l}}{{.}}{{else}}empty{{/each}}', { l: [] }, 'empty'],
    ['{{#each o}}{{@key}}={{this}}{{#if @first}};{{/if}}{{/each}}', { o: { x: 1, y: 2 } }, 'x=1;y=2'],
    ['{{#each l as |item i|}}{{i}}{{item.n}}{{../t}}{{/each}}', { t: '!', l: [{ n: 'a' }] }, '0a!'],
    [
      '{{#each l}}{{#each m}}{{../n}}{{../../t}}{{@root.t}}{{/each}}{{/each}}',
      { t: 'T', l: [{ n: 1, m: [0] }] },
      '1TT',
    ],
    ['{{#with p}}{{name}}{{else}}nobody{{/with}}', { p: { name: 'Ann' } }, 'Ann'],
    [
      '{{#items}}<{{name}}>{{/items}}{{#on}}yes{{/on}}',
      { items: [{ name: 'a' }, { name: 'b' }], on: true },
      '<a><b>yes',
    ],
    ['{{lookup map key}}{{#if (lookup map other)}}x{{/if}}', { map: { a: 'A' }, key: 'a', other: 'b' }, 'A'],
    ['{{! a }}{{!-- {{b}} --}}x{{~ y ~}} z', { y: 'Y' }, 'xYz'],
    ['a\n{{#if t}}\n  b\n{{/if}}\nc', { t: true }, 'a\n  b\nc'],
    ['\\{{x}} {{"s"}}', {}, '{{x}} s'],
  ])('%j', (source, values, text) => expect(write(source, values)).toBe(text));

  it('without escaping in text', () => {
    expect(write('{{x}}', { x: '<&' }, 'text')).toBe('<&');
  });

  it('with nothing but what the values have themselves', () => {
    for (const path of [
      'constructor',
      '__proto__',
      'a.constructor.name',
      'toString',
      'a.__proto__.x',
      'l.map',
      's.length',
    ])
      expect([
        path,
        problemOf(() => write(`{{${path}}}`, { a: {}, l: [], s: 'x' })).errors[0]?.detail,
      ]).toEqual([path, expect.stringContaining('is missing')]);
    expect(write('{{__proto__.x}}', JSON.parse('{"__proto__":{"x":"own"}}'))).toBe('own');
  });
});

describe('what is missing is named', () => {
  it.each<[string, string, string]>([
    ['{{name}}', '/variables/name', 'is missing: the template has {{name}}'],
    ['{{user.name}}', '/variables/user/name', 'is missing: the template has {{user.name}}'],
    ['{{#each orders}}{{/each}}', '/variables/orders', 'is missing: the template has {{orders}}'],
    ['{{#each list}}{{price}}{{/each}}', '/variables', 'is missing: the template has {{price}}'],
    [
      '{{user}}',
      '/variables/user',
      'is an object; the template prints it, and it needs the name of one of its members ({{user}})',
    ],
    ['{{list}}', '/variables/list', 'is a list; the template prints it, and it needs {{#each}} ({{list}})'],
    [
      '{{#each text}}{{/each}}',
      '/variables/text',
      'must be a list or an object: the template goes through it ({{text}})',
    ],
  ])('%s', (source, pointer, detail) => {
    const problem = problemOf(() => write(source, { user: {}, list: [{}], text: 'x' }));
    expect([problem.status, problem.errors]).toEqual([400, [{ pointer, detail }]]);
  });
});

describe('what is no template is refused with its line', () => {
  it.each<[string, RegExp]>([
    ['a\n{{#if x}}', /^is not Handlebars on line 2, near/],
    ['{{#if x}}{{/each}}', /is not Handlebars on line 1: if doesn't match each/],
    ['{{x', /has a tag without its \}\} on line 1/],
    ['\n\n{{> part}}', /partial.*\(line 3\)/],
    ['{{#> part}}{{/part}}', /partial/],
    ['{{* deco}}', /decorator/],
    ['{{upper name}}', /has a helper upper/],
    ['{{#repeat 3}}{{/repeat}}', /has a helper \{\{#repeat\}\}/],
    ['{{#if}}{{/if}}', /has \{\{#if\}\} with 0 values/],
    ['{{#if a b=1}}{{/if}}', /b=, which it does not know/],
    ['{{{{raw}}}}{{{{/raw}}}}', /raw block/],
    ['{{@content}}', /@content, which there is not here/],
    ['{{@level}}', /@level/],
    [`${'{{#if a}}'.repeat(100)}`, /nested deeper than 60/],
    [`{{#if a}}${'{{else if a}}'.repeat(100)}{{/if}}`, /nested deeper than 60/],
    ['{{x}}'.repeat(scanBounds.tags + 1), /more than 10000 tags/],
    [`{{a ${'('.repeat(50)}`, /more than 40 brackets/],
    [`{{a "${'x'.repeat(3000)}"}}`, /more than 2000 characters/],
    [`${' '.repeat(20_000)}{{a}}`, /too many blanks/],
    ['{{!-- no end', /comment without an end/],
    ['a\0b', /NUL/],
  ])('%#', (source, said) => expect(faultOf(source)).toMatch(said));
});

describe('time and size are bounded', () => {
  it('of loops in loops', () => {
    const list = Array.from({ length: 1000 }, () => 1);
    const source = '{{#each l}}{{#each ../l}}{{#each ../../l}}{{/each}}{{/each}}{{/each}}';
    expect(problemOf(() => write(source, { l: list })).detail).toContain(
      `more than ${renderBounds.steps} steps`,
    );
  });

  it('of what comes out', () => {
    const values = { l: Array.from({ length: 1000 }, () => 1), x: 'x'.repeat(10_000) };
    expect(problemOf(() => write('{{#each l}}{{../x}}{{/each}}', values)).detail).toContain('characters');
  });

  it.each<[string, string]>([
    ['tags', '{{a}}'.repeat(scanBounds.tags)],
    ['blocks', `${'{{#if a}}'.repeat(50)}${'{{a}}'.repeat(9000)}${'{{/if}}'.repeat(50)}`],
    ['line ends', `${'\n'.repeat(5000)}x{{#if a}}${'\n'.repeat(4000)}x{{/if}}`],
    ['blanks', `{{a}}${`${' '.repeat(400)}x`.repeat(300)}{{a}}`.repeat(8)],
    ['text', 'x'.repeat(1024 * 1024)],
    ['braces', '{'.repeat(1024 * 1024)],
    ['comments', `${'{{!x}}'.repeat(9000)}`],
    ['pairs', `{{a ${'b=c '.repeat(480)}}}`.repeat(20)],
  ])('of reading %s', (_, source) => {
    // Its time limit is the test's own: it must come to an end.
    expect(() => faultOf(source)).not.toThrow();
  });
});

describe('a template and its layout', () => {
  const template = {
    subject: 'Hello {{name}}',
    htmlBody: '<p>Dear {{name}}, <a href="{{{url}}}">look</a></p>',
    textBody: null,
    variables: [
      { name: 'name', type: 'string' as const },
      { name: 'url', type: 'string' as const, default: 'https://shop.example/' },
    ],
  };
  const layout = {
    htmlBody: '<html><body>{{{@content}}}<hr>{{shop}}</body></html>',
    textBody: null,
    variables: [{ name: 'shop', type: 'string' as const, default: 'The shop' }],
  };

  it('come to subject, HTML and a text made of it', () => {
    expect(renderContent(template, layout, { name: 'A & B\r\nBcc: x' })).toEqual({
      subject: 'Hello A & B Bcc: x',
      htmlBody:
        '<html><body><p>Dear A &amp; B\r\nBcc: x, <a href="https://shop.example/">look</a></p><hr>The shop</body></html>',
      textBody: 'Dear A & B Bcc: x, look (https://shop.example/)\n\n----\n\nThe shop\n',
    });
  });

  it('are content that is there, put into a layout', () => {
    expect(renderInLayout({ html: '<p>{{x}}</p>', text: 'own' }, layout, {})).toEqual({
      htmlBody: '<html><body><p>{{x}}</p><hr>The shop</body></html>',
      textBody: 'own',
    });
    expect(
      renderInLayout({ html: '<p>a</p>', text: null }, { ...layout, textBody: '{{@content}}-- {{shop}}' }, {})
        .textBody,
    ).toBe('a\n-- The shop');
  });

  it('are checked before they are kept', () => {
    const check = (more: object, isLayout = false) =>
      problemOf(() => checkContent({ ...template, ...more }, { layout: isLayout }));
    expect(check({ subject: '{{#if' }).errors[0]?.pointer).toBe('/subject');
    expect(check({ htmlBody: null }).detail).toContain('one of html_body and text_body is required');
    expect(check({ htmlBody: '<p></p>' }, true).detail).toContain('{{{@content}}}');
    expect(check({ htmlBody: 'x'.repeat(1024 * 1024) }).detail).toContain('at most 1048576 bytes');
    expect(() => checkContent({ ...template, htmlBody: '{{{@content}}}' }, { layout: true })).not.toThrow();
  });

  it('tell the names that they read', () => {
    const htmlBody =
      '{{#each items as |one|}}{{one.a}}{{b}}{{../c}}{{@root.d}}{{/each}}{{#if e}}{{user.name}}{{/if}}';
    expect(namesOf({ subject: '{{s}}', htmlBody, textBody: null }, { layout: false })).toEqual([
      's',
      'items',
      'c',
      'd',
      'e',
      'user',
    ]);
  });

  it('ask for each variable that is declared, of its type', () => {
    const declared = [
      { name: 'a', type: 'string' as const },
      { name: 'b', type: 'number' as const },
      { name: 'c', type: 'list' as const, default: [] },
    ];
    expect(problemOf(() => filledVariables(declared, { b: '1' })).errors).toEqual([
      { pointer: '/variables/a', detail: 'is missing: the template needs a, a string' },
      { pointer: '/variables/b', detail: 'must be a number, as the template declares it' },
    ]);
    expect({ ...filledVariables(declared, { a: '', b: 0, d: 1 }) }).toEqual({ a: '', b: 0, c: [], d: 1 });
  });
});

describe('HTML as text', () => {
  it.each([
    ['<p>a <b>b</b></p><p>c<br>d</p>', 'a b\n\nc\nd\n'],
    ['<h1>Title</h1><div>x</div><div>y</div>', 'Title\n\nx\ny\n'],
    [
      '<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul><ol><li>d</li><li>e</li></ol>',
      '- a\n- b\n  - c\n\n1. d\n2. e\n',
    ],
    [
      '<a href="https://a.example/?x=1&amp;y=2">go</a>, <a href="https://b.example">https://b.example</a> <a href="mailto:a@b.c">a@b.c</a> <a href="#x">in</a>',
      'go (https://a.example/?x=1&y=2), https://b.example a@b.c in\n',
    ],
    ['<table><tr><td>a</td><td>1</td></tr><tr><td>b</td><td>2</td></tr></table>', 'a 1\nb 2\n'],
    [
      '<head><title>t</title><style>p{}</style></head><script>x</script><p style="display:none">h</p>v',
      'v\n',
    ],
    ['&lt;b&gt; &amp; &nbsp; &eacute;<img alt="logo" src="x">', '<b> & élogo\n'],
    ['x<p>unclosed <b>y', 'x\n\nunclosed y\n'],
    ['', ''],
  ])('%j', (html, text) => expect(textPartOf(html)).toBe(text));
});

describe('names', () => {
  it('of templates make slugs, and rows name versions', () => {
    expect(slugOf('Wëlcome, friend!')).toBe('welcome-friend');
    expect(slugOf('é')).toBe('');
    expect(slugSchema.safeParse('-a').success).toBe(false);
    expect(usedTemplateOf(usedTemplateText({ id: 12, version: 3 }))).toEqual({ id: 12, version: 3 });
    expect(usedTemplateOf(null)).toBeNull();
  });
});

describe('whatever comes', () => {
  const pieces = fc.constantFrom(
    '{{',
    '}}',
    '{{{',
    '}}}',
    '{{#if a}}',
    '{{/if}}',
    '{{else}}',
    '{{else if b}}',
    '{{#each a}}',
    '{{/each}}',
    '{{^',
    '~',
    '"',
    "'",
    '[',
    ']',
    '\\',
    '(',
    ')',
    ' ',
    '\n',
    'a',
    'a.b',
    '../',
    '@index',
    '@root',
    '{{!',
    '--',
    '{{!--',
    'as |x|',
    '=',
    '{{a}}',
    '{{lookup a b}}',
    '{{{{',
    '__proto__',
    '&',
  );
  const source = fc
    .array(fc.oneof(pieces, fc.string({ maxLength: 8 })), { maxLength: 60 })
    .map((list) => list.join(''));
  const values = fc.jsonValue({ maxDepth: 4 });

  it('a template is written, or refused by the fault that says why', () => {
    fc.assert(
      fc.property(source, values, (text, given) => {
        let parts: ReturnType<typeof parseTemplate>;
        try {
          parts = parseTemplate(text, { layout: false });
        } catch (error) {
          expect(error).toBeInstanceOf(TemplateFault);
          return;
        }
        try {
          render(parts, { values: { a: given }, mode: 'html', budget: newBudget() });
        } catch (error) {
          expect(error).toBeInstanceOf(Problem);
          expect((error as Problem).status).toBe(400);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('what is escaped has no mark of HTML', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(write('{{x}}', { x: text })).not.toMatch(/[<>"'`=]/);
      }),
    );
  });

  it('text without tags stays as it is, and any HTML has a text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!text.includes('{{') && !text.includes('\0'));
        expect(write(text)).toBe(text);
        expect(typeof textPartOf(text)).toBe('string');
      }),
    );
  });

  it('the scan comes to an end', () => {
    fc.assert(fc.property(source, (text) => void scanFault(text)));
  });
});
