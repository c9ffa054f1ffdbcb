import { credentialAnswer } from '../answers/credentials.ts';
import type { OperationGroup } from './operation.ts';

export const credentials: OperationGroup = {
  name: 'Credentials',
  about: 'API keys; the same pair logs in by SMTP.',
  operations: [
    {
      id: 'getCredential',
      method: 'get',
      path: '/v1/credential',
      summary: 'Read what the key is',
      about: 'For checking a key.',
      answer: { status: 200, about: 'The credential', schema: credentialAnswer },
      problems: [],
    },
  ],
};
