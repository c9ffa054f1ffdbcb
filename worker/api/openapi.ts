import { z } from 'zod';
import { type ProblemCode, problemRow } from '#domain/problem.ts';
import { cloudmailinError } from './answers/cloudmailin.ts';
import { problemAnswer, rateLimitAnswer } from './answers/problem.ts';
import { exampleValue } from './operations/example-value.ts';
import { examples } from './operations/examples.ts';
import { accessOfOperation, type GoodAnswer, type Operation } from './operations/operation.ts';
import { groups } from './operations.ts';
import { type WebhookPostDescription, webhookPosts } from './webhook-posts.ts';

type Json = Record<string, unknown>;

/** What any operation may answer. */
const always: ProblemCode[] = [
  'unauthorized',
  'missing_scope',
  'account_suspended',
  'rate_limit_exceeded',
  'internal_error',
];

/**
 * The OpenAPI 3.1 document, made from the schemas that the API runs on.
 * @param origin where the API is, e.g. `https://pennypost.example.workers.dev`
 */
export function openApiDocument(origin: string): Json {
  const components: Json = {};
  const paths: Record<string, Json> = {};
  for (const { name, operations } of groups) {
    for (const operation of operations) {
      const path = templateOf(operation.path);
      const described = { tags: [name], ...describe(operation, components) };
      paths[path] = { ...paths[path], [operation.method]: described };
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Pennypost',
      version: '1',
      summary: 'Transactional email from your own domain.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: origin }],
    security: [{ key: [] }],
    tags: groups.map(({ name, about }) => ({ name, description: about })),
    paths,
    webhooks: Object.fromEntries(
      webhookPosts.map((post) => [post.name, { post: describePost(post, components) }]),
    ),
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'An API key: `pp_live_…` or `pp_test_…`.' },
      },
      schemas: components,
    },
  };
}

/** The errors of an operation by their statuses. */
export function errorsOf(operation: Operation): Map<number, ProblemCode[]> {
  const statusOf = (code: ProblemCode) => {
    const { status } = problemRow(code);
    return operation.shortErrors && [400, 413, 415].includes(status) ? 422 : status;
  };
  const byStatus = Map.groupBy([...always, ...operation.problems], statusOf);
  return new Map([...byStatus].sort(([a], [b]) => a - b));
}

function describe(operation: Operation, components: Json): Json {
  const { id, summary, about, body } = operation;
  const { scope, wholeAccount } = accessOfOperation(operation);
  const limited = wholeAccount ? ' Refused to a key that is limited to some domains.' : '';
  return {
    operationId: id,
    summary,
    description: scope ? `${about}\n\nNeeds a key with the scope \`${scope}\`.${limited}` : about,
    parameters: parametersOf(operation, components),
    ...(body
      ? {
          requestBody: {
            required: true,
            content: {
              [body.type]: {
                schema: schemaOf(body.schema, 'input', components),
                ...exampleOf(examples[id]?.body),
              },
            },
          },
        }
      : {}),
    responses: {
      ...goodAnswers(operation, components),
      ...Object.fromEntries(
        [...errorsOf(operation)].map(([code, codes]) => [
          code,
          errorAnswer(operation, code, codes, components),
        ]),
      ),
    },
  };
}

const standardWebhooks = {
  'webhook-id': 'The same at each try.',
  'webhook-timestamp': 'Unix seconds of this try.',
  'webhook-signature': 'Of Standard Webhooks, over `id.timestamp.body`; several are parted by blanks.',
};

/** What is posted to an endpoint. */
function describePost(
  { name, summary, about, schema, example }: WebhookPostDescription,
  components: Json,
): Json {
  return {
    tags: ['Webhooks'],
    operationId: `on ${name}`.replace(/[^a-z]+(.)/g, (_, next: string) => next.toUpperCase()),
    summary,
    description: about,
    security: [],
    parameters: Object.entries(standardWebhooks).map(([field, description]) => ({
      name: field,
      in: 'header',
      required: true,
      description,
      schema: { type: 'string' },
    })),
    requestBody: {
      required: true,
      content: { 'application/json': { schema: schemaOf(schema, 'output', components), example } },
    },
    responses: {
      '2XX': { description: 'Taken. Of 3xx, 4xx and 5xx it is tried again.' },
      '410': { description: 'The endpoint is gone: it is disabled.' },
    },
  };
}

