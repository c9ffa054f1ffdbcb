import { beforeAll, describe, expect, it } from 'vitest';
import { exampleIds, examples } from '../../worker/api/operations/examples.ts';
import type { Operation } from '../../worker/api/operations/operation.ts';
import { groups, operations } from '../../worker/api/operations.ts';
import { groupHref } from '../../worker/docs/reference.tsx';
import { agreed, newAlias } from './alias-support.ts';
import { bringMail, letterTo } from './received-support.ts';
import { Internet, ok } from './receiver.ts';
import {
  type Answer,
  bindings,
  call,
  meteredEnv,
  migrate,
  newAccount,
  request,
  type TestAccount,
} from './support.ts';
import { eventually, newEndpoint, newestDelivery } from './webhook-support.ts';

/** Commands and answers as the pages show them, by the operation. */
const shown = new Map<string, string[]>();
let account: TestAccount;
let internet: Internet;
let endpointId: string;
/** What a reader puts in the place of an id in an example. */
let real: Record<string, string>;

const unescaped = (html: string) =>
  html
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');

async function domainOf(name: string, more: Record<string, unknown>): Promise<void> {
  const at = `/admin/v1/accounts/${account.id}/domains`;
  const { status, body } = await call('POST', at, bindings.OPERATOR_TOKEN, { domain: name, ...more });
  if (status !== 201) throw new Error(JSON.stringify(body));
}

const message = { from: 'shop@example.com', to: 'you@example.net', subject: 's', text_body: 't' };
async function sent(more: Record<string, unknown> = {}): Promise<string> {
  return (await call('POST', '/v1/send', account.live, { ...message, ...more })).body.message_id;
}

beforeAll(async () => {
  await migrate();
  internet = new Internet();
  internet.at('hooks.example.com', ok);
  account = await newAccount();
  await domainOf('example.com', { verified: true });
  await domainOf('in.example.com', { type: 'inbound', verified: true });
  await domainOf('alias.example.com', { type: 'alias', verified: true });
  await agreed(account, 'you@example.net');
  await call('POST', '/v1/domains', account.live, { domain: 'news.example.com' });
  const endpoint = await newEndpoint(account, internet);
  endpointId = endpoint.id;
  const email = await sent();
  const posted = await newestDelivery(account, endpoint, ({ state }) => expect(state).toBe('delivered'));
  const parts = ['MIME-Version: 1.0', 'Content-Type: text/plain', 'Content-Disposition: attachment'];
  const received = await bringMail('info@in.example.com', letterTo('info@in.example.com', parts));
  const route = await call('POST', '/v1/domains/in.example.com/routes', account.live, {
    pattern: 'old',
    action: 'drop',
  });
  const rule = await call('POST', '/v1/domains/in.example.com/rules', account.live, {
    name: 'old',
    conditions: [{ field: 'subject', comparator: 'contains', value: 'x' }],
    action: 'drop',
  });
  real = {
    email,
    webhook: endpoint.id,
    delivery: posted.id,
    received: received.id,
    route: String(route.body.id),
    alias: '',
    rule: String(rule.body.id),
  };
  for (const group of groups) {
    const html = await (await request(groupHref(group))).text();
    for (const article of html.split('<article>').slice(1)) {
      const id = /<h2 id="(\w+)">/.exec(article)?.[1] ?? '';
      shown.set(
        id,
        [...article.matchAll(/<code>([^<]*)<\/code><\/pre>/g)].map(([, code = '']) => unescaped(code)),
      );
    }
  }
});

/** An alias at the address of the examples, by the number that it has. */
async function freshAlias(): Promise<Partial<typeof real>> {
  await withoutAliases();
  const of = { domain: 'alias.example.com', address: 'shop', forward_to: ['you@example.net'] };
  return { alias: String((await newAlias(account, of)).id) };
}
async function withoutAliases(): Promise<Partial<typeof real>> {
  const { body } = await call('GET', '/v1/aliases', account.live);
  for (const { id } of body.aliases) await call('DELETE', `/v1/aliases/${id}`, account.live);
  return {};
}

/** The template of the examples, as one of them makes it. */
async function freshTemplate(): Promise<Partial<typeof real>> {
  await withoutTemplate();
  await call('POST', '/v1/templates', account.live, examples.createTemplate?.body);
  return {};
}
async function withoutTemplate(): Promise<Partial<typeof real>> {
  await call('DELETE', '/v1/templates/receipt', account.live);
  return {};
}

