import { schemaOf } from '../api/openapi.ts';
import { exampleValue } from '../api/operations/example-value.ts';
import { examples } from '../api/operations/examples.ts';
import type { Operation } from '../api/operations/operation.ts';

/** A call as one types it, and what it answers. */
export interface CallExample {
  /** For a shell; the key is `$KEY`. */
  curl: string;
  /** The file that the command sends; null: none. */
  file: { name: string; text: string } | null;
  /** JSON; null: the answer has no body, or another. */
  answer: string | null;
}

/** Null when the table has none for the operation, which a test forbids. */
export function callExample(operation: Operation, origin: string): CallExample | null {
  const { id, method, path, body, answer } = operation;
  const example = examples[id];
  if (!example) return null;
  const filled = path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(example.path?.[name] ?? ''));
  const query = new URLSearchParams(example.query ?? {}).toString();
  const sends = example.file !== undefined ? `@${example.file}` : JSON.stringify(example.body, null, 2);
  const lines = [
    `curl ${method === 'get' || (method === 'post' && body) ? '' : `-X ${method.toUpperCase()} `}${quoted(`${origin}${filled}${query && `?${query}`}`)}`,
    '-H "Authorization: Bearer $KEY"',
    ...(body ? [`-H ${quoted(`Content-Type: ${body.type}`)}`] : []),
    ...(body ? [`${example.file !== undefined ? '--data-binary' : '-d'} ${quoted(sends)}`] : []),
  ];
  const components: Record<string, unknown> = {};
  const isJson = answer.schema !== null && answer.type === undefined;
  return {
    curl: lines.join(' \\\n  '),
    file: example.file === undefined ? null : { name: example.file, text: String(example.body) },
    answer:
      isJson && answer.schema
        ? JSON.stringify(
            exampleValue(schemaOf(answer.schema, 'output', components), components, example.told),
            null,
            2,
          )
        : null,
  };
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