/** Those of one status are told together. */
function goodAnswers({ id, answer, also }: Operation, components: Json): Record<string, Json> {
  const all = also ? [answer, also] : [answer];
  const contentOf = ({ schema, type }: GoodAnswer) => {
    if (!schema) return {};
    const made = schemaOf(schema, 'output', components);
    const example = type === undefined ? exampleValue(made, components, examples[id]?.told) : undefined;
    return { [type ?? 'application/json']: { schema: made, ...exampleOf(example) } };
  };
  return Object.fromEntries(
    [...Map.groupBy(all, ({ status }) => status)].map(([status, some]) => {
      const content: Json = Object.assign({}, ...some.map(contentOf));
      const description = some.map(({ about }) => about).join(', or: ');
      return [status, { description, ...(Object.keys(content).length > 0 ? { content } : {}) }];
    }),
  );
}

function errorAnswer(operation: Operation, status: number, codes: ProblemCode[], components: Json): Json {
  const long = status === 429 ? rateLimitAnswer : problemAnswer;
  const type = operation.shortErrors ? 'application/json' : 'application/problem+json';
  const about = codes.map((code) => `\`${code}\`: ${problemRow(code).title}.`).join(' ');
  const retry = { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer' } } };
  return {
    description: about,
    ...(status === 429 ? { headers: retry } : {}),
    content: {
      [type]: { schema: schemaOf(operation.shortErrors ? cloudmailinError : long, 'output', components) },
    },
  };
}

function parametersOf(operation: Operation, components: Json): Json[] {
  const names = [...operation.path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
  const about = operation.parameters ?? {};
  const query = operation.query ? schemaOf(operation.query, 'input', components) : {};
  const required = new Set((query.required ?? []) as string[]);
  const example = examples[operation.id];
  return [
    ...names.map((name) => ({
      name,
      in: 'path',
      required: true,
      ...(about[name] ? { description: about[name] } : {}),
      schema: { type: 'string' },
      ...exampleOf(example?.path?.[name]),
    })),
    ...Object.entries((query.properties ?? {}) as Record<string, Json>).map(
      ([name, { description, ...schema }]) => ({
        name,
        in: 'query',
        required: required.has(name),
        ...(description ? { description } : {}),
        schema,
        ...exampleOf(typedAs(schema.type, example?.query?.[name])),
      }),
    ),
    ...(operation.headers ?? []).map((header) => ({
      name: header.name,
      in: 'header',
      description: header.about,
      schema: { type: 'string' },
    })),
  ];
}

const exampleOf = (example: unknown) => (example === undefined ? {} : { example });

/** What stands in a query, as the schema's type has it. */
function typedAs(type: unknown, text: string | undefined): unknown {
  if (text === undefined) return undefined;
  if (type === 'integer' || type === 'number') return Number(text);
  if (type === 'array') return [text];
  return type === 'boolean' ? text === 'true' : text;
}

/** JSON Schema of a zod schema; those with an id become components. */
export function schemaOf(schema: z.ZodType, io: 'input' | 'output', components: Json): Json {
  const made: Json = z.toJSONSchema(schema, {
    io,
    target: 'draft-2020-12',
    unrepresentable: 'any',
    reused: 'inline',
    override: ({ jsonSchema }) => simplify(jsonSchema as Json),
  });
  const { $schema: _, $defs, id, ...rest } = made;
  for (const [name, definition] of Object.entries(($defs ?? {}) as Json)) {
    components[name] = relocate(definition);
  }
  const own = relocate(rest);
  if (typeof id !== 'string') return own;
  components[id] = own;
  return { $ref: `#/components/schemas/${id}` };
}

/** Says in OpenAPI's words what the schemas' own words cannot. */
function simplify(schema: Json): void {
  if (schema.format !== undefined) delete schema.pattern; // the format says it for people
  tellDefault(schema);
  if (schema.oneOrMany !== true) return;
  const { items, maxItems } = schema;
  for (const name of ['oneOrMany', 'type', 'items', 'maxItems']) delete schema[name];
  schema.anyOf = [items, { type: 'array', items, maxItems }];
}

/** A default is told in words: makers of typed clients take a member that has one for one that must be there. */
function tellDefault(schema: Json): void {
  const { default: fallback, description } = schema;
  delete schema.default;
  const tells = ['string', 'number', 'boolean'].includes(typeof fallback) && fallback !== '';
  if (!tells || String(description).includes('Default: ')) return;
  schema.description = [description, `Default: \`${fallback}\`.`].filter(Boolean).join(' ');
}

/** References to components, and no ids beside them. */
function relocate(value: unknown): Json {
  const walk = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(walk);
    if (typeof part !== 'object' || part === null) return part;
    const entries = Object.entries(part).filter(
      ([name, inner]) => name !== 'id' || typeof inner !== 'string',
    );
    return Object.fromEntries(
      entries.map(([name, inner]) => [
        name,
        name === '$ref' ? String(inner).replace('#/$defs/', '#/components/schemas/') : walk(inner),
      ]),
    );
  };
  return walk(value) as Json;
}

function templateOf(path: string): string {
  return path.replace(/:(\w+)/g, '{$1}');
}
