import { z } from 'zod';
import { scopeNames } from '#domain/scope.ts';
import { type Command, type Context, text, texts } from '../command.ts';
import { Fault } from '../fault.ts';
import { plain, table } from '../print.ts';

export const ownKey = z.looseObject({
  username: z.string(),
  environment: z.string(),
  scopes: z.array(z.string()),
  domains: z.array(z.string()).nullable(),
});
const key = ownKey.extend({
  id: z.number(),
  name: z.string(),
  hint: z.string(),
  last_used_at: z.string().nullable(),
  revoked_at: z.string().nullable(),
});

const account = { account: { type: 'string', value: 'N', about: 'the number of the account' } } as const;

function pathOf({ values }: Context): string {
  const number = text(values, 'account');
  if (number === undefined || !/^\d{1,15}$/.test(number)) throw new Fault('Say whose: --account N');
  return `/admin/v1/accounts/${number}/credentials`;
}

export const keyCommands: readonly Command[] = [
  {
    name: 'keys',
    about: 'tells what the key in use may do',
    async run({ api }) {
      const found = await (await api()).ask('GET', '/v1/credential', ownKey);
      const lines = [
        `user: ${found.username}`,
        `environment: ${found.environment}`,
        `scopes: ${found.scopes.join(', ')}`,
        `domains: ${found.domains === null ? 'all of the account' : found.domains.join(', ')}`,
      ];
      return { json: found, text: lines.map(plain).join('\n') };
    },
  },
  {
    name: 'keys list',
    about: 'lists the keys of an account; with the operator token in OPERATOR_TOKEN',
    options: account,
    async run(context) {
      const answer = await (await context.operator()).ask(
        'GET',
        pathOf(context),
        z.object({ data: z.array(key) }),
      );
      const rows = answer.data.map((one) => [
        String(one.id),
        one.name,
        one.environment,
        one.scopes.join(' '),
        one.revoked_at === null ? (one.last_used_at ?? 'never used') : 'revoked',
        `…${one.hint}`,
      ]);
      return {
        json: answer,
        text: table(['id', 'name', 'environment', 'scopes', 'last used', 'ends in'], rows),
      };
    },
  },
  {
    name: 'keys add',
    about: 'makes a key and prints it, this once; with the operator token',
    options: {
      ...account,
      name: { type: 'string', value: 'TEXT', about: 'what it is for' },
      environment: { type: 'string', value: 'live|test', about: 'whether its mail leaves' },
      scope: {
        type: 'string',
        multiple: true,
        value: scopeNames.join('|'),
        about: 'what it may do; may be repeated',
      },
      domain: { type: 'string', multiple: true, value: 'DOMAIN', about: 'what it is limited to' },
    },
    async run(context) {
      const { values } = context;
      const body = Object.fromEntries(
        Object.entries({
          name: text(values, 'name'),
          environment: text(values, 'environment'),
          scopes: values.scope === undefined ? undefined : texts(values, 'scope'),
          domains: values.domain === undefined ? undefined : texts(values, 'domain'),
        }).filter(([, value]) => value !== undefined),
      );
      const made = key.extend({ secret: z.string() });
      const answer = await (await context.operator()).ask('POST', pathOf(context), made, body);
      return { json: answer, text: answer.secret };
    },
  },
  {
    name: 'keys revoke',
    args: 'ID',
    about: 'revokes a key; with the operator token',
    options: account,
    async run(context) {
      const [id] = context.args;
      if (id === undefined) throw new Fault('keys revoke needs the number of a key');
      await (await context.operator()).ask(
        'DELETE',
        `${pathOf(context)}/${encodeURIComponent(id)}`,
        z.unknown(),
      );
      return { json: { revoked: id }, text: 'revoked; within a minute it holds everywhere' };
    },
  },
];
