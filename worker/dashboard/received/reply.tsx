import { z } from 'zod';
import { answeredMailboxes, answerFields, quotedText } from '#domain/inbound/answer.ts';
import { Problem } from '#domain/problem.ts';
import { inboundEmailAnswer } from '../../api/answers/receiving.ts';
import { acceptanceAnswer } from '../../api/answers/sending.ts';
import { callApi } from '../../api/own-api.ts';
import type { Call } from '../../http/app.ts';
import { html } from '../../pages/answer.tsx';
import { Card } from '../../pages/blocks.tsx';
import { Area, Field, Fields } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import { Head } from '../../pages/parts.tsx';
import type { Viewer } from '../../store/auth.ts';
import { Board } from '../board.tsx';
import { type Email, pathOf } from './received-mail.tsx';

/** An answer to a received mail, written here. */
export const receivedReplyPages = new Board();

/** What the form begins with. */
interface First {
  from: string;
  to: string;
  subject: string;
  text: string;
  /** Posting the same page twice sends once; a page that is shown because of a refusal has another. */
  once: string;
}

const domainsSchema = z.object({
  data: z.array(z.object({ domain: z.string(), type: z.string(), status: z.string() })),
});

receivedReplyPages.page('/received/:id/reply', async (c, viewer) => {
  const email = await emailOf(c, viewer);
  const typed = firstOf(email, await senderFor(c, viewer, email.to[0] ?? ''));
  const at = `/received/${email.id}`;
  return html(
    c,
    <Page title="Reply" viewer={viewer} url={c.req.url}>
      <Head title="Reply" crumb={{ href: at, text: email.subject || '(no subject)' }} />
      <Card id="answer" title="Your answer">
        <Fields action={`${at}/reply`} submit="Send">
          <input type="hidden" name="once" value={typed.once} />
          <Field
            label="From"
            name="from"
            value={typed.from}
            maxlength={1000}
            hint="An address of a domain of yours that is verified for sending."
          />
          <Field label="To" name="to" value={typed.to} hint="Addresses with commas between them." />
          <Field label="Subject" name="subject" value={typed.subject} maxlength={2000} required={false} />
          <Area label="Answer" name="text_body" value={typed.text} rows={16} />
        </Fields>
      </Card>
    </Page>,
  );
});

receivedReplyPages.action('/received/:id/reply', async (c, viewer, form) => {
  const _email = await emailOf(c, viewer);
  const once = form.text('once');
  if (!/^[0-9a-f-]{36}$/.test(once))
    throw new Problem('invalid_body', 'Open the page again and write there.');
  const body = {
    from: form.text('from'),
    to: answeredMailboxes(form.text('to')),
    subject: form.text('subject'),
    text_body: form.text('text_body'),
  };
  const { message_id: id } = await callApi(
    c,
    viewer.account.accountId,
    { method: 'POST', path: `${pathOf(c)}/reply`, body, once: `reply-${once}` },
    acceptanceAnswer,
  );
  return c.redirect(`/messages/${id}?done=sent`, 303);
});

/** @throws Problem when its content, which is answered, is gone */
async function emailOf(c: Call, viewer: Viewer): Promise<Email> {
  const request = { method: 'GET', path: pathOf(c) } as const;
  const { email } = await callApi(c, viewer.account.accountId, request, inboundEmailAnswer);
  if (email.headers === null)
    throw new Problem('not_found', 'The content of this mail is not kept any more.');
  return email;
}

/** The address that was written to, where its domain sends; else the same name at one that does. */
async function senderFor(c: Call, viewer: Viewer, address: string): Promise<string> {
  const request = { method: 'GET', path: '/domains?limit=100' } as const;
  const { data } = await callApi(c, viewer.account.accountId, request, domainsSchema);
  const senders = data.filter(({ type, status }) => status === 'verified' && /^(outbound|both)$/.test(type));
  const at = address.lastIndexOf('@');
  const [first] = senders;
  if (!first || senders.some(({ domain }) => domain === address.slice(at + 1))) return address;
  return `${address.slice(0, at)}@${first.domain}`;
}

function firstOf(email: Email, from: string): First {
  const headers = email.headers ?? [];
  const { message_id: messageId, from_address: author, subject } = email;
  const fields = answerFields({ headers, messageId, from: author, subject });
  const receivedAtMs = Date.parse(email.received_at);
  return {
    from,
    to: answeredMailboxes(fields.to).join(', '),
    subject: fields.subject,
    text: `\n\n${quotedText({ from: author, text: email.text ?? '', receivedAtMs })}\n`,
    once: crypto.randomUUID(),
  };
}
