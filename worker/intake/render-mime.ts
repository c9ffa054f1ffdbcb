import { Buffer } from 'node:buffer';
import * as base64 from 'nodemailer/lib/base64';
import MimeNode from 'nodemailer/lib/mime-node';
import * as qp from 'nodemailer/lib/qp';

/** A message of texts alone. */
export interface Texts {
  text: string | undefined;
  html: string | undefined;
  /** With its angle brackets. */
  messageId: string;
  date: Date;
}

/** Above this a part is left to nodemailer's streams, which hold fewer copies of it. */
const largestPart = 64 * 1024;

/**
 * The bytes of nodemailer's `build()` as latin1 text, but written down at once: passing a small message through
 * streams takes several times the work of encoding it.
 */
export async function renderMime(root: MimeNode): Promise<string> {
  if (!isSmall(root)) return Buffer.from(await root.build()).toString('latin1');
  return ended(render(root));
}

/** What differs between messages of the same frame. */
const slots = { messageId: '\u0001', date: '\u0002', boundary: '\u0003', text: '\u0004', html: '\u0005' };
/** A frame in pieces: every other one is a slot. */
const frames = new Map<string, string[]>();
const mostFrames = 256;

/**
 * The same for texts alone, as most messages are: all but the texts, the id, the time and the boundary is the same in
 * all whose texts are encoded the same way and whose ids are as long. That frame is learned from nodemailer's own
 * message; what cannot be learned from is left to it.
 * @param compile the message as nodemailer has it
 */
export async function renderTexts(of: Texts, compile: () => MimeNode): Promise<string> {
  const { text, html, messageId } = of;
  const encodings = { text: encodingOf(parts.text, text), html: encodingOf(parts.html, html) };
  const key = `${encodings.text} ${encodings.html} ${messageId.length}`;
  const frame = frames.get(key);
  const isUsual =
    /^<[!-;=?-~]+>$/.test(messageId) && [text, html].every((one) => (one?.length ?? 0) <= largestPart);
  if (!frame || !isUsual) {
    const root = compile();
    if (isUsual) learn(key, root, of);
    return await renderMime(root);
  }
  const values: Record<string, string> = {
    [slots.messageId]: messageId,
    [slots.date]: headerDate(of.date),
    [slots.boundary]: Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString('hex'),
    [slots.text]: encoded(text, encodings.text),
    [slots.html]: encoded(html, encodings.html),
  };
  return ended(frame.map((piece, i) => (i % 2 === 0 ? piece : values[piece])).join(''));
}

/** A part of each kind; what is found out about a text stays with a copy that has the rest from it. */
const parts = {
  text: new MimeNode('text/plain; charset=utf-8', { baseBoundary: '-' }),
  html: new MimeNode('text/html; charset=utf-8', { baseBoundary: '-' }),
};

/** The encoding that nodemailer gives a text. */
function encodingOf(part: MimeNode, text: string | undefined): string | false {
  if (!text) return false;
  return (Object.create(part) as MimeNode).setContent(text).getTransferEncoding();
}

function learn(key: string, root: MimeNode, { messageId, date }: Texts): void {
  const isHtml = ({ contentType }: MimeNode) => /^text\/html\b/.test(String(contentType));
  const whole = render(root, (node) =>
    node.multipart ? '' : isHtml(node) ? slots.html : slots.text,
  ).replaceAll(root.baseBoundary, slots.boundary);
  const isOnce = (own: string) => whole.split(own).length === 2;
  if (!/^[0-9a-f]{16}$/.test(root.baseBoundary) || !isOnce(messageId) || !isOnce(headerDate(date))) return;
  const marked = whole.replace(messageId, slots.messageId).replace(headerDate(date), slots.date);
  if (frames.size >= mostFrames) frames.clear();
  frames.set(key, marked.split(/([\u0001-\u0005])/));
}

/** As nodemailer writes the Date field (RFC 5322 §3.3). */
function headerDate(date: Date): string {
  return date.toUTCString().replace('GMT', '+0000');
}

function ended(text: string): string {
  return text.endsWith('\n') ? text : `${text}${text.endsWith('\r') ? '\n' : '\r\n'}`;
}

function isSmall({ content, childNodes }: MimeNode): boolean {
  const plain = !content || typeof content === 'string' || content instanceof Uint8Array;
  return plain && (content?.length ?? 0) <= largestPart && childNodes.every(isSmall);
}

/** @param contentOf what stands for the content of a node */
function render(node: MimeNode, contentOf: (node: MimeNode) => string = encodedContent): string {
  // The boundary is known once the header is built, and the encoding stands in it.
  const header = latin1(node.buildHeaders());
  const head = `${header}\r\n\r\n${contentOf(node)}`;
  if (!node.multipart) return head;
  const children = node.childNodes.map((child) => `--${node.boundary}\r\n${render(child, contentOf)}\r\n`);
  return `${head}${children.join('')}${children.length > 0 ? '' : '\r\n'}--${node.boundary}--\r\n`;
}

function encodedContent(node: MimeNode): string {
  return encoded(node.content, node.getTransferEncoding());
}

function encoded(content: MimeNode['content'] | undefined, encoding: string | false): string {
  if (typeof content !== 'string' && !(content instanceof Uint8Array)) return '';
  if (encoding === 'base64') return base64.wrap(base64.encode(content));
  if (encoding === 'quoted-printable') return qp.wrap(qp.encode(content));
  return typeof content === 'string' ? latin1(content) : Buffer.from(content).toString('latin1');
}

/** The UTF-8 bytes of a text, a character each. */
function latin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}
