import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Variable, variablesSchema } from '#domain/template/template.ts';
import {
  exampleIn,
  variableLines,
  variablesIn,
  withExample,
} from '../../worker/dashboard/templates/variables.ts';
import { renderContent } from '../../worker/templates/content.ts';
import { exampleOf } from '../../worker/templates/example.ts';
import { diffBounds, lineDiff } from '../../worker/templates/line-diff.ts';

const refusal = (work: () => unknown) => {
  try {
    work();
    return 'taken';
  } catch (error) {
    return (error as { errors: { detail: string }[] }).errors[0]?.detail;
  }
};

describe('variables as lines', () => {
  it.each<[string, Variable[]]>([
    ['', []],
    [
      'name\n\n total : number = 2.5',
      [
        { name: 'name', type: 'string' },
        { name: 'total', type: 'number', default: 2.5 },
      ],
    ],
    ['city = Bern or = so', [{ name: 'city', type: 'string', default: 'Bern or = so' }]],
    ['year: string = 2026', [{ name: 'year', type: 'string', default: '2026' }]],
    ['items: list = [{"a": 1}]', [{ name: 'items', type: 'list', default: [{ a: 1 }] }]],
    ['a:b: boolean = false', [{ name: 'a:b', type: 'boolean', default: false }]],
  ])('%j', (text, variables) => {
    expect(variablesIn(text)).toEqual(variables);
    expect(variablesIn(variableLines(variables))).toEqual(variables);
  });

  it.each([
    ['a b', 'Line 1 must be a name, or name: type = default.'],
    ['a\nb: number = x', 'Line 2: the default is not JSON.'],
    ['a: number = "x"', 'Line 1: must be a number, as a is declared.'],
    ['a: text', 'Line 1: the type must be one of string, number, boolean, list, object.'],
    ['a = "x', 'Line 1: the default is not JSON.'],
  ])('%j is refused', (text, detail) => {
    expect(refusal(() => variablesIn(text))).toBe(detail);
  });

  it('come back as they were, whatever they are', () => {
    const value = { string: fc.string(), number: fc.integer(), boolean: fc.boolean() };
    const one = fc
      .constantFrom(...(['string', 'number', 'boolean'] as const))
      .chain((type) =>
        fc.record(
          { name: fc.stringMatching(/^[a-z_:é-]{1,12}$/u), type: fc.constant(type), default: value[type] },
          { requiredKeys: ['name', 'type'] },
        ),
      );
    fc.assert(
      fc.property(fc.uniqueArray(one, { selector: ({ name }) => name, maxLength: 5 }), (variables) => {
        const kept = variablesSchema.parse(variables);
        expect(variablesIn(variableLines(kept))).toEqual(kept);
      }),
    );
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void refusal(() => variablesIn(text))));
  });
});

describe('an example', () => {
  it.each([
    ['{"a": }', "is not JSON on line 1, column 7: unexpected token '}'."],
    [
      '{"a": 1,\n\n  "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb": bad}',
      "is not JSON on line 3, column 54: unexpected token 'b'.",
    ],
    ['{"a": 1,\n}', 'is not JSON on line 2, column 1: expected double-quoted property name.'],
    ['{"a": tr', 'is not JSON on line 1, column 9: unexpected end of JSON input.'],
    ['[]', 'must be an object of names with values, as {"name": "Ann"}.'],
  ])('%j is refused', (text, detail) => {
    expect(refusal(() => exampleIn(text))).toBe(detail);
  });

  it('declares what no line does', () => {
    const declared: Variable[] = [{ name: 'a', type: 'string', default: 'x' }];
    expect(withExample(declared, { a: 1, b: [], c: null, d: {} })).toEqual([
      ...declared,
      { name: 'b', type: 'list' },
      { name: 'd', type: 'object' },
    ]);
  });
});

