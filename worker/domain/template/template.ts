import { z } from 'zod';
import { mailbox, oneLine } from '../message/submission.ts';
import { Problem } from '../problem.ts';

/** Limits of templates; the API's schemas, the pages and the documentation read them here. */
export const templateLimits = {
  nameCharacters: 191,
  slugCharacters: 100,
  descriptionCharacters: 1000,
  subjectCharacters: 2000,
  /** Of subject, HTML and text together, UTF-8. */
  sourceBytes: 1024 * 1024,
  variables: 200,
  variableCharacters: 100,
  defaultCharacters: 16 * 1024,
  templates: 1000,
  /** Of one template; the oldest go first. */
  versions: 50,
} as const;

/** What a template is: content of its own, or what stands around the content of others. */
export const templateKinds = ['template', 'layout'] as const;
export type TemplateKind = (typeof templateKinds)[number];

export const variableTypes = ['string', 'number', 'boolean', 'list', 'object'] as const;
export type VariableType = (typeof variableTypes)[number];

/** A variable that a template declares. Without a default it must be given. */
export interface Variable {
  name: string;
  type: VariableType;
  default?: unknown;
}

/** The content of one version. */
export interface TemplateContent {
  subject: string;
  htmlBody: string | null;
  textBody: string | null;
  variables: Variable[];
  /** The number of the layout around it; null: none. */
  layoutId: number | null;
  /** Who the mail is from where the message does not say; null: it must. */
  from: string | null;
  replyTo: string[];
}

export const slugSchema = z
  .string()
  .min(2)
  .max(templateLimits.slugCharacters)
  .regex(
    /^[a-z0-9][a-z0-9-]*[a-z0-9]$/,
    'must be made of a-z, 0-9 and hyphens, and begin and end with a letter or digit',
  );

/** A slug that a name comes to; '' when nothing of the name can stand in one. */
export function slugOf(name: string): string {
  const slug = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, templateLimits.slugCharacters)
    .replace(/^-+|-+$/g, '');
  return slug.length < 2 ? '' : slug;
}

const typeOf = (value: unknown): VariableType | 'null' => {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'list';
  const type = typeof value;
  return type === 'string' || type === 'number' || type === 'boolean' ? type : 'object';
};

const variable = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(templateLimits.variableCharacters)
      .regex(
        /^[^\s!"#%&'()*+,./;<=>@[\\\]^`{|}~]+$/,
        'must be a name such as first_name, without blanks and dots',
      ),
    type: z.enum(variableTypes).default('string'),
    default: z
      .unknown()
      .optional()
      .meta({ description: 'Stands where the variable is not given; left out: it must be given.' }),
  })
  .superRefine(({ name, type, default: value }, context) => {
    if (value === undefined) return;
    const fault = (message: string) => context.addIssue({ code: 'custom', path: ['default'], message });
    if (typeOf(value) !== type) fault(`must be a ${type}, as ${name} is declared`);
    else if (JSON.stringify(value).length > templateLimits.defaultCharacters)
      fault(`may have at most ${templateLimits.defaultCharacters} characters`);
  });

export const variablesSchema = z
  .array(variable)
  .max(templateLimits.variables)
  .refine(
    (list) => new Set(list.map(({ name }) => name)).size === list.length,
    'must name each variable once',
  );

/** The fields of a template's content, as the API has them. */
export const contentFields = {
  subject: oneLine(templateLimits.subjectCharacters),
  html_body: z.string().nullable(),
  text_body: z.string().nullable(),
  variables: variablesSchema,
  from: z
    .string()
    .nullable()
    .superRefine((text, context) => {
      const fault = text === null ? null : mailbox.safeParse(text).error?.issues[0]?.message;
      if (fault) context.addIssue({ code: 'custom', message: fault });
    }),
  reply_to: z
    .array(
      z.string().superRefine((text, context) => {
        const fault = mailbox.safeParse(text).error?.issues[0]?.message;
        if (fault) context.addIssue({ code: 'custom', message: fault });
      }),
    )
    .max(10),
};

/**
 * What is given for the variables, with the defaults of those that are not.
 * @throws Problem 400 that names each variable that is missing or of another type
 */
export function filledVariables(
  declared: readonly Variable[],
  given: Readonly<Record<string, unknown>>,
  root = '/variables',
): Record<string, unknown> {
  // A map without a prototype: `__proto__` is a name like any other.
  const values: Record<string, unknown> = Object.assign(Object.create(null), given);
  const errors = declared.flatMap(({ name, type, default: fallback }) => {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (value === undefined || value === null) {
      if (fallback !== undefined) {
        values[name] = fallback;
        return [];
      }
      return [
        { pointer: pointerTo(root, name), detail: `is missing: the template needs ${name}, a ${type}` },
      ];
    }
    if (typeOf(value) === type) return [];
    return [{ pointer: pointerTo(root, name), detail: `must be a ${type}, as the template declares it` }];
  });
  const [first] = errors;
  if (first)
    throw new Problem('invalid_body', `${first.pointer}: ${first.detail}`, { errors: errors.slice(0, 20) });
  return values;
}

/** A JSON pointer (RFC 6901) to a variable. */
export function pointerTo(root: string, ...names: string[]): string {
  return [root, ...names.map((name) => name.replaceAll('~', '~0').replaceAll('/', '~1'))]
    .join('/')
    .slice(0, 300);
}
