import { z } from 'zod';
import { importFormats } from '#domain/suppression/suppression-import.ts';
import {
  importAnswer,
  suppressionAnswer,
  suppressionCheckAnswer,
  suppressionsAnswer,
} from '../answers/suppressions.ts';
import {
  importQuery,
  newSuppression,
  suppressionCheckQuery,
  suppressionRemoval,
  suppressionsQuery,
} from '../suppressions.ts';
import { jsonProblems, type OperationGroup } from './operation.ts';

/** Whose exports are understood. */
const importSources = [...new Set(importFormats.map(({ name }) => name.split(' ')[0]))]
  .filter((name) => name !== 'pennypost')
  .join(', ');

export const suppressions: OperationGroup = {
  name: 'Suppressions',
  about: 'Addresses that are not mailed.',
  operations: [
    {
      id: 'listSuppressions',
      method: 'get',
      path: '/v1/suppressions',
      summary: 'List suppressions',
      about: 'Newest first.',
      query: suppressionsQuery,
      answer: { status: 200, about: 'A page', schema: suppressionsAnswer },
      problems: ['invalid_body'],
    },
    {
      id: 'checkSuppression',
      method: 'get',
      path: '/v1/suppressions/check',
      summary: 'Check an address',
      about: 'Whether exactly this address is suppressed, and the proof.',
      query: suppressionCheckQuery,
      answer: { status: 200, about: 'Its entries', schema: suppressionCheckAnswer },
      problems: ['invalid_body'],
    },
    {
      id: 'createSuppression',
      method: 'post',
      path: '/v1/suppressions',
      summary: 'Suppress an address',
      about: 'Replaces the entry of this address and scope, if there is one.',
      body: { type: 'application/json', schema: newSuppression.meta({ id: 'NewSuppression' }) },
      answer: { status: 201, about: 'The entry', schema: suppressionAnswer },
      problems: jsonProblems,
    },
    {
      id: 'deleteSuppression',
      method: 'delete',
      path: '/v1/suppressions/:email',
      summary: 'Let an address be mailed again',
      about: 'Removes its entries: all of them, or that of one scope.',
      query: suppressionRemoval,
      answer: { status: 204, about: 'They are gone', schema: null },
      problems: ['invalid_body', 'not_found'],
    },
    {
      id: 'importSuppressions',
      method: 'post',
      path: '/v1/suppressions/import',
      summary: 'Import suppressions',
      about: `Reads a CSV export of ours or of ${importSources}, and says what it would do; \`commit=true\` does it.`,
      query: importQuery,
      body: { type: 'text/csv', schema: z.string() },
      answer: { status: 200, about: 'What it comes to', schema: importAnswer },
      problems: ['invalid_body', 'too_large', 'unsupported_media_type'],
    },
    {
      id: 'exportSuppressions',
      method: 'get',
      path: '/v1/suppressions/export',
      summary: 'Export suppressions',
      about: 'All of them, oldest first; what an import takes.',
      answer: { status: 200, about: 'A CSV file with a header', schema: z.string(), type: 'text/csv' },
      problems: [],
    },
  ],
};
