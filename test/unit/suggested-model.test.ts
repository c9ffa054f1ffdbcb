import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseTemplate, TemplateFault } from '../../worker/templates/parse.ts';
import { newBudget, render } from '../../worker/templates/render.ts';
import { suggestedModel } from '../../worker/templates/suggested-model.ts';

const modelOf = (source: string) => suggestedModel([parseTemplate(source, { layout: false })]);

it.each<[string, object]>([
  ['{{name}} {{a.b.c}}', { name: 'name_Value', a: { b: { c: 'c_Value' } } }],
  [
    '{{#each list}}{{x}}{{../y}}{{@root.z}}{{/each}}',
    { list: Array(3).fill({ x: 'x_Value' }), y: 'y_Value', z: 'z_Value' },
  ],
  [
    '{{#each list as |one|}}{{one.x}}{{#each one.inner}}{{this}}{{/each}}{{/each}}',
    { list: Array(3).fill({ x: 'x_Value', inner: ['inner_Value'] }) },
  ],
  [
    '{{#with user}}{{name}}{{/with}}{{#user}}{{mail}}{{/user}}',
    { user: { name: 'name_Value', mail: 'mail_Value' } },
  ],
  [
    '{{#if a}}{{b}}{{else}}{{c}}{{/if}}{{^d}}{{e}}{{/d}}',
    { a: 'a_Value', b: 'b_Value', c: 'c_Value', d: 'd_Value', e: 'e_Value' },
  ],
  ['{{__proto__}}', Object.fromEntries([['__proto__', '__proto___Value']])],
])('%s is given %j', (source, model) => {
  expect(modelOf(source)).toEqual(model);
});

it('is bounded, however deep and long a template is', () => {
  const deep = '{{#each a}}'.repeat(60) + '{{/each}}'.repeat(60);
  expect(JSON.stringify(modelOf(deep)).length).toBeLessThan(2000);
  expect(JSON.stringify(modelOf(`{{${'a.'.repeat(900)}a}}`)).length).toBeLessThan(2000);
  const many = Array.from({ length: 9000 }, (_, i) => `{{a${i}}}`).join('');
  expect(Object.keys(modelOf(many))).toHaveLength(2000);
});

it('fits the template that it is of', () => {
  const blocks = fc.constantFrom(
    '{{a}}',
    '{{b.c}}',
    '{{#each d}}',
    '{{/each}}',
    '{{e}}',
    '{{../f}}',
    '{{#if a}}',
    '{{/if}}',
    'x',
  );
  fc.assert(
    fc.property(fc.array(blocks, { maxLength: 12 }), (list) => {
      let parts: ReturnType<typeof parseTemplate>;
      try {
        parts = parseTemplate(list.join(''), { layout: false });
      } catch (error) {
        if (error instanceof TemplateFault) return;
        throw error;
      }
      const values = suggestedModel([parts]);
      // What looks above the top is there for nobody.
      if (list.includes('{{../f}}')) return;
      render(parts, { values, mode: 'html', budget: newBudget() });
    }),
  );
});
