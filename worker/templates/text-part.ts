import { Parser } from 'htmlparser2';

/** HTML of mail as plain text, for those who read no HTML: links keep their address, lists their marks. Time is linear. */

/** Of the text that comes out. */
const mostCharacters = 1024 * 1024;

const unseen = new Set(['head', 'style', 'script', 'title', 'template']);
const blocks = new Set(
  'address article aside blockquote center div dl dd dt fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section table tr ul'.split(
    ' ',
  ),
);
/** Blocks with an empty line around them. */
const apart = new Set([
  'p',
  'h1',
  'h2',
  'h3',
  'h4',
  'h5',
  'h6',
  'ul',
  'ol',
  'table',
  'blockquote',
  'pre',
  'hr',
]);

export function textPartOf(html: string): string {
  const writer = new Writer();
  const parser = new Parser(
    {
      onopentag: (name, attributes) => writer.open(name, attributes),
      ontext: (text) => writer.text(text),
      onclosetag: (name) => writer.close(name),
    },
    { decodeEntities: true },
  );
  parser.write(html);
  parser.end();
  return writer.result();
}

class Writer {
  readonly #pieces: string[] = [];
  #characters = 0;
  /** Line ends that are due before more text. */
  #lines = 0;
  #blank = false;
  #hidden = 0;
  #hiddenAt: string[] = [];
  /** Links that are open: where they go, and the piece that their text begins with. */
  readonly #links: { href: string; from: number }[] = [];
  /** Lists that are open: the number of the next entry; null: they have none. */
  readonly #lists: (number | null)[] = [];
  #cells = 0;

  open(name: string, attributes: Readonly<Record<string, string>>): void {
    if (this.#hidden > 0 || unseen.has(name) || isHidden(attributes)) {
      if (!isVoid(name)) {
        this.#hidden += 1;
        this.#hiddenAt.push(name);
      }
      return;
    }
    this.#break(name);
    if (name === 'br') this.#lines = Math.min(this.#lines + 1, 2);
    else if (name === 'hr') this.#write('----');
    else if (name === 'img') this.text(attributes.alt ?? '');
    else if (name === 'a') this.#links.push({ href: attributes.href ?? '', from: this.#pieces.length });
    else if (name === 'ul' || name === 'ol') this.#lists.push(name === 'ol' ? 1 : null);
    else if (name === 'li') this.#mark();
    else if (name === 'tr') this.#cells = 0;
    else if (name === 'td' || name === 'th') {
      this.#cells += 1;
      this.#blank = this.#cells > 1;
    }
    if (name === 'hr') this.#break(name);
  }

  close(name: string): void {
    if (this.#hidden > 0) {
      // What is not closed in its turn closes with what is around it.
      if (this.#hiddenAt.at(-1) === name) {
        this.#hidden -= 1;
        this.#hiddenAt.pop();
      }
      return;
    }
    if (name === 'a') this.#address();
    if (name === 'ul' || name === 'ol') this.#lists.pop();
    this.#break(name);
  }

  text(text: string): void {
    if (this.#hidden > 0) return;
    // Characters that only take room, as preview texts are filled up with.
    const plain = text.replace(/\u034f|[\u200b-\u200d\u2060\ufeff\u00ad]/g, '');
    const words = plain.split(/[\s\u00a0]+/);
    if (/^[\s\u00a0]/.test(plain)) this.#blank = true;
    for (const word of words) {
      if (word === '') continue;
      this.#write(word);
      this.#blank = true;
    }
    if (words.length > 0 && !/[\s\u00a0]$/.test(plain) && plain !== '') this.#blank = false;
  }

  result(): string {
    const text = this.#pieces.join('').replace(/[ \t]+\n/g, '\n');
    return text === '' ? '' : `${text}\n`;
  }

  #break(name: string): void {
    if (!blocks.has(name)) return;
    // In a list an entry is a line.
    this.#lines = Math.max(this.#lines, apart.has(name) && this.#lists.length === 0 ? 2 : 1);
  }

  #mark(): void {
    const number = this.#lists.at(-1) ?? null;
    if (number !== null) this.#lists[this.#lists.length - 1] = number + 1;
    this.#write(
      `${'  '.repeat(Math.min(Math.max(this.#lists.length - 1, 0), 10))}${number === null ? '-' : `${number}.`}`,
    );
    this.#blank = true;
  }

  /** The address of a link behind its text, unless the text says it. */
  #address(): void {
    const link = this.#links.pop();
    if (!link || !/^(?:https?|mailto|tel):/i.test(link.href)) return;
    const said = this.#pieces.slice(link.from).join('').trim();
    const plain = link.href.replace(/^(?:mailto|tel):/i, '');
    if (said === link.href || said === plain) return;
    this.#blank ||= said !== '';
    this.#write(said === '' ? link.href : `(${link.href})`);
  }

  #write(text: string): void {
    if (this.#characters > mostCharacters) return;
    const isFirst = this.#pieces.length === 0;
    const before = isFirst ? '' : this.#lines > 0 ? '\n'.repeat(this.#lines) : this.#blank ? ' ' : '';
    this.#lines = 0;
    this.#blank = false;
    this.#characters += before.length + text.length;
    this.#pieces.push(before + text);
  }
}

function isHidden({ style = '', hidden }: Readonly<Record<string, string>>): boolean {
  return hidden !== undefined || /display\s*:\s*none/i.test(style.slice(0, 2000));
}

function isVoid(name: string): boolean {
  return /^(?:area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)$/.test(name);
}
