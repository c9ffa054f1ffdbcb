import { base64 } from '#domain/base64.ts';
import { fieldOf, mailboxesIn } from '#domain/inbound/formats/addressees.ts';
import { resendFacts } from '#domain/inbound/formats/resend.ts';
import type { ReceivedAttachment, ReceivedMail } from '#domain/inbound/received.ts';
import { Problem } from '#domain/problem.ts';
import { receivedOf } from '../api/inbound-emails.ts';
import { type Call, newApp } from '../http/app.ts';
import { apiOrigin } from '../http/public-origin.ts';
import { rowsOf } from '../identity/rows.ts';
import { headBytes, openMail } from '../received/open-mail.ts';
import type { Received } from '../store/received.ts';
import { readReceived } from '../store/received-object.ts';
import { anyReceived, listReceived } from '../store/received-search.ts';
import { attachmentUrl, linkHoursMs, wholeMail } from '../tokens/attachment-links.ts';
import { listOf } from './pages.ts';
import { listing, resendTime } from './resend-views.ts';

/** `/resend/emails/receiving…`: received mail, whose webhook tells no more than that it came. */
export const resendReceivedApp = newApp();

resendReceivedApp.get('/emails/receiving', (c) =>
  listing(
    c,
    {
      idOf: ({ id }) => id,
      read: async (before: string | null, limit) => {
        const page = { limit, before };
        const { received, next } = await listReceived(
          c.get('store'),
          rowsOf(c),
          anyReceived,
          page,
          Date.now(),
        );
        return { entries: await Promise.all(received.map((one) => headOf(c, one))), next };
      },
      behind: async (id: string) => id,
    },
    (entry: Awaited<ReturnType<typeof headOf>>) => entry,
  ),
);

resendReceivedApp.get('/emails/receiving/:id', async (c) => {
  const received = await receivedOf(c);
  const mail = await mailOf(c, received);
  const { created_at: _, ...facts } = resendFacts(mail);
  const isPlain = c.req.query('html_format') === 'cid';
  return c.json({
    object: 'email',
    id: mail.id,
    ...facts,
    created_at: resendTime(mail.receivedAtMs),
    reply_to: addressesOf(mail, 'reply-to'),
    html: (isPlain ? mail.html : withPictures(mail)) || null,
    text: mail.text || null,
    headers: Object.fromEntries(mail.headers.map(({ name, value }) => [name.toLowerCase(), value])),
    raw: { download_url: await linkTo(c, received, wholeMail), expires_at: expiry() },
  });
});

resendReceivedApp.get('/emails/receiving/:id/attachments', async (c) => {
  const received = await receivedOf(c);
  const { attachments } = await mailOf(c, received);
  const views = await Promise.all(attachments.map((one) => attachmentView(c, received, one)));
  return await listing(
    c,
    listOf(views, ({ id }) => id),
    (view) => view,
  );
});

resendReceivedApp.get('/emails/receiving/:id/attachments/:attachment', async (c) => {
  const received = await receivedOf(c);
  const { attachments } = await mailOf(c, received);
  const attachment = attachments.find(({ id }) => id === c.req.param('attachment'));
  if (!attachment) throw new Problem('not_found', 'The mail has no such attachment.');
  return c.json({ object: 'attachment', ...(await attachmentView(c, received, attachment)) });
});

async function mailOf(c: Call, received: Received): Promise<ReceivedMail> {
  const object = await readReceived(c.get('store'), received, Date.now());
  if (!object) throw new Problem('not_found', 'The content of the mail is not kept any more.');
  return await openMail(new Uint8Array(await object.arrayBuffer()), received);
}

/** As lists tell it, from its beginning; of one whose content is not kept any more, what is. */
async function headOf(c: Call, received: Received) {
  const object = await readReceived(c.get('store'), received, Date.now(), headBytes);
  const mail = await openMail(
    new Uint8Array(object ? await object.arrayBuffer() : new ArrayBuffer(0)),
    received,
  );
  const { created_at: _, attachments, ...facts } = resendFacts(mail);
  return {
    id: received.id,
    ...facts,
    // Of a long mail only the beginning was read.
    attachments: attachments.map((one) => ({
      ...one,
      size: received.sizeBytes > headBytes ? null : one.size,
    })),
    from: received.fromHeader,
    subject: received.subject,
    message_id: received.messageIdHeader,
    created_at: resendTime(received.receivedAtMs),
    reply_to: addressesOf(mail, 'reply-to'),
  };
}

function addressesOf(mail: ReceivedMail, name: string): string[] {
  return mailboxesIn(fieldOf(mail, name)).map(({ address }) => address);
}

/** HTML with the pictures that the mail itself brings (RFC 2392). */
function withPictures({ html, attachments }: ReceivedMail): string {
  const pictures = new Map(
    attachments.flatMap((one) =>
      one.contentId && one.contentType.startsWith('image/') ? [[one.contentId, one] as const] : [],
    ),
  );
  return html.replaceAll(/\bcid:([^"'\s)>]{1,998})/g, (whole, id: string) => {
    const picture = pictures.get(id);
    return picture ? `data:${picture.contentType};base64,${base64(picture.content)}` : whole;
  });
}

async function attachmentView(c: Call, received: Received, one: ReceivedAttachment) {
  return {
    id: one.id,
    filename: one.filename,
    size: one.content.length,
    content_type: one.contentType,
    content_disposition: one.disposition ?? 'attachment',
    ...(one.contentId === null ? {} : { content_id: one.contentId }),
    download_url: await linkTo(c, received, one.id),
    expires_at: expiry(),
  };
}

async function linkTo(
  c: Call,
  { accountId, id: receivedId }: Received,
  attachmentId: string,
): Promise<string> {
  const place = { accountId, receivedId, attachmentId };
  return await attachmentUrl(c.get('env').returnPathKeys, apiOrigin(c), place, Date.now());
}

function expiry(): string {
  return resendTime(Date.now() + linkHoursMs);
}
