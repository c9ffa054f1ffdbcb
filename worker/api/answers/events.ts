import { z } from 'zod';
import { eventKinds, eventSchema } from '#domain/delivery/event.ts';
import { classNames } from '#domain/message/class.ts';
import { dimensions } from '#domain/stats.ts';
import { count } from './scalars.ts';

const event = z.strictObject(eventSchema.shape);
export const timelineAnswer = z
  .strictObject({
    data: z.array(event.meta({ id: 'Event' })),
    events: z
      .array(event.extend({ event_type: z.string() }))
      .meta({ description: 'The same, each with a name of the form `email.…`.' }),
  })
  .meta({ id: 'Timeline' });
export const eventsAnswer = z
  .strictObject({
    data: z.array(event.extend({ cursor: z.string() }).meta({ id: 'EventOfFeed' })),
    next: z.string().meta({ description: 'The `after` of the next call.' }),
    has_more: z.boolean().meta({
      description:
        'Call again now. A page may be short, or empty, although there is more: what is purged is passed by.',
    }),
  })
  .meta({ id: 'EventFeed' });

const counts = Object.fromEntries(eventKinds.map((kind) => [kind, count]));
export const statsAnswer = z
  .strictObject({
    by: z.enum(dimensions),
    from: z.iso.date(),
    to: z.iso.date(),
    complete: z.boolean().meta({
      description: 'false: so much has happened just now that not all of it is counted yet; ask again.',
    }),
    data: z.array(
      z
        .strictObject({
          day: z.iso.date().optional(),
          stream: z.string().optional(),
          tag: z.string().optional(),
          domain: z.string().optional(),
          class: z.enum(classNames).optional(),
          ...counts,
        })
        .meta({ id: 'StatsRow', description: 'How often each event happened. Named by what was asked for.' }),
    ),
  })
  .meta({ id: 'Stats' });
