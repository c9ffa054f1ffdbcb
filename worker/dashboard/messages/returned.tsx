import PostalMime from 'postal-mime';
import { z } from 'zod';
import type { Returned, ReturnedRecipient } from '#domain/bounce/returned-mail.ts';
import { eventRow, type NewEvent } from '#domain/delivery/event.ts';
import { failureClasses } from '#domain/failure/failure-class.ts';
import { Problem } from '#domain/problem.ts';
import { callApi } from '../../api/own-api.ts';
import type { Call } from '../../http/app.ts';
import { noted } from '../../identity/audit.ts';
import { may } from '../../identity/viewer.ts';
import { readKept } from '../../inbound/read-kept.ts';
import { html } from '../../pages/answer.tsx';
import { Card } from '../../pages/blocks.tsx';
import { Post } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import { Code, Head, Note, State, Time } from '../../pages/parts.tsx';
import type { Viewer } from '../../store/auth.ts';
import type { StoredDelivery, StoredMessage } from '../../store/messages.ts';
import { readKeptReturned } from '../../store/returned-mails.ts';
import { Board } from '../board.tsx';
import { messageOf } from './message.tsx';
import { cameByMail, toneOf } from './message-timeline.tsx';

/** A mail that came back: as it came, beside what was read in it, and a way to say that this is wrong. */
export const returnedPages = new Board();

/** More of a mail is not shown: reports stand at the beginning. */
const shownBytes = 64 * 1024;

/** The event of the path with its delivery; 404 for one that no mail told of. */
async function returnedOf(
  c: Call,
  viewer: Viewer,
): Promise<{ message: StoredMessage; delivery: StoredDelivery; event: NewEvent }> {
  const message = await messageOf(c, viewer);
  const id = (c.req.param('event') ?? '').toLowerCase();
  for (const delivery of message.deliveries) {
    const event = delivery.timeline.find((one) => one.id === id);
    if (event && cameByMail(event)) return { message, delivery, event };
  }
  throw new Problem('not_found', 'No mail that came back told of such an event of this message.');
}

const checkSchema = z.object({
  entries: z.array(z.object({ scope: z.string(), source: z.string(), message_id: z.string().nullable() })),
});

/** True while the recipient is held back because of a mail that came back to this message. */
async function holdsBack(
  c: Call,
  viewer: Viewer,
  message: StoredMessage,
  recipient: string,
): Promise<boolean> {
  const path = `/suppressions/check?email=${encodeURIComponent(recipient)}`;
  const { entries } = await callApi(c, viewer.account.accountId, { method: 'GET', path }, checkSchema);
  return entries.some(
    ({ scope, source, message_id: of }) =>
      scope === 'account' && of === message.messageId && ['dsn', 'feedback'].includes(source),
  );
}

returnedPages.page('/messages/:id/returned/:event', async (c, viewer) => {
  const { message, delivery, event } = await returnedOf(c, viewer);
  const kept = await readKeptReturned(c.get('store'), event);
  const held = await holdsBack(c, viewer, message, delivery.recipient);
  const path = `/messages/${message.messageId}`;
  return html(
    c,
    <Page title="A mail that came back" viewer={viewer} url={c.req.url}>
      <Head title="A mail that came back" crumb={{ href: path, text: message.subject || '(no subject)' }}>
        {held && may(viewer, 'developer') && (
          <Post
            action={`${path}/returned/${event.id}/wrong`}
            label="This is wrong"
            sure={`The suppression of ${delivery.recipient} is taken back: it is mailed again.`}
            tone="danger"
          />
        )}
      </Head>
      <div class="grid">
        <Card id="read" title="What was read in it">
          <dl class="facts">
            <dt>Recipient</dt>
            <dd class="break">{delivery.recipient}</dd>
            <dt>Event</dt>
            <dd>
              <State tone={toneOf(event.kind)}>{event.kind.replaceAll('_', ' ')}</State>{' '}
              <span class="small quiet">{eventRow(event.kind).raised}</span>
            </dd>
            <dt>Came</dt>
            <dd>
              <Time ms={event.atMs} />
            </dd>
            <dt>Address</dt>
            <dd>{held ? 'suppressed because of this message' : 'not suppressed by this message'}</dd>
          </dl>
          {typeof event.details.notSuppressed === 'string' && (
            <Note tone="warn">
              <p>{event.details.notSuppressed}</p>
            </Note>
          )}
          {kept && <Reading reading={readKept(kept)} mailFrom={kept.mailFrom} />}
        </Card>
        <Card id="mail" title="As it came">
          {kept ? (
            <AsItCame raw={kept.raw} text={(await textOf(kept.raw)) ?? ''} />
          ) : (
            <p class="quiet">It is kept for 30 days, and its time is over.</p>
          )}
        </Card>
      </div>
    </Page>,
  );
});

