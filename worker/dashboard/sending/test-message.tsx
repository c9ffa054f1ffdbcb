import { may } from '../../identity/viewer.ts';
import { Card } from '../../pages/blocks.tsx';
import { Field, Fields } from '../../pages/forms.tsx';
import type { Viewer } from '../../store/auth.ts';
import { sendAs } from '../../system-mail/send.ts';
import { Board } from '../board.tsx';
import { mailerOf } from '../sign-in/mailer.ts';

/** A message from the dashboard, to see one travel. */
export const testMessagePages = new Board();

export function TestMessage({
  viewer,
  senders,
  sandbox,
  simulator,
}: {
  viewer: Viewer;
  /** Domains that are verified for sending. */
  senders: readonly string[];
  /** Whom one sends from without a domain. */
  sandbox: string;
  simulator: string;
}) {
  const from = [...senders.map((name) => `@${name}`), sandbox];
  return (
    <Card id="test" title="Send a test">
      {senders.length === 0 && (
        <p>
          Until <a href="/domains">a domain of yours</a> is verified, you send from <code>{sandbox}</code>: to
          the simulator, and to the addresses of this account’s members that were proven.
        </p>
      )}
      {may(viewer, 'developer') ? (
        <Fields action="/sending/test" submit="Send">
          <Field
            label="From"
            name="from"
            type="email"
            value={senders[0] === undefined ? sandbox : `hello@${senders[0]}`}
            hint={`One of ${from.join(', ')}`}
          />
          <Field
            label="To"
            name="to"
            type="email"
            value={`delivered@${simulator}`}
            hint={
              <>
                Any address, or a part that the simulator plays: delivered@, hard-bounce@, soft-bounce@,
                greylisted@, complaint@ at {simulator}
              </>
            }
          />
          <Field label="Subject" name="subject" value="Hello from Pennypost" maxlength={200} />
        </Fields>
      ) : (
        <p>Developers and owners can send from here; you are a viewer.</p>
      )}
    </Card>
  );
}

testMessagePages.action('/sending/test', async (c, viewer, form) => {
  const { accountId } = viewer.account;
  const id = await sendAs(
    mailerOf(c),
    { accountId, domainsOf: accountId },
    {
      from: form.text('from'),
      to: [form.text('to')],
      subject: form.text('subject') || 'Test',
      text_body: `A test from the dashboard, sent by ${viewer.user.name}.`,
      html_body: '<p>A test from the <b>dashboard</b>.</p>',
      tags: ['test'],
      class: 'priority',
    },
  );
  return c.redirect(`/messages/${id}?done=sent`, 303);
});