describe('an example that is made', () => {
  const source = (htmlBody: string, variables: Variable[] = []) => ({
    subject: '',
    htmlBody,
    textBody: null,
    variables,
  });

  it.each<[string, Variable[], object]>([
    ['{{first_name}} {{order.total}}', [], { first_name: 'first name', order: { total: 'total' } }],
    ['{{#if paid}}{{name}}{{else}}{{{due}}}{{/if}}', [], { paid: true, name: 'name', due: 'due' }],
    [
      '{{#each items}}{{title}}{{@index}}{{../shop}}{{/each}}',
      [],
      { items: [{ title: 'title' }], shop: 'shop' },
    ],
    [
      '{{#each items as |one|}}{{one.title}}{{#each one.parts}}{{this}}{{/each}}{{/each}}',
      [],
      { items: [{ title: 'title', parts: ['part'] }] },
    ],
    [
      '{{#with shop}}{{name}}{{@root.year}}{{/with}}',
      [{ name: 'year', type: 'number' }],
      { year: 1, shop: { name: 'name' } },
    ],
    [
      '{{a}}',
      [
        { name: 'a', type: 'number', default: 7 },
        { name: 'b', type: 'list' },
      ],
      { a: 7, b: [] },
    ],
    [
      '{{#unless off}}{{lookup rows 0}}{{/unless}}',
      [{ name: 'rows', type: 'list' }],
      { rows: [], off: true },
    ],
  ])('%s', (html, variables, example) => {
    expect(exampleOf(source(html, variables), null)).toEqual(example);
  });

  it('renders the template and the layout that it is of', () => {
    const template = source('{{#each items as |one|}}{{one.title}}{{/each}}{{#if a.b}}{{a.c}}{{/if}}');
    const layout = source('<i>{{shop.name}}</i>{{{@content}}}');
    expect(renderContent(template, layout, exampleOf(template, layout)).htmlBody).toBe('<i>name</i>titlec');
  });
});

describe('what two texts differ in', () => {
  const shown = (before: string, after: string) =>
    lineDiff(before, after).map((line) =>
      line.kind === 'gap'
        ? `@${line.lines}`
        : { same: ' ', removed: '-', added: '+' }[line.kind] +
          line.pieces.map(({ text, changed }) => (changed ? `[${text}]` : text)).join(''),
    );
  const lines = (count: number, from = 1) =>
    Array.from({ length: count }, (_, i) => `line ${from + i}`).join('\n');

  it('is nothing where they are the same but for line ends', () => {
    expect(shown('a\r\nb', 'a\nb\n')).toEqual([]);
    expect(shown('', '\n')).toEqual([]);
  });

  it('is shown with the lines around, word by word', () => {
    expect(shown(`${lines(9)}\nthe end`, `${lines(9)}\nthe very end\nof it`)).toEqual([
      '@6',
      ' line 7',
      ' line 8',
      ' line 9',
      '-the end',
      '+the very end',
      '+of it',
    ]);
    expect(shown('Dear Ann, hello', 'Dear Bob, hello')).toEqual(['-Dear [Ann], hello', '+Dear [Bob], hello']);
    expect(shown('abc', 'xyz')).toEqual(['-abc', '+xyz']);
    expect(shown('', 'new')).toEqual(['+new']);
    expect(shown(`a\n${lines(9)}\nz`, `b\n${lines(9)}\ny`)).toEqual([
      '-a',
      '+b',
      ' line 1',
      ' line 2',
      ' line 3',
      '@3',
      ' line 7',
      ' line 8',
      ' line 9',
      '-z',
      '+y',
    ]);
  });

  it('is bounded', () => {
    const all = lineDiff(lines(3000), lines(3000, 5000));
    expect(all).toHaveLength(diffBounds.lines + 1);
    expect(all.at(-1)).toEqual({ kind: 'gap', lines: 4000 });
    const [long] = lineDiff('x'.repeat(1024 * 1024), '');
    expect(long).toMatchObject({ pieces: [{ text: expect.stringMatching(/^x{2000} …$/) }] });
  });

  it('tells every line of both, whatever they are', () => {
    const text = fc
      .array(fc.constantFrom('a', 'b', 'c d', 'c e', ''), { maxLength: 8 })
      .map((all) => all.join('\n'));
    fc.assert(
      fc.property(text, text, (before, after) => {
        const diff = shown(before, after);
        if (diff.length === 0 || diff.some((line) => line.startsWith('@'))) return;
        const side = (sign: string) =>
          diff
            .filter((line) => line.startsWith(' ') || line.startsWith(sign))
            .map((line) => line.slice(1).replace(/[[\]]/g, ''))
            .join('\n');
        const trimmed = (one: string) => one.replace(/\n+$/, '');
        expect([side('-'), side('+')]).toEqual([trimmed(before), trimmed(after)]);
      }),
    );
  });
});
