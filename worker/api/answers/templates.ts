import { z } from 'zod';
import { templateKinds, variablesSchema } from '#domain/template/template.ts';
import { count, time } from './scalars.ts';

const summary = z
  .strictObject({
    id: z.uuid(),
    org_id: z.int().meta({ description: 'The account.' }),
    type: z.enum(templateKinds),
    name: z.string(),
    slug: z.string(),
    description: z.string(),
    active: z.boolean(),
    status: z.enum(['draft', 'published']).meta({ description: '`draft`: no version is published yet.' }),
    has_draft: z.boolean().meta({ description: 'There are changes that are not published.' }),
    version: z.int().min(1).meta({ description: 'The newest.' }),
    published_version: z.int().min(1).nullable(),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'TemplateSummary' });

const content = {
  subject: z.string(),
  html_body: z.string().nullable(),
  text_body: z.string().nullable(),
  variables: variablesSchema,
  layout: z.string().nullable(),
  from: z.string().nullable(),
  reply_to: z.array(z.string()),
};

export const templatesAnswer = z
  .strictObject({ templates: z.array(summary), total: count, limit: count, offset: count })
  .meta({ id: 'TemplateList' });

export const templateAnswer = z
  .strictObject({
    template: z
      .strictObject({
        ...summary.shape,
        ...content,
        names: z.array(z.string()).meta({ description: 'The names that it reads of the variables.' }),
      })
      .meta({ id: 'Template', description: 'With the content of its newest version.' }),
  })
  .meta({ id: 'TemplateAnswer' });

export const versionsAnswer = z
  .strictObject({
    versions: z.array(
      z
        .strictObject({
          version: z.int().min(1),
          status: z.enum(['draft', 'published', 'earlier']),
          ...content,
          created_at: time,
          published_at: time.nullable(),
        })
        .meta({ id: 'TemplateVersion' }),
    ),
  })
  .meta({ id: 'TemplateVersions' });

export const renderedAnswer = z
  .strictObject({
    version: z.int().min(1),
    subject: z.string(),
    html_body: z.string().nullable(),
    text_body: z.string().nullable(),
  })
  .meta({ id: 'RenderedTemplate' });
