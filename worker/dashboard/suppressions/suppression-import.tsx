import { z } from 'zod';
import { Problem } from '#domain/problem.ts';
import { callApi } from '../../api/own-api.ts';
import { importLimits } from '../../api/suppressions.ts';
import type { Call } from '../../http/app.ts';
import { textOfFile } from '../../http/text-file.ts';
import { Card } from '../../pages/blocks.tsx';
import { Area, Field, Fields } from '../../pages/forms.tsx';
import { bytes, number } from '../../pages/parts.tsx';
import type { Form } from '../board.tsx';

/** Importing suppressions from a file or from pasted text: first what it would do, then doing it. */

/**
 * Largest file that these pages take. It goes to the second step inside of the page that shows the first, so it is
 * less than the API takes.
 */
const mostBytes = 2 * 1024 * 1024;
const advice = `The file is larger than ${bytes(mostBytes)}, the most that this page takes. Import it in parts, or send it to POST /v1/suppressions/import, which takes ${bytes(importLimits.bytes)}.`;

/** Largest form: the file, with CRLF for each LF in the second step, and what multipart/form-data puts around it. */
export const uploadLimit = { bytes: mostBytes + 256 * 1024, advice };

/** What an import came to, or would. */
export const answerSchema = z.object({
  format: z.string(),
  committed: z.boolean(),
  rows: z.number(),
  new: z.number(),
  already_suppressed: z.number(),
  doubles: z.number(),
  invalid: z.number(),
  errors: z.array(z.object({ line: z.number(), detail: z.string() })),
  warnings: z.array(z.object({ line: z.number(), detail: z.string() })),
});

export interface Imported {
  /** The file again, for the second step; null: it is done. */
  csv: string | null;
  answer: z.output<typeof answerSchema>;
}

/**
 * The file of a form, or the text that was pasted instead.
 * @throws Problem when there is neither, both, too much, or a file that is not in UTF-8
 */
export async function readCsv(form: Form): Promise<string> {
  const file = form.file('file');
  const pasted = form.text('csv');
  if (file !== null && pasted !== '') throw wrong('/file', 'Choose a file or paste its text, not both.');
  if (file === null && pasted === '') throw wrong('/file', 'Choose a file, or paste its text.');
  // A browser makes CRLF of every line end in a field (HTML §4.10.22.4): the size is that of the file before it.
  const text = (file === null ? pasted : await textOf(file)).replaceAll('\r\n', '\n');
  if (new TextEncoder().encode(text).length > mostBytes) throw new Problem('too_large', advice);
  return text;
}

async function textOf(file: File): Promise<string> {
  const text = textOfFile(await file.bytes());
  if (text !== null) return text;
  throw wrong('/file', `The file ${file.name.slice(0, 100)} is no CSV in UTF-8 or UTF-16.`);
}

function wrong(pointer: string, detail: string): Problem {
  return new Problem('invalid_body', detail, { errors: [{ pointer, detail }] });
}

/** Has the API say what the file would do, or do it. */
export async function runImport(
  c: Call,
  accountId: number,
  csv: string,
  { commit }: { commit: boolean },
): Promise<z.output<typeof answerSchema>> {
  return await callApi(
    c,
    accountId,
    {
      method: 'POST',
      path: `/suppressions/import?commit=${commit}`,
      raw: { type: 'text/csv', content: `${csv}\n` },
    },
    answerSchema,
  );
}

/** So many octets of what was not understood are shown after the import: the page before has shown more. */
const briefBytes = 1_500;

/** Of an answer what fits into what a page shows once. */
export function briefly(answer: z.output<typeof answerSchema>): z.output<typeof answerSchema> {
  let left = briefBytes;
  const fits = (one: { line: number; detail: string }) => {
    left -= new TextEncoder().encode(JSON.stringify(one)).length;
    return left >= 0;
  };
  return { ...answer, errors: answer.errors.filter(fits), warnings: answer.warnings.filter(fits) };
}

export function Import() {
  return (
    <Card id="import" title="Import">
      <Fields action="/suppressions/import" submit="Preview" plain upload>
        <Field
          label="CSV file"
          name="file"
          type="file"
          accept=".csv,text/csv"
          required={false}
          hint={`An export of SendGrid, Mailgun, Postmark, Resend, SES or of ours: at most ${bytes(mostBytes)} and ${number(importLimits.rows)} rows. You see what would happen first.`}
        />
        <Area label="Or its text" name="csv" required={false} />
      </Fields>
    </Card>
  );
}

export function Preview({ imported: { csv, answer } }: { imported: Imported }) {
  const facts = [
    ['Format', answer.format],
    ['Rows', number(answer.rows)],
    [answer.committed ? 'Newly suppressed' : 'Would be suppressed', number(answer.new)],
    ['Suppressed before', number(answer.already_suppressed)],
    ['More than once in the file', number(answer.doubles)],
    ['Not understood', number(answer.invalid)],
  ] as const;
  return (
    <Card id="preview" title={answer.committed ? 'Imported' : 'What the import would do'}>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </>
        ))}
      </dl>
      {answer.errors.length + answer.warnings.length > 0 && (
        <ul class="plain small">
          {[...answer.errors, ...answer.warnings].slice(0, 20).map(({ line, detail }) => (
            <li>
              line {line}: {detail}
            </li>
          ))}
        </ul>
      )}
      {csv !== null && (
        <form method="post" action="/suppressions/import" enctype="multipart/form-data">
          <input type="hidden" name="csv" value={csv} />
          <input type="hidden" name="commit" value="true" />
          <button type="submit" class="primary">
            Import now
          </button>
        </form>
      )}
    </Card>
  );
}
