import { webhookLimits } from '#domain/webhook.ts';
import { Area, Field } from '../../pages/forms.tsx';

/** What is asked of a new endpoint beyond where it is: whose mail it hears of, and what is sent along. */

interface Typed {
  text(name: string): string;
}

const filters = ['sending_domains', 'tags', 'streams'] as const;
const along = ['headers', 'username'] as const;

export function OwnFields({ typed }: { typed: Typed | undefined }) {
  const isOpen = (names: readonly string[]) =>
    names.some((name) => typed !== undefined && typed.text(name) !== '');
  return (
    <>
      <details open={isOpen(filters)}>
        <summary>Only some sent mail</summary>
        <Field
          label="Sending domains"
          name="sending_domains"
          required={false}
          hint="With commas between. It hears of what these have sent."
        />
        <Field
          label="Tags"
          name="tags"
          required={false}
          hint="With commas between. It hears of messages with one of these tags."
        />
        <Field
          label="Streams"
          name="streams"
          required={false}
          hint="With commas between. It hears of messages of these streams."
        />
      </details>
      <details open={isOpen(along)}>
        <summary>Sent along</summary>
        <Area
          label="Header fields"
          name="headers"
          required={false}
          rows={3}
          hint="One a line, as X-Team: shop. The values are kept encrypted and not shown again."
        />
        <Field label="User" name="username" required={false} maxlength={webhookLimits.headerCharacters} />
        <Field
          label="Password"
          name="password"
          type="password"
          autocomplete="new-password"
          required={false}
          maxlength={webhookLimits.headerCharacters}
          hint="With the user it is sent as Authorization: Basic. Kept encrypted."
        />
      </details>
    </>
  );
}

/** What was typed, as the API takes it. */
export function ownFieldsOf(form: Typed): Record<string, unknown> {
  const list = (name: string) => {
    const items = form
      .text(name)
      .split(',')
      .map((item) => item.trim());
    const given = items.filter((item) => item !== '');
    return given.length === 0 ? null : given;
  };
  const lines = form
    .text('headers')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const fields = lines.map((line) => {
    const at = line.indexOf(':');
    return at < 0 ? [line.trim(), ''] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  });
  return {
    sending_domains: list('sending_domains'),
    tags: list('tags'),
    streams: list('streams'),
    headers: fields.length === 0 ? null : Object.fromEntries(fields),
    username: form.text('username') || null,
    password: form.text('password') || null,
  };
}
