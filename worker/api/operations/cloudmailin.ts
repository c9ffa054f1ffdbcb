import { cloudmailinSchema } from '#domain/message/cloudmailin.ts';
import {
  cloudmailinAddresses,
  cloudmailinAnswer,
  cloudmailinOutbound,
  cloudmailinSent,
  cloudmailinStatuses,
} from '../answers/cloudmailin.ts';
import { incomingStatusesQuery } from '../cloudmailin-reads.ts';
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
      answer: { status: 202, about: 'Accepted', schema: cloudmailinAnswer },
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
    {
      id: 'cloudmailinMessage',
      method: 'get',
      path: '/api/v0.1/:username/messages/:id',
      summary: 'Read a sent message',
      about: 'With what happened to it, by CloudMailin’s names.',
      answer: { status: 200, about: 'The message', schema: cloudmailinSent },
      problems: ['not_found'],
      shortErrors: true,
    },
    {
      id: 'cloudmailinAddresses',
      method: 'get',
      path: '/api/v0.1/:username/addresses',
      summary: 'List addresses, as CloudMailin calls them',
      about: 'The webhook endpoints that are told of received mail.',
      answer: { status: 200, about: 'All of them', schema: cloudmailinAddresses },
      problems: ['not_found'],
      shortErrors: true,
    },
    {
      id: 'cloudmailinIncomingStatuses',
      method: 'get',
      path: '/api/v0.1/:username/incoming_statuses',
      summary: 'List what became of received mail',
      about: 'Newest first, once for each endpoint that was told, from the newest 100 mails.',
      query: incomingStatusesQuery,
      answer: { status: 200, about: 'At most 100', schema: cloudmailinStatuses },
      problems: ['invalid_body', 'not_found'],
      shortErrors: true,
    },
    {
      id: 'cloudmailinOutboundMessages',
      method: 'get',
      path: '/api/v0.1/:username/outbound_messages',
      summary: 'List sent messages',
      about: 'The newest 100; `GET /v1/emails` goes further.',
      answer: { status: 200, about: 'At most 100', schema: cloudmailinOutbound },
      problems: ['not_found'],
      shortErrors: true,
    },
  ],
};
