import { type Child, createContext, type PropsWithChildren, useContext } from 'hono/jsx';
import type { Problem } from '#domain/problem.ts';
import type { RefusedForm, Typed } from '../http/refused-form.ts';

/**
 * Forms and their fields. Where the page of a form is shown because what was posted is refused (`Board`), the form finds
 * that by itself: each field has what was typed, those at fault say why, and the form's head leads to them.
 */

/** The form that was refused, for the whole page. */
export const RefusedContext = createContext<RefusedForm | null>(null);
/** The id of the block that a form stands in: where the browser goes when it is refused. */
export const AnchorContext = createContext<string | null>(null);

interface Fault {
  /** What is wrong, for whoever knows the field. */
  detail: string;
  /** The same where the form has no such field. */
  whole: string;
}

interface Filled {
  typed: Typed | null;
  /** By the field's name; `''`: of none of them. */
  faults: ReadonlyMap<string, Fault>;
  /** What the fields of the form are called, by name. */
  labels: Map<string, string>;
}
const FormContext = createContext<Filled | null>(null);

/** The field of a fault, by the parts of its JSON pointer (RFC 6901). */
type FieldOf = (parts: readonly string[], typed: Typed) => string;

function faultsOf({ problem, typed }: RefusedForm, fieldOf: FieldOf): Map<string, Fault> {
  const faults = new Map<string, Fault>();
  for (const [i, { pointer, detail }] of problem.errors.entries()) {
    const name = fieldOf(
      pointer.split('/').filter((part) => part !== ''),
      typed,
    );
    const before = faults.get(name);
    faults.set(name, {
      detail: before ? `${before.detail} ${detail}` : detail,
      whole: before?.whole ?? (i === 0 ? problem.detail : `${pointer}: ${detail}`),
    });
  }
  if (faults.size === 0) faults.set('', { detail: problem.detail, whole: problem.detail });
  return faults;
}

/** How a page refuses what its own address asks for, beside what is posted to the same. */
export const asked = (path: string) => `GET ${path}`;

