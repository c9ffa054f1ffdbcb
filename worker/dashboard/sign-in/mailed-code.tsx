import { Field } from '../../pages/forms.tsx';

/**
 * The secret of a mailed link. It stands behind the # of the link, which browsers send to no server, so that it is in no
 * log of requests; the page's script puts it in here, or people do.
 */
export function MailedCode({ value }: { value?: string | undefined }) {
  return (
    <Field
      label="Code"
      name="token"
      autocomplete="off"
      fragment
      {...(value ? { value } : {})}
      hint="What stands behind the # of the link in the mail."
    />
  );
}
