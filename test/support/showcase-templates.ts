import { z } from 'zod';
import { numberOfUuid } from '#domain/number-id.ts';

/** A layout, a template inside of it with versions, and a draft; gives the pages of the first two. */
export async function fillTemplates(
  make: (path: string, body: unknown) => Promise<Record<string, unknown>>,
  asProgram: (method: string, path: string, body?: unknown) => Promise<unknown>,
): Promise<string[]> {
  const made = async (body: object) => {
    const answer = await make('/v1/templates', body);
    const { id } = z.object({ id: z.string() }).parse(answer.template);
    return `/templates/${numberOfUuid('template', id)}`;
  };
  const layout = await made({
    type: 'layout',
    name: 'Letter of the shop',
    slug: 'letter',
    html_body:
      '<div style="font-family:sans-serif;max-width:36rem;margin:auto">\n{{{@content}}}\n<hr>\n<p>{{company}}, Tea Street 1</p>\n</div>',
    variables: [{ name: 'company', default: 'The Tea Shop' }],
  });
  const html = (title: string, price: string) =>
    `<h1>${title}, {{name}}</h1>\n<p>Your order <b>{{order.number}}</b> is on its way.</p>\n<table>\n{{#each items}}\n  <tr>\n    <td>{{title}}</td>\n    <td>${price}</td>\n  </tr>\n{{/each}}\n</table>\n<p><a href="https://shop.example/orders">See your order</a></p>`;
  const receipt = await made({
    name: 'Receipt',
    slug: 'receipt',
    description: 'After paying, by the till and the web shop',
    layout: 'letter',
    from: 'Shop <shop@shop.example>',
    subject: 'Your receipt {{order.number}}',
    html_body: html('Thank you', '{{price}}'),
    variables: [
      { name: 'name', type: 'string' },
      { name: 'order', type: 'object', default: { number: '4711' } },
      { name: 'items', type: 'list', default: [{ title: 'Tea', price: '12.00' }] },
    ],
  });
  await asProgram('PATCH', '/v1/templates/receipt', { html_body: html('Many thanks', '{{price}}') });
  await asProgram('PATCH', '/v1/templates/receipt', {
    subject: 'Receipt {{order.number}}',
    html_body: html('Many thanks', '{{price}} CHF'),
    publish: false,
  });
  await made({
    name: 'Reset of a password, as it is asked for on the sign-in page of the shop and in the app',
    slug: 'password-reset',
    subject: 'Reset your password',
    text_body: 'Your code is {{code}}.',
    publish: false,
  });
  return [receipt, layout];
}
