import { z } from 'zod';
import { scopeNames } from '#domain/scope.ts';

export const credentialAnswer = z
  .strictObject({
    username: z.string(),
    environment: z.enum(['live', 'test']),
    scopes: z.array(z.enum(scopeNames)),
    domains: z.array(z.string()).nullable().meta({ description: 'null: every domain of the account.' }),
    sandbox_address: z.string().meta({
      description:
        'From this address the account sends before it has a domain: to the simulator and to its members’ proven addresses.',
    }),
  })
  .meta({ id: 'Credential' });
