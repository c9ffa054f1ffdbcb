const mostCharacters = 1_048_576;
const breaks = /<(?:br|\/p|\/div|\/tr|\/h[1-6]|\/li|\/table)\b[^<>]{0,200}>/gi;
const entities: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  nbsp: ' ',
  apos: "'",
};
/** Where mail programs begin what they quote: Gmail, Outlook, Apple Mail and Thunderbird, Yahoo, Proton. */
const quoteStart =
  /<(?:blockquote|div|hr)\b[^<>]{0,300}\b(?:class="[^"<>]{0,100}(?:gmail_quote|yahoo_quoted|protonmail_quote|moz-cite-prefix)|id="(?:appendonsend|divRplyFwdMsg|mail-editor-reference-message-container)|type="cite")/i;

/** HTML as plain text: good enough to read a reply by. Time is linear. */
export function htmlText(html: string): string {
  return withoutUnseen(html.slice(0, mostCharacters))
    .replace(/\s+/g, ' ')
    .replace(breaks, '\n')
    .replace(/<[^<>]{0,5000}>/g, '')
    .replace(/&(?:#(x[0-9a-f]{1,6}|[0-9]{1,7})|([a-z]{2,5}));/gi, (whole, number?: string, name?: string) => {
      if (name !== undefined) return entities[name.toLowerCase()] ?? whole;
      const code = Number(number?.replace(/^x/i, '0x'));
      return code > 31 && code <= 0x10ffff ? String.fromCodePoint(code) : ' ';
    })
    .split('\n')
    .map((line) => line.trim())
    .join('\n');
}

/** The HTML above what a mail program quotes; all of it when it quotes nothing. */
export function htmlAboveQuote(html: string): string {
  const start = quoteStart.exec(html.slice(0, mostCharacters));
  return start ? html.slice(0, start.index) : html;
}

const unseenStart = /<(head|style|script|title)\b[^<>]{0,500}>|<!--/gi;

function withoutUnseen(html: string): string {
  const lower = html.toLowerCase();
  const start = new RegExp(unseenStart);
  let kept = '';
  let at = 0;
  for (let match = start.exec(html); match; match = start.exec(html)) {
    const close = match[1] === undefined ? '-->' : `</${match[1].toLowerCase()}`;
    const end = lower.indexOf(close, match.index);
    kept += html.slice(at, match.index);
    const closed = end < 0 ? -1 : html.indexOf('>', end);
    at = closed < 0 ? html.length : closed + 1;
    start.lastIndex = at;
  }
  return kept + html.slice(at);
}
