import type { Email } from 'postal-mime';
import { z } from 'zod';
import { isFinal, messageStatus } from '#domain/delivery/delivery.ts';
import { isUuidV7 } from '#domain/message/ids.ts';
import { defaultStream } from '#domain/message/stream.ts';
import { Problem } from '#domain/problem.ts';
import { callApi } from '../../api/own-api.ts';
import type { Call } from '../../http/app.ts';
import { downloadHeaders, mailHeaders } from '../../http/download.ts';
import { publicOrigin } from '../../http/public-origin.ts';
import { may } from '../../identity/viewer.ts';
import { html } from '../../pages/answer.tsx';
import { Post } from '../../pages/forms.tsx';
import { Page } from '../../pages/layout.tsx';
import { bytes, Copy, DeliveryStateOf, Head, Simulated, subjectText, Time } from '../../pages/parts.tsx';
import type { Viewer } from '../../store/auth.ts';
import { contentUntilMs } from '../../store/home-tables.ts';
import { findMessage, type StoredMessage } from '../../store/messages.ts';
import { latin1Bytes, readBody } from '../../store/raw.ts';
import { Board } from '../board.tsx';
import { mailFrame } from '../mail-frame.ts';
import { MessageAdvice } from './message-advice.tsx';
import { Content, contentKept, parseMail, partsOf, shownBytes, withOwnPictures } from './message-content.tsx';
import { Deliveries } from './message-timeline.tsx';

/** One message: what happened to each delivery, what was sent, and what can still be done. */
export const messagePages = new Board();

/** How it came, where that is not by HTTP. */
const sourceText: Record<string, string> = {
  smtp: 'by SMTP',
  forward: 'received, and sent on',
  answer: 'answered from a masked alias',
  notice: 'a notice that mail could not be sent on',
};

/** The message of the path; 404 for another account's, an unknown or a malformed id alike. */
export async function messageOf(c: Call, viewer: Viewer): Promise<StoredMessage> {
  const id = (c.req.param('id') ?? '').toLowerCase();
  const message = isUuidV7(id)
    ? await findMessage(c.get('store'), viewer.account.accountId, id, Date.now())
    : null;
  if (!message) {
    throw new Problem(
      'not_found',
      'There is no such message in this account. Messages are kept for 30 days.',
    );
  }
  return message;
}

async function bodyOf(c: Call, message: StoredMessage): Promise<Uint8Array | null> {
  const body = await readBody(c.get('store'), message, Date.now());
  if (body === null) return null;
  return typeof body === 'string' ? latin1Bytes(body) : await new Response(body).bytes();
}

messagePages.page('/messages/:id', async (c, viewer) => {
  const message = await messageOf(c, viewer);
  const raw = message.sizeBytes <= shownBytes ? await bodyOf(c, message) : null;
  const content = raw && { raw, mail: await parseMail(raw) };
  const status = messageStatus(message.deliveries.map(({ state }) => state));
  const open = message.deliveries.some(({ state }) => ['scheduled', 'queued', 'deferred'].includes(state));
  const moving = message.deliveries.some(({ state }) => !isFinal(state));
  const path = `/messages/${message.messageId}`;
  const isSimulated = message.testMode || message.deliveries.some(({ simulated }) => simulated);
  return html(
    c,
    <Page title={subjectText(message.subject)} viewer={viewer} url={c.req.url}>
      <Head title={subjectText(message.subject)} crumb={{ href: '/messages', text: 'Messages' }}>
        <div class="row">
          {may(viewer, 'developer') && open && (
            <Post
              action={`${path}/cancel`}
              label="Cancel"
              sure="What no node has taken yet is not sent. This cannot be undone."
              tone="danger"
            />
          )}
          {may(viewer, 'developer') && raw && (
            <Post
              action={`${path}/resend`}
              label="Send again"
              sure="The same mail goes to the same recipients as a new message."
            />
          )}
          <a class="button small" href={`${path}/raw`}>
            Download
          </a>
        </div>
      </Head>
      <div class="stack" id="deliveries" data-refresh={moving ? '3' : undefined}>
        <section class="card" aria-label="Facts">
          <dl class="facts">
            <dt>State</dt>
            <dd>
              <DeliveryStateOf state={status} />
              {isSimulated && (
                <>
                  {' '}
                  <Simulated testMode={message.testMode} />{' '}
                  <span class="small quiet">counts in no figure</span>
                </>
              )}
            </dd>
            <dt>From</dt>
            <dd>
              <bdi>{message.fromHeader}</bdi>
            </dd>
            <dt>To</dt>
            <dd>
              <bdi>{toText(message)}</bdi>
            </dd>
            <dt>Accepted</dt>
            <dd>
              <Time ms={message.acceptedAtMs} />{' '}
              <span class="quiet">{sourceText[message.source] ?? 'by HTTP'}</span>
            </dd>
            <dt>Class</dt>
            <dd>{message.class}</dd>
            <dt>Stream</dt>
            <dd>
              <a href={`/messages?stream=${message.stream}`}>{message.stream}</a>
            </dd>
            <dt>Size</dt>
            <dd>
              {bytes(message.sizeBytes)}{' '}
              {content && (
                <span class="quiet">
                  kept until <Time ms={contentUntilMs(message)} />
                </span>
              )}
            </dd>
            {message.tags.length > 0 && (
              <>
                <dt>Tags</dt>
                <dd class="row">
                  {message.tags.map((tag) => (
                    <a class="tag" href={`/messages?tag=${encodeURIComponent(tag)}`} title={tag}>
                      <bdi>{tag}</bdi>
                    </a>
                  ))}
                </dd>
              </>
            )}
            {Object.entries(message.metadata).map(([name, value]) => (
              <>
                <dt>
                  <bdi>{name}</bdi>
                </dt>
                <dd>
                  <bdi>{value}</bdi>
                </dd>
              </>
            ))}
            {Object.values(message.tracked).some(Boolean) && (
              <>
                <dt>Tells back</dt>
                <dd>
                  {[
                    message.tracked.opens ? 'opens' : [],
                    message.tracked.clicks ? 'clicks' : [],
                    message.tracked.unsubscribe ? 'unsubscribing' : [],
                  ]
                    .flat()
                    .join(', ')}
                </dd>
              </>
            )}
            <dt>Message id</dt>
            <dd class="with-copy">
              <code id="message-id">{message.messageId}</code>
              <Copy of="message-id" what="the message id" />
            </dd>
            <dt>Message-ID field</dt>
            <dd class="with-copy">
              <code id="message-id-field">{message.messageIdHeader}</code>
              <Copy of="message-id-field" what="the Message-ID field" />
            </dd>
          </dl>
        </section>
        <Deliveries message={message} path={path} chosen={c.req.query('recipient')} />
      </div>
      <Content message={message} content={content} view={c.req.query('view') ?? ''} />
      {content?.mail && (
        <MessageAdvice message={message} mail={content.mail} ownHost={new URL(publicOrigin(c)).hostname} />
      )}
    </Page>,
  );
});

