/** @jsxImportSource hono/jsx */
import { raw } from 'hono/html';
import { problemRow } from '#domain/problem.ts';
import { errorsOf, schemaOf } from './openapi.ts';
import { accessOfOperation, type GoodAnswer, type Operation } from './operations/operation.ts';
import { groups } from './operations.ts';

type Json = Record<string, unknown>;

/** The reference of the API as one page: no script, nothing from elsewhere. */
export function ReferencePage({ origin }: { origin: string }) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>API reference · Pennypost</title>
        <style>{raw(style)}</style>
      </head>
      <body>
        <a class="skip" href="#content">
          Skip to content
        </a>
        <nav aria-label="Operations">
          <p class="name">Pennypost API</p>
          {groups.map((group) => (
            <>
              <p class="group">{group.name}</p>
              <ul>
                {group.operations.map((operation) => (
                  <li>
                    <a href={`#${operation.id}`}>{operation.summary}</a>
                  </li>
                ))}
              </ul>
            </>
          ))}
        </nav>
        <main id="content">
          <h1>API reference</h1>
          <p>
            The API is at <code>{origin}</code>. Every call needs a key:{' '}
            <code>Authorization: Bearer pp_live_…</code>. The same as a machine reads it:{' '}
            <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1).
          </p>
          <p>
            Errors are <code>application/problem+json</code> (RFC 9457) with <code>code</code>,{' '}
            <code>detail</code> and <code>errors</code>; every answer has <code>X-Request-ID</code>.
          </p>
          {groups.map((group) => (
            <section aria-label={group.name}>
              <h2>{group.name}</h2>
              <p>{group.about}</p>
              {group.operations.map((operation) => (
                <OperationView operation={operation} />
              ))}
            </section>
          ))}
        </main>
      </body>
    </html>
  );
}

