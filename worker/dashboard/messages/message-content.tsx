import PostalMime, { type Attachment, type Email } from 'postal-mime';
import { Card, Columns } from '../../pages/blocks.tsx';
import { bytes, Code, Cut } from '../../pages/parts.tsx';
import { contentDaysOf } from '../../store/home-tables.ts';
import type { StoredMessage } from '../../store/messages.ts';

/** What was sent: as a reader sees it, as text, as it is on the wire, and its parts. */

/** Larger messages are offered for download only. */
export const shownBytes = 2 * 1024 * 1024;
/** So much of the source stands in the page; the rest is in the download. */
const sourceBytes = 32 * 1024;

/** How long it is, or was, kept: as the account had set it when the message was accepted. */
export function contentKept(message: StoredMessage): string {
  return `The content is kept for ${contentDaysOf(message)} days`;
}

/** A mail as programs read it; null for one that cannot be taken apart. */
export async function parseMail(raw: Uint8Array): Promise<Email | null> {
  return await PostalMime.parse(raw).catch(() => null);
}

interface Part {
  id: string;
  /** Null: the sender gave it none. */
  name: string | null;
  fileName: string;
  type: string;
  content: Uint8Array;
}

/** The parts of a mail: its text, its HTML, and what is attached. */
export function partsOf(mail: Email): Part[] {
  const text = (id: string, name: string, type: string, content: string | undefined) =>
    content ? [{ id, name: null, fileName: name, type, content: new TextEncoder().encode(content) }] : [];
  return [
    ...text('text', 'message.txt', 'text/plain', mail.text),
    ...text('html', 'message.html', 'text/html', mail.html),
    ...mail.attachments.map((attachment, i) => ({
      id: String(i),
      name: attachment.filename,
      fileName: attachment.filename ?? `part-${i + 1}`,
      type: attachment.mimeType,
      content: contentOf(attachment),
    })),
  ];
}

function contentOf({ content }: Attachment): Uint8Array {
  if (typeof content === 'string') return new TextEncoder().encode(content);
  return new Uint8Array(content);
}

/** The HTML with the pictures that the mail itself brings (RFC 2392 `cid:`), since nothing else is loaded. */
export function withOwnPictures(mail: Email): string {
  const html = mail.html ?? '';
  if (!html.includes('cid:')) return html;
  const pictures = new Map(
    mail.attachments
      .filter(({ contentId, mimeType }) => contentId && /^image\/[a-z0-9.+-]+$/i.test(mimeType))
      .map((one) => [(one.contentId ?? '').replace(/^<|>$/g, ''), one]),
  );
  return html.replaceAll(/\bcid:([^"'\s)>]{1,998})/g, (whole, id: string) => {
    const picture = pictures.get(decoded(id));
    return picture ? `data:${picture.mimeType};base64,${base64Of(contentOf(picture))}` : whole;
  });
}

function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

function base64Of(content: Uint8Array): string {
  let text = '';
  for (let at = 0; at < content.length; at += 8192)
    text += String.fromCharCode(...content.subarray(at, at + 8192));
  return btoa(text);
}

const views = [
  { name: 'desktop', text: 'HTML', of: 'html' },
  { name: 'mobile', text: 'Mobile', of: 'html' },
  { name: 'dark', text: 'Dark', of: 'html' },
  { name: 'text', text: 'Text', of: 'text' },
  { name: 'source', text: 'Source', of: 'raw' },
] as const;

/** @param content null: it is too large to be shown, or gone; its `mail`: null when it cannot be taken apart */
export function Content({
  message,
  content,
  view,
}: {
  message: StoredMessage;
  content: { raw: Uint8Array; mail: Email | null } | null;
  view: string;
}) {
  if (!content)
    return (
      <Card id="content" title="Content">
        <p class="quiet">
          {message.sizeBytes > shownBytes
            ? 'It is too large to be shown here; download it.'
            : `${contentKept(message)}, and its time is over. What happened to it is kept for 30 days.`}
        </p>
      </Card>
    );
  const { raw, mail } = content;
  const offered = views.filter(({ of }) => of === 'raw' || mail?.[of]);
  const [first = views[4]] = offered;
  const chosen = offered.find(({ name }) => name === view) ?? first;
  const path = `/messages/${message.messageId}`;
  return (
    <Card
      id="content"
      title="Content"
      aside={
        <nav class="row" aria-label="How the content is shown">
          {offered.map(({ name, text }) => (
            <a
              class="button small"
              href={`${path}?view=${name}#content`}
              aria-current={name === chosen.name ? 'true' : undefined}
            >
              {text}
            </a>
          ))}
        </nav>
      }
    >
      {chosen.of === 'html' && (
        <>
          <iframe
            class={`mail ${chosen.name}`}
            title={`The message as HTML, ${chosen.name}`}
            sandbox=""
            src={`${path}/html`}
          />
          <p class="small quiet">Scripts, forms and pictures from elsewhere are not loaded here.</p>
        </>
      )}
      {chosen.of === 'text' && <Code id="text" what="Text of the message" text={mail?.text ?? ''} wrap />}
      {chosen.of === 'raw' && <Source raw={raw} />}
      {mail && <Parts mail={mail} path={path} />}
    </Card>
  );
}

function Source({ raw }: { raw: Uint8Array }) {
  const text = new TextDecoder('utf-8').decode(raw.subarray(0, sourceBytes));
  const end = text.indexOf('\r\n\r\n');
  const [header, body] = end < 0 ? [text, ''] : [text.slice(0, end), text.slice(end + 4)];
  return (
    <>
      <h3>Header fields</h3>
      <Code id="headers" what="Header fields of the message" text={header} wrap />
      {body !== '' && (
        <>
          <h3>Body</h3>
          <Code id="source" what="Body of the message as it is sent" text={body} wrap />
        </>
      )}
      <p class="small quiet">
        As it was accepted; the signatures are put in front when it is sent.
        {raw.length > sourceBytes &&
          ` The first ${bytes(sourceBytes)} are shown; the rest is in the download.`}
      </p>
    </>
  );
}

function Parts({ mail, path }: { mail: Email; path: string }) {
  const parts = partsOf(mail);
  if (parts.length === 0) return null;
  return (
    <div class="scroll">
      <table class="plain-table cards" aria-label="Parts">
        <Columns names={['Part', 'Type', { num: 'Size' }]} actions />
        <tbody>
          {parts.map(({ id, name, type, content }) => (
            <tr>
              <td class="one">
                {name === null ? (
                  <span class="quiet">
                    {id === 'text' ? 'the text' : id === 'html' ? 'the HTML' : 'no name'}
                  </span>
                ) : (
                  <Cut text={name} />
                )}
              </td>
              <td class="quiet">
                <Cut text={type} />
              </td>
              <td class="num">{bytes(content.length)}</td>
              <td>
                <a href={`${path}/parts/${id}`} aria-label={`Download ${name ?? type}`}>
                  Download
                </a>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
