import { htmlAboveQuote, htmlText } from './html-text.ts';

/**
 * The new text of a reply: what its writer wrote, without what the mail program quoted. Own rules: the kept library for
 * it (email-reply-parser) takes quadratic time on hostile text unless it is given a native engine, which workerd has not.
 * Time is linear in the text.
 */

/** Reads no more characters than this. */
const mostCharacters = 1_048_576;
const marker = /###\s{0,3}reply above this line\s{0,3}###/i;
/** A quoted line (RFC 3676 §4.5), also with the initials of the writer as some programs do. */
const quoted = /^\s{0,3}(?:[A-Z]{1,3})?>/;
/** A line that introduces a quote is rarely wrapped over more lines, or longer. */
const attributionLines = 4;
const attributionCharacters = 500;

/**
 * What mail programs say of a writer in the line that introduces a quote: English, German, French, Spanish, Italian,
 * Portuguese, Dutch, Swedish with Danish and Norwegian, Finnish, Polish, Czech, Russian, Ukrainian, Turkish, Hungarian,
 * Romanian, Chinese, Japanese, Korean.
 */
const verb =
  /(?:^|[\s>)，,])(?:wrote|writes|schrieb|a écrit|escribió|ha scritto|escreveu|schreef|skrev|kirjoitti|napisał(?:\(a\)|a)?|pisze|napsal(?:\(a\)|a)?|написал(?:\(а\)|а)?|пишет|написав|написала|пише|yazdı|írta|a scris)(?=[\s:])|写道|寫道|書きました|작성|쓴 글/i;
const mailbox = /[<(]<?[^<>()\s]{1,200}@[^<>()\s]{1,200}>?[>)]/;
const time = /\d[:.h]\d\d/;
const year = /(?:^|\D)(?:19|20)\d\d(?!\d)/;

/** Lines above the whole original (Outlook and its relatives). */
const separators =
  /^[-_\s]{2,}(?:original message|ursprüngliche nachricht|originalnachricht|message d'origine|message original|mensaje original|messaggio originale|mensagem original|oorspronkelijk bericht|originalmeddelande|ursprungligt meddelande|oprindelig meddelelse|opprinnelig melding|alkuperäinen viesti|wiadomość oryginalna|původní zpráva|исходное сообщение|оригінальне повідомлення|orijinal mesaj|eredeti üzenet|原始邮件|原始郵件|元のメッセージ|원본 메시지)[-_\s]{2,}$/i;

/** Names of the fields that Outlook writes above an original: who, and the others. */
const who =
  /^\*?(?:from|von|de|da|van|från|fra|lähettäjä|od|от|від|kimden|feladó|发件人|寄件者|差出人|送信者|보낸 사람)\s?[:：]\*?\s?\S/i;
const others =
  /^\*?(?:sent|date|to|cc|subject|gesendet|datum|an|betreff|envoyé|à|objet|enviado(?: el| em)?|fecha|data|para|asunto|assunto|inviato|a|oggetto|verzonden|aan|onderwerp|skickat|till|ämne|sendt|til|emne|lähetetty|vastaanottaja|aihe|wysłano|do|temat|odesláno|komu|předmět|отправлено|дата|кому|тема|надіслано|gönderilen|gönderildi|tarih|kime|konu|küldve|elküldve|címzett|tárgy|发送时间|日期|收件人|主题|傳送時間|收件者|主旨|送信日時|日時|宛先|件名|보낸 날짜|날짜|받는 사람|제목)\s?[:：]/i;

/** What programs write above a message that is forwarded, in the same languages. */
const forwarded =
  /^-{3,}.+-{3,}$|forward|weitergeleitet|transféré|reenviado|inoltrat|encaminhad|doorgestuurd|vidarebefordra|videresend|välitetty|przekazana|přeposlan|переслан|пересла|iletilen|továbbított|转发|轉寄|転送|전달/i;

/**
 * What was written above `### Reply Above This Line ###`, else all that is not quoted: without lines that begin with
 * `>`, the line that introduces them, and the original below a mail program's separator.
 * @returns without empty lines at its ends
 */
export function replyText(text: string): string {
  const lines = text
    .slice(0, mostCharacters)
    .split('\n')
    .map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  const marked = lines.findIndex((line) => marker.test(line));
  const end = Math.min(marked < 0 ? lines.length : marked, startOfOriginal(lines));
  const kept = lines.slice(0, end);
  const own: string[] = [];
  for (let at = 0; at < kept.length; at++) {
    const length = attributionAt(kept, at);
    if (length === 0) {
      const line = kept[at] ?? '';
      if (!quoted.test(line)) own.push(line);
      continue;
    }
    const after = kept.slice(at + length, at + length + 3).find((line) => line.trim() !== '');
    // A quote without marks (text made from HTML) has no end of its own.
    if (after === undefined || !quoted.test(after)) break;
    at += length - 1;
  }
  return trimmed(own).join('\n');
}

function startOfOriginal(lines: readonly string[]): number {
  const at = lines.findIndex((line, i) => isSeparator(line) || isOutlookHeader(lines, i));
  if (at < 0) return lines.length;
  // Outlook draws a line above.
  return /^_{5,}\s*$/.test(lines[at - 1] ?? '') ? at - 1 : at;
}

function isSeparator(line: string): boolean {
  return line.length < 200 && separators.test(line.trim());
}

function isOutlookHeader(lines: readonly string[], at: number): boolean {
  if (!who.test((lines[at] ?? '').slice(0, 100))) return false;
  const next = lines.slice(at + 1, at + 6).filter((line) => others.test(line.slice(0, 100)));
  // What is forwarded was sent on purpose.
  const above = lines.slice(Math.max(0, at - 2), at).some((line) => forwarded.test(line.slice(0, 200)));
  return next.length >= 2 && !above;
}

/** How many lines the introduction of a quote has that begins here; 0: there is none. */
function attributionAt(lines: readonly string[], at: number): number {
  const joined: string[] = [];
  for (let length = 1; length <= attributionLines; length++) {
    const line = (lines[at + length - 1] ?? '').trim();
    if (line === '' || quoted.test(line)) return 0;
    joined.push(line.slice(0, attributionCharacters + 1));
    if (!/[:：]$/.test(line)) continue;
    if (isAttribution(joined)) {
      // What is above its first line is not of it.
      return joined.length === 1 || !isAttribution(joined.slice(1)) ? length : 0;
    }
    if (length === 1 && verb.test(joined.join()) && isAlone(lines, at)) return 1;
  }
  return 0;
}

function isAttribution(lines: readonly string[]): boolean {
  const text = lines.join(' ');
  if (text.length > attributionCharacters) return false;
  const isDated = time.test(text) || year.test(text);
  return verb.test(text)
    ? isDated && (time.test(text) || mailbox.test(text))
    : time.test(text) && year.test(text) && mailbox.test(text);
}

/** A line between an empty one and a quote. */
function isAlone(lines: readonly string[], at: number): boolean {
  const after = lines.slice(at + 1, at + 3).find((line) => line.trim() !== '');
  return (lines[at - 1] ?? '').trim() === '' && after !== undefined && quoted.test(after);
}

function trimmed(lines: readonly string[]): readonly string[] {
  const start = lines.findIndex((line) => line.trim() !== '');
  return start < 0 ? [] : lines.slice(start, lines.findLastIndex((line) => line.trim() !== '') + 1);
}

/** The new text of a mail; of one that is HTML only, what its HTML says above the quote. */
export function replyOf(mail: { text: string; html: string }): string {
  return replyText(mail.text.trim() === '' ? htmlText(htmlAboveQuote(mail.html)) : mail.text);
}
