import { auditAnswer } from '../answers/audit.ts';
import { auditQuery } from '../audit.ts';
import type { OperationGroup } from './operation.ts';

export const audit: OperationGroup = {
  name: 'Audit log',
  about: 'Who did what in the account, and from where.',
  operations: [
    {
      id: 'listAuditEntries',
      method: 'get',
      path: '/v1/audit',
      summary: 'Read the audit log',
      about:
        'Sign-ins, keys, members, domains, webhooks, suppressions, settings and calls of the operator, newest first, kept 90 days. Go on with `cursor` as long as there is a `next`.',
      query: auditQuery,
      answer: { status: 200, about: 'A page', schema: auditAnswer },
      problems: ['invalid_body'],
    },
  ],
};