/** What is made anew for one example, because others use it up. */
const prepared: Record<string, () => Promise<Partial<typeof real>>> = {
  createAlias: withoutAliases,
  createSharedAlias: withoutAliases,
  createTemplate: withoutTemplate,
  ...Object.fromEntries(
    operations.filter(({ path }) => path.startsWith('/v1/templates/')).map(({ id }) => [id, freshTemplate]),
  ),
  ...Object.fromEntries(
    ['getAlias', 'changeAlias', 'deleteAlias', 'askDestinations'].flatMap((id) => [
      [id, freshAlias],
      [id.replace('Alias', 'SharedAlias'), freshAlias],
    ]),
  ),
  ...Object.fromEntries(
    ['rescheduleEmail', 'cancelEmail'].map((id) => [
      id,
      async () => ({ email: await sent({ send_at: new Date(Date.now() + 3_600_000) }) }),
    ]),
  ),
  deleteWebhook: async () => ({ webhook: (await newEndpoint(account, internet)).id }),
  replayWebhookDelivery: async () => {
    const at = `/v1/webhook-deliveries/${real.delivery}`;
    await eventually(async () => expect((await call('GET', at, account.live)).body.state).toBe('delivered'));
    return {};
  },
  // The one there is wants other events by then.
  replayInboundEmail: async () => ({ webhook: (await newEndpoint(account, internet)).id }),
  deleteSuppression: async () => {
    await call('POST', '/v1/suppressions', account.live, { email: 'gone@example.net' });
    return {};
  },
  verifyDomain: async () => {
    await call('POST', '/v1/domains', account.live, { domain: 'news.example.com' });
    return {};
  },
};

/** Words of a command as a POSIX shell reads them (XCU 2.2), with `$KEY` filled in. */
function wordsOf(command: string): string[] {
  const words: string[] = [];
  const pattern = /(?:'[^']*'|"[^"]*"|\\'|[^\s'"\\]+)+/g;
  for (const [word] of command.replaceAll('\\\n', ' ').matchAll(pattern)) {
    words.push(
      [...word.matchAll(/'([^']*)'|"([^"]*)"|\\(.)|([^'"\\]+)/g)]
        .map(
          ([, single, double, escaped, plain]) =>
            single ?? double?.replace('$KEY', account.live) ?? escaped ?? plain ?? '',
        )
        .join(''),
    );
  }
  return words;
}

/** Runs a command as curl would, with `files` in its folder. */
async function curl(command: string, files: Record<string, string>): Promise<Response> {
  const [program, ...words] = wordsOf(command);
  expect(program).toBe('curl');
  const headers = new Headers();
  let [url, method, body]: (string | undefined)[] = [];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const value = () => words.shift() ?? '';
    if (word === '-X') method = value();
    else if (word === '-H') headers.append(...(value().split(': ') as [string, string]));
    else if (word === '-d' || word === '--data-binary') {
      const data = value();
      body = data.startsWith('@') ? files[data.slice(1)] : data;
    } else url = word;
  }
  const { origin, pathname, search } = new URL(url ?? '');
  expect(origin).toBe('https://api.test');
  const init = {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers,
    ...(body === undefined ? {} : { body }),
  };
  return await request(pathname + search, init, { ...meteredEnv, ALIAS_DOMAIN: 'alias.example.com' });
}

const isJson = ({ answer }: Operation) => answer.schema !== null && answer.type === undefined;

/** Names of all fields, but for those inside of lists. */
function fieldsOf(value: unknown, at = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => [
    `${at}.${name}`,
    ...fieldsOf(inner, `${at}.${name}`),
  ]);
}

/** Whether a field of an answer has fields itself. */
function hasFields(answer: string, name: string): boolean {
  return fieldsOf(JSON.parse(answer)).some((one) => one.startsWith(`${name}.`));
}

describe('the examples of the reference', () => {
  it('are one for each operation', () => {
    expect(Object.keys(examples).sort()).toEqual(operations.map(({ id }) => id).sort());
    expect([...shown.keys()].sort()).toEqual(operations.map(({ id }) => id).sort());
  });

  it.each(operations.map((one) => [one.id, one] as const))(
    '%s runs as it is shown',
    async (id, operation) => {
      const ids = { ...real, ...(await prepared[id]?.()) } as Record<string, string>;
      const [command = '', ...others] = shown.get(id) ?? [];
      let filled = command;
      for (const [name, example] of Object.entries(exampleIds)) {
        // The number of a route is a word of its own in a path.
        filled = filled.replaceAll(new RegExp(`\\b${example}\\b`, 'g'), ids[name] ?? '');
      }
      const { file } = examples[id] ?? {};
      const text = others[0]?.replace(/\r?\n/g, '\r\n');
      const response = await curl(filled, file === undefined ? {} : { [file]: text ?? '' });
      const answer = await response.text();
      expect(response.status, `${filled}\n${answer}`).toBe(operation.answer.status);
      if (!isJson(operation)) return;
      const told: Answer = JSON.parse(others.at(-1) ?? '');
      operation.answer.schema?.parse(told);
      operation.answer.schema?.parse(JSON.parse(answer));
      // A field that is shown is one that is answered; what is null in the one may be more in the other.
      const known = new Set(fieldsOf(JSON.parse(answer)));
      const missing = fieldsOf(told).filter((name) => {
        const parent = name.slice(0, name.lastIndexOf('.'));
        return (
          !known.has(name) &&
          (parent === '' || (fieldsOf(told).includes(parent) && hasFields(answer, parent)))
        );
      });
      expect(missing).toEqual([]);
    },
  );

  it('leave the endpoint that they use as it was', async () => {
    expect((await call('GET', `/v1/webhooks/${endpointId}`, account.live)).status).toBe(200);
  });
});
