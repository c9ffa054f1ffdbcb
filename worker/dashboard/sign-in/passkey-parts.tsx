import type { PropsWithChildren } from 'hono/jsx';
import { assetUrl } from '../../pages/assets.ts';
import { Card, Columns } from '../../pages/blocks.tsx';
import { Field, Fields, Post } from '../../pages/forms.tsx';
import { Time } from '../../pages/parts.tsx';
import { mostPasskeys, type PasskeyRow } from '../../store/auth.ts';

/** What pages show of passkeys: the way in, and one's own. */

export const longestPasskeyName = 60;

/** A form that the script fills in with the answer of an authenticator; hidden until it knows that it can. */
function PasskeyForm({
  action,
  what,
  submit,
  children,
}: PropsWithChildren<{ action: string; what: 'create' | 'get'; submit: string }>) {
  return (
    <>
      <Fields action={action} submit={submit} passkey={what}>
        <input type="hidden" name="response" />
        {children}
      </Fields>
      <script src={assetUrl('passkey.js')} defer />
    </>
  );
}

/** The button of the sign-in page. */
export function PasskeySignIn({ next }: { next: string }) {
  return (
    <PasskeyForm action="/sign-in/passkey" what="get" submit="Sign in with a passkey">
      <input type="hidden" name="next" value={next} />
    </PasskeyForm>
  );
}

/** What a passkey is, and one more of them. */
export function PasskeyCard({ count }: { count: number }) {
  return (
    <Card id="passkeys" title="Passkeys">
      <p class="quiet">
        Sign in with the screen lock of a device, or with a security key. It is something you have and asks
        for a finger, face or PIN, so it counts as both factors: no code is asked for after it.
      </p>
      {count < mostPasskeys ? (
        <>
          <p class="quiet" data-without-passkey>
            One can be added by a browser that knows passkeys, with scripts, where this page has a host name.
          </p>
          <PasskeyForm action="/profile/passkeys" what="create" submit="Add a passkey">
            <Field
              label="Name"
              name="name"
              maxlength={longestPasskeyName}
              autocomplete="off"
              hint="By which you know it again, such as the device that keeps it."
            />
          </PasskeyForm>
        </>
      ) : (
        <p class="quiet">These are as many as one may have. Remove one to add another.</p>
      )}
    </Card>
  );
}

/** The viewer's own passkeys. */
export function YourPasskeys({ passkeys }: { passkeys: PasskeyRow[] }) {
  return (
    <Card id="your-passkeys" title="Your passkeys" flush>
      <table class="cards">
        <Columns names={['Name', 'Made', 'Last used']} actions />
        <tbody>
          {passkeys.map((passkey) => (
            <tr>
              <td class="break">{passkey.name}</td>
              <td data-label="Made">
                <Time ms={passkey.createdAtMs} />
              </td>
              <td data-label="Last used">
                {passkey.lastUsedAtMs === null ? 'never' : <Time ms={passkey.lastUsedAtMs} />}
              </td>
              <td>
                <Post
                  action={`/profile/passkeys/${passkey.id}/remove`}
                  label="Remove"
                  sure="Nobody can sign in with it any more."
                  tone="danger"
                />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}
