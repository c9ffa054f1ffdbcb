import { beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../support/browser.ts';
import { setUpOwner, textOf } from './dashboard-support.ts';
import {
  bounced,
  call,
  delivered,
  mail,
  migrate,
  newAccount,
  request,
  result,
  type TestAccount,
  TestNode,
} from './support.ts';

let account: TestAccount;
let owner: Browser;
const today = new Date().toISOString().slice(0, 10);

beforeAll(async () => {
  await migrate();
  account = await newAccount();
  owner = await setUpOwner(new Browser('https://api.test', (path, init) => request(path, init)), {
    email: 'owner@people.example',
    password: 'a long enough sentence',
  });
  const node = await new TestNode().hello();
  const send = async (more: Record<string, unknown>, outcome: Record<string, unknown>) => {
    expect((await call('POST', '/v1/send', account.live, mail(account, more))).status).toBe(202);
    const { deliveries } = await node.lease();
    await node.post('results', { results: deliveries.map((one: object) => result(one, outcome)) });
  };
  await send({ to: ['a@example.net'], tags: ['receipt'], class: 'priority' }, delivered);
  await send({ to: ['b@example.net'], tags: ['receipt'] }, delivered);
  await send({ to: ['c@example.net'], tags: ['news & more'] }, bounced);
});

const words = async (query: string) => await textOf(await owner.get(`/statistics${query}`));
/** Cells of each row of the table, without blanks. */
async function rows(query: string): Promise<string[][]> {
  const page = await (await owner.get(`/statistics${query}`)).text();
  const body = /aria-label="Numbers"[\s\S]*?<tbody>([\s\S]*?)<\/tbody>/.exec(page)?.[1] ?? '';
  return [...body.matchAll(/<tr>([\s\S]*?)<\/tr>/g)].map(([, row = '']) =>
    [...row.matchAll(/<t[hd][^>]*>([\s\S]*?)<\/t[hd]>/g)].map(([, cell = '']) =>
      cell.replace(/<[^>]+>/g, '').trim(),
    ),
  );
}

describe('the page Statistics', () => {
  it('has totals, a picture and the days', async () => {
    const text = await words('');
    expect(text).toMatch(
      /Sent3 recipients.*Delivered2 66\.7 % of what ended.*Bounced1 33\.3 %, good is at most 2 %/,
    );
    expect(await (await owner.get('/statistics')).text()).toContain('<svg viewBox="0 0 720');
    expect(await rows('')).toEqual([[today, '66.7 %', '3', '2', '0', '1', '0', '0', '0', '0', '0', '0']]);
  });

  it.each([
    ['domain', () => [account.domain, '66.7 %', '3']],
    ['class', () => ['standard', '50.0 %', '2']],
    ['tag', () => ['receipt', '100 %', '2']],
  ])('has a table by %s', async (by, first) => {
    expect((await rows(`?by=${by}`))[0]?.slice(0, 3)).toEqual(first());
  });

  it('has what providers and reasons of failures tell', async () => {
    expect((await rows('?by=provider')).length).toBeGreaterThan(0);
    expect((await rows('?by=reason'))[0]?.[0]).toMatch(/^bad_mailbox the mailbox does not exist/);
  });

  it('shows the picture and the totals of one value, which the table leads to', async () => {
    const page = await (await owner.get('/statistics?by=tag')).text();
    const href = /href="(\/statistics\?[^"]*of=news[^"]*)"/.exec(page)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const one = await owner.get(href);
    const text = await textOf(one);
    expect(text).toContain('Over time, tag news &amp; more');
    expect(text).toMatch(/Sent1 recipients.*Bounced1 100 %/);
    expect(await words('?by=tag&of=nothing')).toMatch(/Sent0 recipients/);
    expect(await (await owner.get('/statistics?by=tag&of=%3Cscript%3E')).text()).not.toContain('<script>');
  });

  it('keeps to a range, and takes one that makes no sense for the last days', async () => {
    expect(await rows('?from=2020-01-01&to=2020-01-31')).toEqual([]);
    for (const query of ['?from=yesterday', '?to=2999-01-01', '?days=-5', '?by=nothing'])
      expect([query, (await rows(query)).length]).toEqual([query, 1]);
  });

  it('gives each table as CSV', async () => {
    const answer = await owner.get('/statistics/export?by=tag');
    expect(answer.headers.get('Content-Disposition')).toMatch(
      /attachment; filename="statistics-by-tag-.*\.csv"/,
    );
    const [head, ...lines] = (await answer.text()).trim().split('\r\n');
    expect(head).toMatch(/^tag,accepted,delivered,/);
    expect(lines.map((line) => line.split(',').slice(0, 3))).toEqual([
      ['receipt', '2', '2'],
      ['news & more', '1', '0'],
    ]);
  });
});
