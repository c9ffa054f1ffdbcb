import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { queryOf } from '../api.ts';
import { type Command, text } from '../command.ts';
import { plain, table } from '../print.ts';
import { event, wordsOf } from './emails.ts';

const feed = z.looseObject({
  data: z.array(event.extend({ cursor: z.string() })),
  next: z.string(),
  has_more: z.boolean(),
});
/** How often it is asked for more. */
const everyMs = 2_000;

export const events: Command = {
  name: 'events',
  about: 'lists events in their order; with --follow it goes on, from now or from --after',
  options: {
    after: { type: 'string', value: 'CURSOR', about: 'begins behind the event with that cursor' },
    limit: { type: 'string', value: 'N', about: 'so many at once' },
    follow: { type: 'boolean', about: 'waits for further ones until it is stopped; with --json a line each' },
  },
  async run({ values, api, say, stop }) {
    const asked = await api();
    const limit = text(values, 'limit');
    const after = text(values, 'after') ?? (values.follow === true ? 'end' : '');
    const ask = (cursor: string) =>
      asked.ask('GET', `/v1/events${queryOf({ after: cursor === '' ? undefined : cursor, limit })}`, feed);
    if (values.follow !== true) {
      const answer = await ask(after);
      const rows = answer.data.map((one) => [one.at, one.kind, one.message_id, one.recipient, wordsOf(one)]);
      return { json: answer, text: table(['at', 'event', 'message', 'recipient', 'what was said'], rows) };
    }
    for (let cursor = after; !stop.aborted; ) {
      const { data, next, has_more: more } = await ask(cursor);
      for (const one of data) {
        const line = [one.at, one.kind, one.message_id, one.recipient, wordsOf(one)];
        say({ json: one, text: plain(line.join('  ')) });
      }
      cursor = next === '' ? cursor : next;
      if (!more) await sleep(everyMs, null, { signal: stop }).catch(() => undefined);
    }
    return null;
  },
};
