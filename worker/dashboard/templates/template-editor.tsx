import { templateLimits } from '#domain/template/template.ts';
import type { Typed } from '../../http/refused-form.ts';
import { assetUrl } from '../../pages/assets.ts';
import { Card } from '../../pages/blocks.tsx';
import { YesNo } from '../../pages/boxes.tsx';
import { Area, Field, Fields, Select } from '../../pages/forms.tsx';
import type { Detail } from './template-path.ts';
import { source } from './template-preview.tsx';
import { exampleIn, variableLines, variablesIn, withExample } from './variables.ts';

/** The form of a template, with a frame that shows what it comes to. */

const views = [
  { value: 'desktop', text: 'Desktop' },
  { value: 'mobile', text: 'Mobile' },
  { value: 'dark', text: 'Dark' },
  { value: 'text', text: 'Plain text' },
] as const;

/** Fields that stand behind “More”. */
const further = ['slug', 'description', 'reply_to', 'active'];

export function Editor({
  template,
  path,
  example,
  layouts,
  refused,
}: {
  template: Detail;
  path: string;
  /** JSON. */
  example: string;
  layouts: readonly { slug: string; name: string }[];
  /** Faults of what was posted. */
  refused: readonly { pointer: string }[];
}) {
  const isLayout = template.type === 'layout';
  return (
    <Card id="edit" title="Content">
      <Fields
        action={path}
        submit="Save draft"
        wide
        more={
          <button type="submit" name="publish" value="true">
            Publish
          </button>
        }
      >
        <div class="filters">
          <Field label="Name" name="name" value={template.name} maxlength={templateLimits.nameCharacters} />
          {!isLayout && (
            <Select
              label="Layout"
              name="layout"
              value={template.layout ?? ''}
              options={layoutOptions(layouts, template.layout)}
            />
          )}
          {!isLayout && (
            <Field
              label="From"
              name="from"
              value={template.from ?? ''}
              required={false}
              maxlength={1000}
              placeholder="as the message says"
            />
          )}
        </div>
        <details open={refused.some(({ pointer }) => further.includes(pointer.split('/')[1] ?? ''))}>
          <summary>More</summary>
          <More template={template} />
        </details>
        {!isLayout && (
          <Field
            label="Subject"
            name="subject"
            value={template.subject}
            required={false}
            maxlength={templateLimits.subjectCharacters}
          />
        )}
        <Area
          label="HTML"
          name="html_body"
          value={template.html_body ?? ''}
          rows={16}
          required={false}
          hint={
            isLayout
              ? 'Handlebars. The content of a template goes where {{{@content}}} stands.'
              : 'Handlebars: {{name}}, {{#each items}}, {{#if paid}}. Values are escaped.'
          }
        />
        <Preview path={path} hasSubject={!isLayout} />
        <Area
          label="Text"
          name="text_body"
          value={template.text_body ?? ''}
          rows={6}
          required={false}
          hint="Empty: it is made of the HTML."
        />
        <Area
          label="Variables"
          name="variables"
          value={variableLines(template.variables)}
          rows={5}
          required={false}
          hint='One a line: name: type, or name: type = default, as in city: string = "Bern". Types: string, number, boolean, list, object. Without a default it must be given.'
        />
        <Area
          label="Example"
          name="example"
          value={example}
          rows={8}
          required={false}
          hint="JSON: values of the variables for the preview. It is not kept."
        />
        <fieldset>
          <legend class="visually-hidden">Variables of the example</legend>
          <YesNo
            name="declare"
            label="Declare"
            about="what the example has and no line declares, with its type."
            checked={false}
          />
        </fieldset>
      </Fields>
      <script src={assetUrl('template.js')} defer />
    </Card>
  );
}

/** Those that are listed, and the one that it has, listed or not. */
function layoutOptions(layouts: readonly { slug: string; name: string }[], own: string | null) {
  const listed = layouts.map(({ slug, name }) => ({ value: slug, text: name }));
  const isListed = own === null || layouts.some(({ slug }) => slug === own);
  return [{ value: '', text: 'none' }, ...listed, ...(isListed ? [] : [{ value: own, text: own }])];
}

function More({ template }: { template: Detail }) {
  return (
    <div class="stack">
      <Field
        label="Slug"
        name="slug"
        value={template.slug}
        maxlength={templateLimits.slugCharacters}
        hint="Messages that name the old one are refused once it is changed."
      />
      <Field
        label="Description"
        name="description"
        value={template.description}
        required={false}
        maxlength={templateLimits.descriptionCharacters}
      />
      {template.type === 'template' && (
        <Field
          label="Reply-To"
          name="reply_to"
          value={template.reply_to.join(', ')}
          required={false}
          maxlength={4000}
          hint="Addresses, with commas between."
        />
      )}
      <fieldset>
        <legend class="visually-hidden">Use</legend>
        <YesNo name="active" label="In use" about="Messages may name it." checked={template.active} />
      </fieldset>
    </div>
  );
}

/** The frame, whose look follows what is chosen without a script; its button fills it again with what is typed. */
function Preview({ path, hasSubject }: { path: string; hasSubject: boolean }) {
  return (
    <fieldset class="preview" aria-labelledby="preview">
      <legend id="preview">Preview</legend>
      <div class="row">
        {views.map(({ value, text }) => (
          <label>
            <input type="radio" name="view" value={value} checked={value === 'desktop'} />
            <span>{text}</span>
          </label>
        ))}
        <button
          type="submit"
          class="small"
          formaction={`${path}/preview`}
          formtarget="preview"
          formnovalidate
          data-preview=""
        >
          Preview
        </button>
      </div>
      {hasSubject && (
        <p hidden>
          <strong data-subject="" />
        </p>
      )}
      <iframe name="preview" class="mail" title="Preview" sandbox="" src={`${path}/html`} />
    </fieldset>
  );
}

/** What is typed, as the API takes it: what was not changed is left out, so that it makes no new version. */
export function changesOf(template: Detail, form: Typed): Record<string, unknown> {
  const declared = variablesIn(source(form, 'variables'));
  const variables =
    form.text('declare') === 'true' ? withExample(declared, exampleIn(source(form, 'example'))) : declared;
  const own = {
    name: form.text('name'),
    slug: form.text('slug'),
    description: form.text('description'),
    active: form.text('active') === 'true',
    html_body: source(form, 'html_body') || null,
    text_body: source(form, 'text_body') || null,
    variables,
  };
  const ofTemplate = {
    subject: form.text('subject'),
    layout: form.text('layout') || null,
    from: form.text('from') || null,
    reply_to: form
      .text('reply_to')
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== ''),
  };
  const typed = { ...own, ...(template.type === 'template' && ofTemplate) };
  return Object.fromEntries(
    Object.entries(typed).filter(
      ([name, value]) => comparable(value) !== comparable(template[name as keyof typeof typed]),
    ),
  );
}

/** A form trims its texts and has line ends of its own. */
function comparable(value: unknown): string {
  return JSON.stringify(typeof value === 'string' ? value.replace(/\r\n?/g, '\n').trim() : value);
}
