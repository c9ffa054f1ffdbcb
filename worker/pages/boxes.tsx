import type { Child } from 'hono/jsx';
import { useField } from './forms.tsx';

/** Boxes to tick, of one name; `options` each with what it means. */
export function Boxes({
  legend,
  name,
  hint,
  options,
}: {
  legend: string;
  name: string;
  hint?: string;
  options: readonly { value: string; label: Child; about?: Child; checked?: boolean }[];
}) {
  const { typed, fault, marks } = useField({ label: legend, name });
  return (
    <fieldset>
      <legend>{legend}</legend>
      {hint && <span class="hint">{hint}</span>}
      {fault !== undefined && (
        <span class="fault" id={`${name}-fault`}>
          {fault}
        </span>
      )}
      {options.map(({ checked, ...option }, i) => (
        <Box
          {...{ name, ...option, ...(i === 0 && { id: name, marks }) }}
          checked={typed ? typed.all(name).includes(option.value) : checked}
        />
      ))}
    </fieldset>
  );
}

/** A box of its own, which is yes or no; for a fieldset. */
export function YesNo({
  name,
  label,
  about,
  checked,
}: {
  name: string;
  label: string;
  about: Child;
  checked: boolean;
}) {
  const { typed, marks } = useField({ label, name });
  return (
    <Box
      {...{ name, label, about, marks }}
      id={name}
      value="true"
      checked={typed ? typed.text(name) === 'true' : checked}
    />
  );
}

function Box({
  label,
  about,
  marks,
  ...input
}: {
  name: string;
  value: string;
  label: Child;
  about?: Child;
  checked?: boolean | undefined;
  id?: string;
  marks?: ReturnType<typeof useField>['marks'];
}) {
  return (
    <label>
      <input type="checkbox" {...input} {...marks} />
      <span class="break">
        {about === undefined ? label : <strong>{label}</strong>}
        {about !== undefined && <span class="quiet"> {about}</span>}
      </span>
    </label>
  );
}
