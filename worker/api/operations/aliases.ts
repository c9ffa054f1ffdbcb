import { aliasChange, aliasesQuery, newAlias, newSharedAlias } from '../aliases.ts';
import { aliasAnswer, aliasesAnswer } from '../answers/aliases.ts';
import { jsonProblems, type Operation, type OperationGroup } from './operation.ts';

const parameters = { id: 'The number of the alias.' };

/** The operations below a path. @param name how those of the installation's shared domain are told apart */
function operationsAt(path: string, name: '' | 'Shared'): Operation[] {
  const note = name === '' ? '' : ` The same as below /v1/aliases; the domain need not be named.`;
  return [
    {
      id: `list${name}Aliases`,
      method: 'get',
      path,
      summary: 'List aliases',
      about: `Those of the account, newest first, whichever domain they are at.${note}`,
      query: aliasesQuery,
      answer: { status: 200, about: 'A page', schema: aliasesAnswer },
      problems: ['invalid_body'],
    },
    {
      id: `create${name}Alias`,
      method: 'post',
      path,
      summary: 'Make an alias',
      about: `Each address that it is to be sent on to gets a mail with a link, once for all aliases of the account; at most five new ones a day. Until it is followed, mail is put off (450) for a day, then refused.${note}`,
      body: {
        type: 'application/json',
        schema: (name === '' ? newAlias : newSharedAlias).meta({ id: `New${name}Alias` }),
      },
      answer: { status: 201, about: 'The alias', schema: aliasAnswer },
      problems: [...jsonProblems, 'conflict', 'unavailable'],
    },
    {
      id: `get${name}Alias`,
      method: 'get',
      path: `${path}/:id`,
      summary: 'Read an alias',
      about: `With its counters, and who has agreed to get its mail.${note}`,
      parameters,
      answer: { status: 200, about: 'The alias', schema: aliasAnswer },
      problems: ['not_found'],
    },
    {
      id: `change${name}Alias`,
      method: 'patch',
      path: `${path}/:id`,
      summary: 'Change an alias',
      about: `Fields that are left out stay. \`active: false\` switches it off: mail to it is refused.${note}`,
      parameters,
      body: { type: 'application/json', schema: aliasChange.meta({ id: 'AliasChange' }) },
      answer: { status: 200, about: 'The alias as it is now', schema: aliasAnswer },
      problems: [...jsonProblems, 'not_found', 'conflict', 'unavailable'],
    },
    {
      id: `delete${name}Alias`,
      method: 'delete',
      path: `${path}/:id`,
      summary: 'Remove an alias',
      about: `Its address is free then, and mail to it is refused.${note}`,
      parameters,
      answer: { status: 204, about: 'It is gone', schema: null },
      problems: ['not_found'],
    },
  ];
}

export const aliases: OperationGroup = {
  name: 'Aliases',
  about: 'Addresses of domains of type alias, whose mail is sent on, masked or as it came.',
  operations: [
    ...operationsAt('/v1/aliases', ''),
    {
      id: 'askDestinations',
      method: 'post',
      path: '/v1/aliases/:id/verify',
      summary: 'Ask destinations once more',
      about:
        'Those of the alias that have not agreed yet get another mail; a day after the last one at the earliest.',
      parameters,
      answer: { status: 200, about: 'The alias', schema: aliasAnswer },
      problems: ['not_found', 'unavailable'],
    },
    ...operationsAt('/v1/shield/aliases', 'Shared'),
  ],
};
