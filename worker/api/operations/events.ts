import { eventsAnswer, statsAnswer } from '../answers/events.ts';
import { eventsQuery, statsQuery } from '../queries.ts';
import type { OperationGroup } from './operation.ts';

export const events: OperationGroup = {
  name: 'Events',
  about: 'What happened, one by one and counted.',
  operations: [
    {
      id: 'listEvents',
      method: 'get',
      path: '/v1/events',
      summary: 'Read the account’s events',
      about: 'Every event in the order of the commits, without gaps or doubles.',
      query: eventsQuery,
      answer: { status: 200, about: 'The events after the cursor', schema: eventsAnswer },
      problems: ['invalid_body'],
    },
    {
      id: 'getStats',
      method: 'get',
      path: '/v1/stats',
      summary: 'Read statistics',
      about:
        'How often each event happened, by UTC day, hour (of the last three days), stream, tag, sending domain, class, provider that keeps the mailbox, or reason of a failure; the last 30 days unless told otherwise. Mail in test mode and to the simulator is left out. Of more than 200 tags a day, the rest is counted as `(other)`. By `provider` and `reason` only what is known once a delivery was tried is told.',
      query: statsQuery,
      answer: { status: 200, about: 'The counters', schema: statsAnswer },
      problems: ['invalid_body'],
    },
  ],
};
