import type { Call } from '../../http/app.ts';
import type { Viewer } from '../../store/auth.ts';
import { exampleOf } from '../../templates/example.ts';
import { type Detail, detailOf } from './template-path.ts';

/** Values with which a template can be looked at, its layout's too. */
export async function exampleFor(
  c: Call,
  viewer: Viewer,
  template: Pick<Detail, 'subject' | 'html_body' | 'text_body' | 'variables' | 'layout' | 'type'>,
): Promise<Record<string, unknown>> {
  const layout = template.layout === null ? null : await detailOf(c, viewer, `/templates/${template.layout}`);
  if (template.type === 'layout') return exampleOf({ ...emptySource }, sourceOf(template));
  return exampleOf(sourceOf(template), layout && sourceOf(layout));
}

const emptySource = { subject: '', htmlBody: null, textBody: null, variables: [] };

function sourceOf({
  subject,
  html_body: htmlBody,
  text_body: textBody,
  variables,
}: Pick<Detail, 'subject' | 'html_body' | 'text_body' | 'variables'>) {
  return { subject, htmlBody, textBody, variables };
}
