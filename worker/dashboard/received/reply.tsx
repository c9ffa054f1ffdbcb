import { z } from 'zod';
import { answeredMailboxes, answerFields, quotedText } from '#domain/inbound/answer.ts';
import { Problem } from '#domain/problem.ts';
import { inboundEmailAnswer } from '../../api/answers/receiving.ts';
import { acceptanceAnswer } from '../../api/answers/sending.ts';
import { callApi } from '../../api/own-api.ts';
import type { Call } from '../../http/app.ts';
import { html } from '../../pages/answer.tsx';
import { Card, Fields } from '../../pages/blocks.tsx';
import { Page } from '../../pages/layout.tsx';
import { Field, faultsOf, Head, Refusal } from '../../pages/parts.tsx';
import type { Viewer } from '../../store/auth.ts';
import { Board } from '../board.tsx';
import { type Email, pathOf } from './received-mail.tsx';

/** An answer to a received mail, written here. */
export const receivedReplyPages = new Board();

/** What was typed, so that a refusal does not lose it. */
interface Typed {
  from: string;
  to: string;
  subject: string;
  text: string;
  /** Posting the same page twice sends once. */
  once: string;
}

const domainsSchema = z.object({
  data: z.array(z.object({ domain: z.string(), type: z.string(), status: z.string() })),
});
const labels = { from: 'From', to: 'To', subject: 'Subject', text_body: 'Answer' };

receivedReplyPages.page('/received/:id/reply', async (c, viewer) => {
  const email = await emailOf(c, viewer);
  return replyPage(c, viewer, email, firstOf(email, await senderFor(c, viewer, email.to[0] ?? '')));
});

receivedReplyPages.action('/received/:id/reply', async (c, viewer, form) => {
  const email = await emailOf(c, viewer);
  const typed = {
    from: form.text('from'),
    to: form.text('to'),
    subject: form.text('subject'),
    text: form.text('text'),
  };
  const once = form.text('once');
  if (!/^[0-9a-f-]{36}$/.test(once))
    throw new Problem('invalid_body', 'Open the page again and write there.');
  try {
    const body = {
      from: typed.from,
      to: answeredMailboxes(typed.to),
      subject: typed.subject,
      text_body: typed.text,
    };
    const { message_id: id } = await callApi(
      c,
      viewer.account.accountId,
      { method: 'POST', path: `${pathOf(c)}/reply`, body, once: `reply-${once}` },
      acceptanceAnswer,
    );
    return c.redirect(`/messages/${id}?done=sent`, 303);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    // It was refused, so what is posted next is another request.
    const again = { ...typed, once: crypto.randomUUID() };
    return replyPage(c, viewer, email, again, error);
  }
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

function firstOf(email: Email, from: string): Typed {
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

function replyPage(c: Call, viewer: Viewer, email: Email, typed: Typed, refusal?: Problem) {
  const at = `/received/${email.id}`;
  const faults = faultsOf(refusal, Object.keys(labels));
  return html(
    c,
    <Page title="Reply" viewer={viewer} url={c.req.url}>
      <Head title="Reply" crumb={{ href: at, text: email.subject || '(no subject)' }} />
      <Refusal faults={faults} labels={labels} />
      <Card id="answer" title="Your answer">
        <Fields action={`${at}/reply`} submit="Send">
          <input type="hidden" name="once" value={typed.once} />
          <Field
            label="From"
            name="from"
            value={typed.from}
            fault={faults.get('from')}
            maxlength={1000}
            hint="An address of a domain of yours that is verified for sending."
          />
          <Field
            label="To"
            name="to"
            value={typed.to}
            fault={faults.get('to')}
            hint="Addresses with commas between them."
          />
          <Field label="Subject" name="subject" value={typed.subject} maxlength={2000} required={false} />
          <div class="field">
            <label for="text_body">Answer</label>
            <textarea
              id="text_body"
              name="text"
              rows={16}
              required
              aria-invalid={faults.has('text_body') ? 'true' : undefined}
            >
              {`\n${typed.text}`}
            </textarea>
          </div>
        </Fields>
      </Card>
    </Page>,
    refusal ? 400 : 200,
  );
}