/** Many are in the table of recipients below. */
function toText({ addressees: { to, cc } }: StoredMessage): string {
  const [first, ...others] = [...to, ...cc];
  if (first === undefined) return '–';
  return others.length < 4 ? [first, ...others].join(', ') : `${first} and ${others.length} more`;
}

messagePages.page('/messages/:id/raw', async (c, viewer) => {
  const message = await messageOf(c, viewer);
  const body = await bodyOf(c, message);
  if (!body) throw new Problem('not_found', `${contentKept(message)}, and its time is over.`);
  return new Response(body, { headers: mailHeaders(message.messageId) });
});

messagePages.page('/messages/:id/html', async (c, viewer) => {
  const mail = await shownMailOf(c, await messageOf(c, viewer));
  if (!mail?.html) throw new Problem('not_found', 'This message has no HTML that can be shown.');
  return mailFrame(withOwnPictures(mail));
});

messagePages.page('/messages/:id/parts/:part', async (c, viewer) => {
  const mail = await shownMailOf(c, await messageOf(c, viewer));
  const part = mail && partsOf(mail).find(({ id }) => id === c.req.param('part'));
  if (!part) throw new Problem('not_found', 'This message has no such part, or its content is gone.');
  return new Response(part.content, { headers: downloadHeaders(part.fileName) });
});

async function shownMailOf(c: Call, message: StoredMessage): Promise<Email | null> {
  const body = message.sizeBytes <= shownBytes ? await bodyOf(c, message) : null;
  return body ? await parseMail(body) : null;
}

messagePages.action('/messages/:id/cancel', async (c, viewer) => {
  const { messageId } = await messageOf(c, viewer);
  const path = `/messages/${messageId}`;
  try {
    await callApi(
      c,
      viewer.account.accountId,
      { method: 'POST', path: `/emails/${messageId}/cancel` },
      z.unknown(),
    );
  } catch (error) {
    if (error instanceof Problem && error.code === 'conflict')
      return c.redirect(`${path}?done=nothing-to-cancel`, 303);
    throw error;
  }
  return c.redirect(`${path}?done=canceled`, 303);
});

messagePages.action('/messages/:id/resend', async (c, viewer) => {
  const message = await messageOf(c, viewer);
  const body = await bodyOf(c, message);
  if (!body) throw new Problem('not_found', `${contentKept(message)}; it cannot be sent again.`);
  const query = new URLSearchParams([['mail_from', addressOf(message.fromHeader)]]);
  for (const { recipient } of message.deliveries) query.append('rcpt_to', recipient);
  const content = renewed(body, message);
  const sent = await callApi(
    c,
    viewer.account.accountId,
    { method: 'POST', path: `/send/raw?${query}`, raw: { type: 'message/rfc822', content } },
    z.object({ message_id: z.string() }),
  );
  return c.redirect(`/messages/${sent.message_id}?done=resent`, 303);
});

function addressOf(from: string): string {
  return /<([^<>]+)>\s*$/.exec(from)?.[1] ?? from;
}

/** The same mail as a new one: the intake gives it a Message-ID and Date of its own (RFC 5322 §3.6.4). */
function renewed(raw: Uint8Array, message: StoredMessage): Uint8Array {
  let text = '';
  for (let at = 0; at < raw.length; at += 8192) text += String.fromCharCode(...raw.subarray(at, at + 8192));
  const end = text.indexOf('\r\n\r\n');
  const header = text
    .slice(0, end + 2)
    .replaceAll(/^(?:message-id|date|x-pennypost-[a-z-]+):.*\r\n(?:[ \t].*\r\n)*/gim, '');
  const control = [`X-Pennypost-Class: ${message.class}\r\n`];
  if (message.stream !== defaultStream) control.push(`X-Pennypost-Stream: ${message.stream}\r\n`);
  if (message.tags.length > 0 && message.tags.every((tag) => /^[\x20-\x7e]+$/.test(tag)))
    control.push(`X-Pennypost-Tags: ${message.tags.join(', ')}\r\n`);
  return latin1Bytes(control.join('') + header + text.slice(end));
}
