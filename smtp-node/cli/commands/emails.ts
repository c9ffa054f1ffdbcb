import { z } from 'zod';
import { type Api, queryOf } from '../api.ts';
import { type Command, text } from '../command.ts';
import { Fault } from '../fault.ts';
import { plain, table } from '../print.ts';

const summary = z.looseObject({
  id: z.string(),
  status: z.string(),
  to: z.array(z.string()),
  subject: z.string(),
  created_at: z.string(),
});
export const emails = z.looseObject({ data: z.array(summary), has_more: z.boolean() });
const email = summary.extend({
  from: z.string(),
  class: z.string(),
  deliveries: z.array(
    z.looseObject({
      recipient: z.string(),
      status: z.string(),
      reason: z.string().nullable(),
      attempts: z.number(),
      next_attempt_at: z.string().nullable(),
      waits_for: z.string().nullable(),
    }),
  ),
});
export const event = z.looseObject({
  id: z.string(),
  kind: z.string(),
  at: z.string(),
  message_id: z.string(),
  recipient: z.string(),
  details: z.record(z.string(), z.unknown()),
});
const timeline = z.looseObject({ data: z.array(event) });

const filters = ['status', 'from', 'to', 'subject', 'tag', 'stream', 'limit', 'cursor'] as const;

export const listEmails: Command = {
  name: 'emails',
  about: 'lists messages, newest first',
  options: Object.fromEntries(
    filters.map(
      (name) => [name, { type: 'string', value: name.toUpperCase(), about: `by ${name}` }] as const,
    ),
  ),
  async run({ values, api }) {
    const query = queryOf(Object.fromEntries(filters.map((name) => [name, text(values, name)])));
    const answer = await (await api()).ask('GET', `/v1/emails${query}`, emails);
    const rows = answer.data.map((one) => [
      one.created_at,
      one.status,
      one.id,
      one.to.join(' '),
      one.subject,
    ]);
    return { json: answer, text: table(['at', 'status', 'id', 'to', 'subject'], rows) };
  },
};

/** The most telling words of an event: what the peer said, or why. */
export function wordsOf({ details }: z.output<typeof event>): string {
  const reply = z
    .object({ code: z.number(), status: z.string().nullable(), text: z.string() })
    .safeParse(details.reply);
  if (reply.success) {
    const { code, status, text: words } = reply.data;
    return plain([code, status, words].filter(Boolean).join(' '));
  }
  const words = ['diagnostic', 'error', 'text', 'reason', 'entry', 'url', 'subject', 'limit'].flatMap(
    (name) => {
      const value = details[name];
      return typeof value === 'string' && value !== '' ? [value] : [];
    },
  );
  return plain(words[0] ?? '');
}

/** A message with all that happened to it. */
export async function explained(api: Api, id: string) {
  const path = `/v1/emails/${encodeURIComponent(id)}`;
  const [found, { data }] = await Promise.all([
    api.ask('GET', path, email),
    api.ask('GET', `${path}/events`, timeline),
  ]);
  const waits = found.deliveries.flatMap(({ recipient, status, waits_for: why, next_attempt_at: next }) => {
    if (why !== null) return [`${recipient}: ${why}`];
    return next !== null && status === 'deferred' ? [`${recipient}: will be tried again at ${next}`] : [];
  });
  return { message: found, events: data, waits: waits.map(plain) };
}

export const why: Command = {
  name: 'why',
  args: 'ID',
  about: 'tells what happened to a message, and why it is where it is',
  async run({ args, api }) {
    const [id] = args;
    if (id === undefined) throw new Fault('why needs the id of a message');
    const found = await explained(await api(), id);
    const { message, events, waits } = found;
    const states = message.deliveries.map(({ recipient, status, reason }) => [
      recipient,
      status,
      reason ?? '',
    ]);
    const rows = events.map((one) => [one.at, one.kind, one.recipient, wordsOf(one)]);
    const parts = [
      plain(`${message.id}  ${message.subject}`),
      table(['recipient', 'status', 'reason'], states),
      table(['at', 'event', 'recipient', 'what was said'], rows),
      ...(waits.length > 0 ? [waits.join('\n')] : []),
    ];
    return { json: found, text: parts.join('\n\n') };
  },
};
