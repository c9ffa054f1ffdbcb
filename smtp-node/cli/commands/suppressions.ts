import { z } from 'zod';
import { suppressionReasons } from '#domain/suppression/suppression.ts';
import { queryOf } from '../api.ts';
import { type Command, text } from '../command.ts';
import { Fault } from '../fault.ts';
import { table } from '../print.ts';

const entry = z.looseObject({
  email: z.string(),
  reason: z.string(),
  scope: z.string(),
  proof: z.string().nullable(),
  created_at: z.string(),
  expires_at: z.string().nullable(),
});
type Entry = z.output<typeof entry>;
const list = z.looseObject({ data: z.array(entry), has_more: z.boolean() });
const check = z.looseObject({ email: z.string(), suppressed: z.boolean(), entries: z.array(entry) });

const rowsOf = (entries: readonly Entry[]) =>
  table(
    ['email', 'reason', 'scope', 'since', 'until', 'proof'],
    entries.map((one) => [
      one.email,
      one.reason,
      one.scope,
      one.created_at,
      one.expires_at ?? '',
      one.proof ?? '',
    ]),
  );
const filters = ['query', 'reason', 'scope', 'limit', 'cursor'] as const;

function addressOf(args: readonly string[], command: string): string {
  const [email] = args;
  if (email === undefined) throw new Fault(`${command} needs an address`);
  return email;
}

export const suppressionCommands: readonly Command[] = [
  {
    name: 'suppressions',
    about: 'lists whom nothing is sent to, newest first',
    options: Object.fromEntries(
      filters.map(
        (name) => [name, { type: 'string', value: name.toUpperCase(), about: `by ${name}` }] as const,
      ),
    ),
    async run({ values, api }) {
      const query = queryOf(Object.fromEntries(filters.map((name) => [name, text(values, name)])));
      const answer = await (await api()).ask('GET', `/v1/suppressions${query}`, list);
      return { json: answer, text: rowsOf(answer.data) };
    },
  },
  {
    name: 'suppressions check',
    args: 'ADDRESS',
    about: 'tells whether an address is suppressed, and why',
    async run({ args, api }) {
      const query = queryOf({ email: addressOf(args, 'suppressions check') });
      const answer = await (await api()).ask('GET', `/v1/suppressions/check${query}`, check);
      return { json: answer, text: answer.suppressed ? rowsOf(answer.entries) : 'not suppressed' };
    },
  },
  {
    name: 'suppressions add',
    args: 'ADDRESS',
    about: 'sends nothing to an address any more',
    options: {
      reason: { type: 'string', value: suppressionReasons.join('|'), about: 'why' },
      scope: {
        type: 'string',
        value: 'account|DOMAIN|class:NAME|stream:NAME|tag:NAME',
        about: 'of what mail',
      },
      note: { type: 'string', value: 'TEXT', about: 'why, in words' },
    },
    async run({ args, values, api }) {
      const given = Object.fromEntries(
        (['reason', 'scope', 'note'] as const).map((name) => [name, text(values, name)] as const),
      );
      const body = { email: addressOf(args, 'suppressions add'), ...given };
      const answer = await (await api()).ask('POST', '/v1/suppressions', entry, body);
      return { json: answer, text: rowsOf([answer]) };
    },
  },
  {
    name: 'suppressions remove',
    args: 'ADDRESS',
    about: 'lets mail to an address go again',
    options: {
      scope: {
        type: 'string',
        value: 'account|DOMAIN|class:NAME|stream:NAME|tag:NAME',
        about: 'in this scope alone',
      },
    },
    async run({ args, values, api }) {
      const email = addressOf(args, 'suppressions remove');
      const query = queryOf({ scope: text(values, 'scope') });
      await (await api()).ask('DELETE', `/v1/suppressions/${encodeURIComponent(email)}${query}`, z.unknown());
      return { json: { removed: email }, text: 'removed' };
    },
  },
];