/** What the reader makes of the mail, whomever it speaks of. */
function Reading({ reading, mailFrom }: { reading: Returned; mailFrom: string }) {
  return (
    <>
      <dl class="facts">
        <dt>Read as</dt>
        <dd>{reading.kind === 'none' ? 'no report' : reading.kind}</dd>
        <dt>Envelope sender</dt>
        <dd class="break">{mailFrom === '' ? 'null, as of reports' : mailFrom}</dd>
        {reading.feedbackType && (
          <>
            <dt>Complaint</dt>
            <dd>{reading.feedbackType}</dd>
          </>
        )}
      </dl>
      {reading.recipients.map((one) => (
        <RecipientRead of={one} />
      ))}
    </>
  );
}

function RecipientRead({ of }: { of: ReturnedRecipient }) {
  return (
    <dl class="facts">
      <dt>It names</dt>
      <dd class="break">{of.recipient || 'nobody: the return path tells whose it is'}</dd>
      {of.finalRecipient && (
        <>
          <dt>Ended at</dt>
          <dd class="break">{of.finalRecipient}</dd>
        </>
      )}
      <dt>Says</dt>
      <dd>
        {of.action}
        {of.status && `, ${of.status}`}
        {of.permanent ? ', for good' : ''}
      </dd>
      <dt>Class</dt>
      <dd>
        {of.class}: {failureClasses.find((row) => row.name === of.class)?.text}
        {!of.certain && <span class="quiet"> (in words only)</span>}
      </dd>
      {of.diagnostic && (
        <>
          <dt>In its words</dt>
          <dd class="break">{of.diagnostic}</dd>
        </>
      )}
    </dl>
  );
}

function AsItCame({ raw, text }: { raw: Uint8Array; text: string }) {
  return (
    <>
      {text !== '' && <Code id="returned-text" what="Text of the mail" text={text} wrap />}
      <details open={text === ''}>
        <summary>Source</summary>
        <Code
          id="returned-source"
          what="Source of the mail"
          text={new TextDecoder().decode(raw.subarray(0, shownBytes))}
          wrap
        />
      </details>
      {raw.length > shownBytes && <p class="small quiet">The rest of it is not shown.</p>}
    </>
  );
}

/** The text that a mail program would show; null for a mail that cannot be taken apart. */
async function textOf(raw: Uint8Array): Promise<string | null> {
  const mail = await PostalMime.parse(raw.subarray(0, shownBytes), { forceRfc822Attachments: true }).catch(
    () => null,
  );
  return mail?.text?.trim() ?? null;
}

returnedPages.action('/messages/:id/returned/:event/wrong', async (c, viewer) => {
  const { message, delivery, event } = await returnedOf(c, viewer);
  const page = `/messages/${message.messageId}/returned/${event.id}`;
  noted(c, { recipient: delivery.recipient });
  if (!(await holdsBack(c, viewer, message, delivery.recipient))) {
    return c.redirect(`${page}?done=nothing-to-undo`, 303);
  }
  const path = `/suppressions/${encodeURIComponent(delivery.recipient)}?scope=account`;
  await callApi(c, viewer.account.accountId, { method: 'DELETE', path }, z.unknown());
  return c.redirect(`${page}?done=reading-undone`, 303);
});
