import { cloudmailinSchema } from '#domain/message/cloudmailin.ts';
import * as answers from '../answers.ts';
import { idempotency, type OperationGroup } from './operation.ts';

export const cloudmailin: OperationGroup = {
  name: 'CloudMailin’s dialect',
  about: 'For clients that were written for CloudMailin’s message API.',
  operations: [
    {
      id: 'cloudmailinSend',
      method: 'post',
      path: '/api/v0.1/:username/messages',
      summary: 'Send a message, as CloudMailin’s clients do',
      about: 'The same as `POST /v1/send` under another spelling. `username` must be that of the key.',
      headers: [idempotency],
      body: { type: 'application/json', schema: cloudmailinSchema.meta({ id: 'CloudmailinRequest' }) },
      answer: { status: 202, about: 'Accepted', schema: answers.cloudmailinAnswer },
      problems: [
        'domain_not_allowed',
        'not_found',
        'idempotency_conflict',
        'idempotency_in_flight',
        'all_suppressed',
        'unavailable',
      ],
      shortErrors: true,
    },
  ],
};
