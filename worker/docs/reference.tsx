/** @jsxImportSource hono/jsx */
import { problemRow } from '#domain/problem.ts';
import { errorsOf, schemaOf } from '../api/openapi.ts';
import {
  accessOfOperation,
  type GoodAnswer,
  type Operation,
  type OperationGroup,
} from '../api/operations/operation.ts';
import { callExample } from './call-example.ts';
import { fieldsOf, typeOf } from './schema-fields.ts';

type Json = Record<string, unknown>;

/** What the last part of a group's address is: its name in letters that need no coding. */
export function groupSlug({ name }: OperationGroup): string {
  return name
    .toLowerCase()
    .replace(/[^a-z ]/g, '')
    .replaceAll(' ', '-');
}

/** Where a group's page is. */
export function groupHref(group: OperationGroup): string {
  return `/docs/api/${groupSlug(group)}`;
}

/** What all calls have in common, and where each is. */
export function ReferenceOverview({ origin, groups }: { origin: string; groups: readonly OperationGroup[] }) {
  return (
    <>
      <h1>API reference</h1>
      <p>
        The API is at <code>{origin}</code>. Every call needs a key:{' '}
        <code>Authorization: Bearer pp_live_…</code>. The same as a machine reads it:{' '}
        <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1).
      </p>
      <p>
        Errors are <code>application/problem+json</code> (RFC 9457) with <code>code</code>,{' '}
        <code>detail</code> and <code>errors</code>; every answer has <code>X-Request-ID</code>. They are told
        in <a href="/docs/errors">Errors</a>.
      </p>
      {groups.map((group) => (
        <>
          <h2 id={groupSlug(group)}>
            <a href={groupHref(group)}>{group.name}</a>
          </h2>
          <p>{marked(group.about)}</p>
          <ul class="calls">
            {group.operations.map((operation) => (
              <li>
                <a href={`${groupHref(group)}#${operation.id}`}>{operation.summary}</a>
                <span class="call-line">
                  <Call operation={operation} />
                </span>
              </li>
            ))}
          </ul>
        </>
      ))}
    </>
  );
}

/** The calls of one group, in full. */
export function ReferenceGroup({ group, origin }: { group: OperationGroup; origin: string }) {
  return (
    <>
      <h1>{group.name}</h1>
      <p>{marked(group.about)}</p>
      {group.operations.length > 1 && (
        <ul class="contents">
          {group.operations.map(({ id, summary }) => (
            <li>
              <a href={`#${id}`}>{summary}</a>
            </li>
          ))}
        </ul>
      )}
      {group.operations.map((operation) => (
        <OperationView operation={operation} origin={origin} />
      ))}
    </>
  );
}

function Call({ operation: { method, path } }: { operation: Operation }) {
  return (
    <>
      <span class={`method ${method}`}>{method.toUpperCase()}</span> <code>{breakable(path)}</code>
    </>
  );
}

function OperationView({ operation, origin }: { operation: Operation; origin: string }) {
  const { scope, wholeAccount } = accessOfOperation(operation);
  const { id, summary, about, parameters, query, headers, body, answer, also } = operation;
  const components: Json = {};
  return (
    <article>
      <h2 id={id}>
        <a href={`#${id}`}>{summary}</a>
      </h2>
      <p class="call">
        <Call operation={operation} />
      </p>
      <p>
        {marked(about)}
        {scope && (
          <>
            {' '}
            Needs the scope <code>{scope}</code>
            {wholeAccount && ', and no limit to domains'}.
          </>
        )}
      </p>
      <Example operation={operation} origin={origin} />
      {parameters && (
        <Table
          label={summary}
          title="Path"
          head={['name', 'meaning']}
          rows={Object.entries(parameters).map(([name, meaning]) => [<code>{name}</code>, meaning])}
        />
      )}
      {query && (
        <Fields
          label={summary}
          title="Query"
          of={schemaOf(query, 'input', components)}
          components={components}
        />
      )}
      {headers && (
        <Table
          label={summary}
          title="Headers"
          head={['name', 'meaning']}
          rows={headers.map((one) => [<code>{one.name}</code>, one.about])}
        />
      )}
      {body && (
        <Fields
          label={summary}
          title={`Body: ${body.type}`}
          of={schemaOf(body.schema, 'input', components)}
          components={components}
        />
      )}
      {(also ? [answer, also] : [answer]).map((one) => (
        <AnswerView label={summary} answer={one} />
      ))}
      <details>
        <summary>Errors</summary>
        <Table
          label={summary}
          title=""
          head={['status', 'code', 'meaning']}
          rows={[...errorsOf(operation)].flatMap(([status, codes]) =>
            codes.map((code) => [String(status), <code>{code}</code>, problemRow(code).title]),
          )}
        />
      </details>
    </article>
  );
}

function Example({ operation, origin }: { operation: Operation; origin: string }) {
  const example = callExample(operation, origin);
  if (!example) return null;
  const { curl, file, answer } = example;
  return (
    <>
      <CodeBlock text={curl} />
      {file && (
        <>
          <p>
            with <code>{file.name}</code>
          </p>
          <CodeBlock text={file.text} />
        </>
      )}
      {answer && (
        <>
          <p>answers {operation.answer.status} and, for example,</p>
          <CodeBlock text={answer} />
        </>
      )}
    </>
  );
}

function CodeBlock({ text }: { text: string }) {
  return (
    <div class="code">
      <pre tabindex={0}>
        <code>{text}</code>
      </pre>
    </div>
  );
}

function AnswerView({ label, answer }: { label: string; answer: GoodAnswer }) {
  const { status, about, schema, type } = answer;
  const title = `Answer: ${status} ${about.replaceAll('`', '')}${type ? ` (${type})` : ''}`;
  if (!schema) return <p class="plain">{title}, without a body</p>;
  const components: Json = {};
  return (
    <Fields label={label} title={title} of={schemaOf(schema, 'output', components)} components={components} />
  );
}

type Cell = string | ReturnType<typeof breakable> | ReturnType<typeof OperationView>;

function Table({
  title,
  label,
  head,
  rows,
}: {
  title: string;
  /** Tells this region from those of other operations. */
  label: string;
  head: string[];
  rows: Cell[][];
}) {
  return (
    <section class="scroll" aria-label={`${label}: ${title || 'errors'}`} tabindex={0}>
      <table>
        {title && <caption>{title}</caption>}
        <thead>
          <tr>
            {head.map((name) => (
              <th scope="col">{name}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>
              {row.map((cell) => (
                <td>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** The fields of a schema; those of nested ones with their path. */
function Fields({
  title,
  label,
  of,
  components,
}: {
  title: string;
  label: string;
  of: Json;
  components: Json;
}) {
  const rows = fieldsOf(of, components);
  if (rows.length === 0) {
    return (
      <p class="plain">
        {title}: {typeOf(of, components)}
      </p>
    );
  }
  return (
    <Table
      label={label}
      title={title}
      head={['field', 'type', 'notes']}
      rows={rows.map((row) => [
        <>
          <code>{breakable(row.name)}</code>
          {row.required && <span class="required"> required</span>}
        </>,
        row.type,
        row.notes,
      ])}
    />
  );
}

/** Text with what stands between backticks as code. */
function marked(text: string) {
  return <>{text.split('`').map((part, i) => (i % 2 === 1 ? <code>{part}</code> : part))}</>;
}

/** A path or name that may be broken after its marks on a narrow screen. */
function breakable(text: string) {
  return (
    <>
      {text.split(/(?<=[/_.])/).map((part) => (
        <>
          {part}
          <wbr />
        </>
      ))}
    </>
  );
}
