import { timelineAnswer } from '../answers/events.ts';
import {
  cancelAnswer,
  changedEmailAnswer,
  emailAnswer,
  emailsAnswer,
  requestsAnswer,
} from '../answers/messages.ts';
import { emailChange } from '../emails.ts';
import { listQuery } from '../queries.ts';
import { requestsQuery } from '../requests.ts';
import { jsonProblems, type OperationGroup } from './operation.ts';

export const messages: OperationGroup = {
  name: 'Messages',
  about: 'What was sent, and where it is.',
  operations: [
    {
      id: 'listEmails',
      method: 'get',
      path: '/v1/emails',
      summary: 'List messages',
      about: 'Newest first. Go on with `cursor` as long as there is a `next`.',
      query: listQuery,
      answer: { status: 200, about: 'A page', schema: emailsAnswer },
      problems: ['invalid_body'],
    },
    {
      id: 'getEmail',
      method: 'get',
      path: '/v1/emails/:id',
      summary: 'Read a message',
      about: 'With the state of each recipient’s delivery.',
      answer: { status: 200, about: 'The message', schema: emailAnswer },
      problems: ['not_found'],
    },
    {
      id: 'getEmailEvents',
      method: 'get',
      path: '/v1/emails/:id/events',
      summary: 'Read what happened to a message',
      about: 'Oldest first.',
      answer: { status: 200, about: 'Its events', schema: timelineAnswer },
      problems: ['not_found'],
    },
    {
      id: 'rescheduleEmail',
      method: 'patch',
      path: '/v1/emails/:id',
      summary: 'Send a message at another time',
      about: 'Of one that still waits for its `send_at`. A time that is over sends it now.',
      body: { type: 'application/json', schema: emailChange.meta({ id: 'EmailChange' }) },
      answer: { status: 200, about: 'The message as it is now', schema: changedEmailAnswer },
      problems: [...jsonProblems, 'not_found', 'conflict'],
    },
    {
      id: 'cancelEmail',
      method: 'post',
      path: '/v1/emails/:id/cancel',
      summary: 'Cancel a message',
      about: 'Calls back what no node has taken yet.',
      answer: { status: 200, about: 'The message as it is now', schema: cancelAnswer },
      problems: ['not_found', 'conflict'],
    },
    {
      id: 'listRequests',
      method: 'get',
      path: '/v1/requests',
      summary: 'List submissions and why what was refused was',
      about:
        'What came by HTTP and SMTP with one of the account’s keys in the last seven days, newest first, with the answer. Go on with `cursor` as long as there is a `next`.',
      query: requestsQuery,
      answer: { status: 200, about: 'A page', schema: requestsAnswer },
      problems: ['invalid_body'],
    },
  ],
};