function OperationView({ operation }: { operation: Operation }) {
  const { scope, wholeAccount } = accessOfOperation(operation);
  const { id, method, path, summary, about, parameters, query, headers, body, answer, also } = operation;
  const components: Json = {};
  return (
    <article id={id}>
      <h3>
        <a href={`#${id}`}>{summary}</a>
      </h3>
      <p class="call">
        <span class={`method ${method}`}>{method.toUpperCase()}</span> <code>{breakable(path)}</code>
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
  const rows = fieldsOf(of, components, '', 0);
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

interface Row {
  name: string;
  required: boolean;
  type: string;
  notes: string;
}

const deepest = 2;

function fieldsOf(schema: Json, components: Json, prefix: string, depth: number): Row[] {
  const found = resolve(schema, components);
  if (found.type === 'array') return fieldsOf(found.items as Json, components, `${prefix}[].`, depth);
  const choices = (found.anyOf ?? []) as Json[];
  if (choices.length > 0) return unionOf(choices, components, prefix, depth);
  const required = new Set((found.required ?? []) as string[]);
  return Object.entries((found.properties ?? {}) as Record<string, Json>).flatMap(([name, field]) => {
    const own = resolve(field, components);
    const row: Row = {
      name: prefix + name,
      required: required.has(name),
      type: typeOf(field, components),
      notes: notesOf(own),
    };
    const inner = depth < deepest && hasFields(own, components);
    if (!inner) return [row];
    const path = own.type === 'array' ? `${prefix}${name}` : `${prefix}${name}.`;
    return [row, ...fieldsOf(own, components, path, depth + 1)];
  });
}

/** The fields of several choices: each once, and required when it is so in all of them. */
function unionOf(choices: Json[], components: Json, prefix: string, depth: number): Row[] {
  const rows = choices.map((choice) => fieldsOf(choice, components, prefix, depth));
  const named = (some: Row[], name: string) => some.find((row) => row.name === name);
  const names = new Set(rows.flat().map((row) => row.name));
  return [...names].flatMap((name) => {
    const first = named(rows.flat(), name);
    const required = rows.every((some) => named(some, name)?.required === true);
    return first ? [{ ...first, required }] : [];
  });
}

function hasFields(schema: Json, components: Json): boolean {
  const items = schema.type === 'array' ? resolve(schema.items as Json, components) : schema;
  return items.properties !== undefined;
}

/** The schema that a reference names; of `null or something`, the something. */
function resolve(schema: Json, components: Json): Json {
  const name = typeof schema.$ref === 'string' ? schema.$ref.split('/').at(-1) : undefined;
  if (name) return resolve(components[name] as Json, components);
  const choices = ((schema.anyOf ?? []) as Json[]).filter((choice) => choice.type !== 'null');
  if (choices.length === 1 && choices[0]) return { ...schema, ...resolve(choices[0], components) };
  return schema;
}

function typeOf(schema: Json, components: Json): string {
  const choices = schema.anyOf as Json[] | undefined;
  if (choices) return choices.map((choice) => typeOf(choice, components)).join(' or ');
  const found = resolve(schema, components);
  if (found.const !== undefined) return JSON.stringify(found.const);
  if (Array.isArray(found.enum)) return found.enum.map((value) => JSON.stringify(value)).join(', ');
  if (found.type === 'array') return `array of ${typeOf(found.items as Json, components)}`;
  if (Array.isArray(found.type)) return found.type.join(' or ');
  return String(found.format ?? found.type ?? 'any');
}

function notesOf(schema: Json): string {
  const bounds: [string, string][] = [
    ['maxLength', 'characters at most'],
    ['maxItems', 'at most'],
    ['minimum', 'at least'],
    ['maximum', 'at most'],
  ];
  const said = bounds
    .filter(
      ([key]) => typeof schema[key] === 'number' && Math.abs(Number(schema[key])) < Number.MAX_SAFE_INTEGER,
    )
    .filter(([key]) => key !== 'minimum' || schema[key] !== 0)
    .map(([key, words]) =>
      words.startsWith('char') ? `${schema[key]} ${words}` : `${words} ${schema[key]}`,
    );
  const { default: fallback, description } = schema;
  const simple = ['string', 'number', 'boolean'].includes(typeof fallback) && fallback !== '';
  const parts = [
    ...(typeof description === 'string' ? [description.replaceAll('`', '').replace(/\.$/, '')] : []),
    ...said,
    ...(simple ? [`default ${fallback}`] : []),
  ];
  return parts.length > 0 ? `${parts.join('; ')}.` : '';
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

const style = `
:root { color-scheme: light dark; --text: #1d2433; --soft: #556074; --line: #d9dee7; --paper: #fff; --panel: #f5f7fa; --link: #0b57c2; --get: #0b6b3a; --post: #7a4a00; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e8ef; --soft: #a3adbd; --line: #333c4a; --paper: #12161d; --panel: #1a2029; --link: #86b7ff; --get: #6fd39d; --post: #f0bf6c; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; color: var(--text); background: var(--paper); display: grid; grid-template-columns: 17rem minmax(0, 1fr); }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.5rem 1.25rem; background: var(--panel); border-right: 1px solid var(--line); font-size: .925rem; }
nav ul { list-style: none; margin: 0 0 1rem; padding: 0; }
nav li a { display: block; padding: .2rem 0; text-decoration: none; }
.name { font-weight: 700; font-size: 1.1rem; margin: 0 0 1rem; }
.group { margin: 0 0 .2rem; font-size: .8rem; font-weight: 600; color: var(--soft); }
main { padding: 2rem clamp(1rem, 4vw, 3.5rem) 5rem; max-width: 62rem; }
h1 { margin: 0 0 1rem; font-size: 2rem; line-height: 1.2; }
h2 { margin: 3rem 0 .25rem; font-size: 1.4rem; }
article { margin-top: 1.5rem; padding-top: 1.25rem; border-top: 1px solid var(--line); }
h3 { margin: 0 0 .5rem; font-size: 1.1rem; }
h3 a { color: inherit; text-decoration: none; }
a { color: var(--link); }
a:focus-visible, summary:focus-visible, .scroll:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
code { font: .9em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.call { margin: 0 0 .75rem; padding: .55rem .8rem; background: var(--panel); border: 1px solid var(--line); border-radius: 6px; }
.method { font: 700 .85rem ui-monospace, monospace; margin-right: .4rem; color: var(--post); }
.method.get { color: var(--get); }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
caption { text-align: left; font-weight: 600; padding-bottom: .3rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line); }
td { min-width: 5rem; }
td:last-child { min-width: 9rem; }
th { font-weight: 600; color: var(--soft); }
.required { font-size: .78rem; color: var(--post); white-space: nowrap; }
summary { cursor: pointer; font-weight: 600; font-size: .9rem; width: fit-content; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 1rem; top: 1rem; background: var(--paper); padding: .5rem; }
@media (max-width: 56rem) { body { display: block; } nav { position: static; height: auto; border-right: 0; border-bottom: 1px solid var(--line); } main { padding-top: 1.5rem; } }
`;