/** The refusal of what was posted to a path; with `values`, only of a form that had these. */
function useRefusal(action: string, values: Readonly<Record<string, string>> = {}): RefusedForm | null {
  const refused = useContext(RefusedContext);
  if (!refused || refused.path !== action.replace(/[?#].*$/s, '')) return null;
  if (Object.entries(values).some(([name, value]) => refused.typed.text(name) !== value)) return null;
  refused.told = true;
  return refused;
}

/** That a form was refused, with the way to each field that is at fault. */
function Refusal({ faults, labels }: Pick<Filled, 'faults' | 'labels'>) {
  return (
    <div class="note bad" role="alert" id="refusal" tabindex={-1}>
      {[...faults].map(([name, { detail, whole }]) =>
        labels.has(name) ? (
          <p>
            <a href={`#${name}`}>{labels.get(name)}</a>: {detail}
          </p>
        ) : (
          <p>{whole}</p>
        ),
      )}
    </div>
  );
}

/** A form of fields under each other that posts. `plain`: its button is not the page's main one. */
export function Fields({
  action,
  submit,
  plain = false,
  danger = false,
  upload = false,
  inline = false,
  get = false,
  goOn = false,
  passkey,
  fieldOf = ([first = '']) => first,
  wide = false,
  more,
  children,
}: PropsWithChildren<{
  action: string;
  submit: string;
  plain?: boolean;
  danger?: boolean;
  upload?: boolean;
  /** In a row, as in a table. */
  inline?: boolean;
  /** What it asks for stands in the address. */
  get?: boolean;
  /** The script posts it once it has filled the field of the address. */
  goOn?: boolean;
  /** The script fills it in with the answer of an authenticator; it is hidden until the script knows that it can. */
  passkey?: 'create' | 'get';
  /** The field of a fault, where the API calls it otherwise; else what the fault's pointer begins with. */
  fieldOf?: FieldOf;
  /** Its fields take the whole width. */
  wide?: boolean;
  /** Further buttons. */
  more?: Child;
}>) {
  const refused = useRefusal(get ? asked(action) : action);
  const anchor = useContext(AnchorContext);
  const filled: Filled = {
    typed: refused?.typed ?? null,
    faults: refused ? faultsOf(refused, fieldOf) : new Map(),
    labels: new Map(),
  };
  // Rendered before the head of the form, which has to know its fields.
  const fields = FormContext.Provider({ value: filled, children });
  const button = (
    <button
      type="submit"
      class={inline ? 'small' : danger ? 'danger' : plain || passkey ? undefined : 'primary'}
    >
      {submit}
    </button>
  );
  return (
    <form
      method={get ? 'get' : 'post'}
      action={anchor === null ? action : `${action}#${anchor}`}
      class={inline ? 'row' : wide ? 'fields wide' : 'fields'}
      enctype={upload ? 'multipart/form-data' : undefined}
      data-go-on={goOn ? '' : undefined}
      data-passkey={passkey}
      data-options={passkey && `${action}/options`}
      hidden={passkey && !refused}
    >
      {refused && <Refusal {...filled} />}
      {fields}
      {more ? (
        <div class="row">
          {button}
          {more}
        </div>
      ) : (
        button
      )}
      {passkey && <div class="note bad" role="alert" hidden data-said="" />}
    </form>
  );
}

/** A button that posts; with `sure` it first asks, without a script. */
export function Post({
  action,
  label,
  values = {},
  sure,
  tone,
  small = true,
}: {
  action: string;
  label: string;
  values?: Record<string, string>;
  sure?: string;
  tone?: 'primary' | 'danger';
  small?: boolean;
}) {
  const refused = useRefusal(action, values);
  const form = (text: string) => (
    <form method="post" action={action}>
      {refused && (
        <div class="note bad" role="alert" id="refusal" tabindex={-1}>
          {refused.problem.detail}
        </div>
      )}
      {Object.entries(values).map(([name, value]) => (
        <input type="hidden" name={name} value={value} />
      ))}
      <button type="submit" class={[tone ?? '', small ? 'small' : ''].join(' ').trim()}>
        {text}
      </button>
    </form>
  );
  if (!sure) return form(label);
  return (
    <details class="confirm" open={refused !== null}>
      <summary class={`button ${small ? 'small' : ''}`}>{label}…</summary>
      <div class="stack tight">
        <p class="small">{sure}</p>
        {form(`Yes, ${label.toLowerCase()}`)}
      </div>
    </details>
  );
}

interface Named {
  label: Child;
  name: string;
  hint?: Child;
  /** Where several forms of a page have a field of this name. */
  id?: string;
  /** What it is called outside of its place, where the label alone is not enough. */
  called?: string | undefined;
}

/** What a field is given by the form that it stands in. */
export function useField({ label, name, hint, id = name, called }: Named) {
  const form = useContext(FormContext);
  form?.labels.set(name, called ?? (typeof label === 'string' ? label : name));
  const fault = form?.faults.get(name)?.detail;
  const described = [hint ? `${id}-hint` : [], fault === undefined ? [] : `${id}-fault`].flat().join(' ');
  return {
    typed: form?.typed ?? null,
    fault,
    /** Of the element that is at fault, or is not. */
    marks: {
      'aria-describedby': described || undefined,
      'aria-invalid': fault === undefined ? undefined : ('true' as const),
    },
  };
}

function Around({
  label,
  hint,
  id,
  fault,
  children,
}: PropsWithChildren<Named & { fault: string | undefined }>) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
      {fault !== undefined && (
        <span class="fault" id={`${id}-fault`}>
          {fault}
        </span>
      )}
      {hint && (
        <span class="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
    </div>
  );
}

export function Field({
  label,
  name,
  hint,
  id = name,
  called,
  type = 'text',
  value,
  required = true,
  fragment = false,
  autofocus,
  ...more
}: Named & {
  type?: string;
  value?: string | undefined;
  required?: boolean;
  autocomplete?: string;
  minlength?: number;
  maxlength?: number;
  min?: number;
  max?: number;
  placeholder?: string;
  inputmode?: 'numeric' | 'email';
  autofocus?: boolean;
  accept?: string;
  /** The script fills it with what stands behind the # of the address. */
  fragment?: boolean;
}) {
  const { typed, fault, marks } = useField({ label, name, hint, id, called });
  // Neither a password nor a file is sent back.
  const back = typed !== null && type !== 'password' && type !== 'file';
  return (
    <Around {...{ label, name, hint, id, fault }}>
      <input
        id={id}
        name={name}
        type={type}
        value={back ? typed.text(name) : value}
        required={required}
        autofocus={fault !== undefined || autofocus}
        data-fragment={fragment ? '' : undefined}
        {...marks}
        {...more}
      />
    </Around>
  );
}

export function Area({
  label,
  name,
  hint,
  id = name,
  value = '',
  required = true,
  rows,
  secret = false,
}: Named & {
  value?: string;
  required?: boolean;
  rows?: number;
  /** What is typed is not sent back when the form is refused. */
  secret?: boolean;
}) {
  const { typed, fault, marks } = useField({ label, name, hint, id });
  return (
    <Around {...{ label, name, hint, id, fault }}>
      <textarea
        id={id}
        name={name}
        rows={rows}
        required={required}
        spellcheck={false}
        autocomplete={secret ? 'off' : undefined}
        {...marks}
      >
        {/* The parser takes away a line feed at the beginning (HTML §13.2.6.4.7). */}
        {`\n${typed && !secret ? typed.text(name) : value}`}
      </textarea>
    </Around>
  );
}

export function Select({
  label,
  name,
  options,
  value,
  hint,
  id = name,
  called,
}: Named & { options: readonly { value: string; text: string }[]; value?: string | undefined }) {
  const { typed, fault, marks } = useField({ label, name, hint, id, called });
  const chosen = typed ? typed.text(name) : value;
  return (
    <Around {...{ label, name, hint, id, fault }}>
      <select id={id} name={name} {...marks}>
        {options.map((option) => (
          <option value={option.value} selected={option.value === chosen}>
            {option.text}
          </option>
        ))}
      </select>
    </Around>
  );
}

/** The refusal of a form as it is told by a problem; for `Board`, and for pages that refuse what their address asks for. */
export function refusedForm(path: string, problem: Problem, typed: Typed): RefusedForm {
  return { path, problem, typed, told: false };
}
