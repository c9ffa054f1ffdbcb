import { Marked, type RendererObject, type Tokens } from 'marked';

/** Markdown (CommonMark with GitHub's tables and strikethrough) as HTML and as plain text. */
export function renderMarkdown(markdown: string): { html: string; text: string } {
  return {
    html: toHtml.parse(markdown, { async: false }),
    text: `${toText
      .parse(markdown, { async: false })
      .replace(/\n{3,}/g, '\n\n')
      .trim()}\n`,
  };
}

/** Every block ends in an empty line; marks that only style are left out, a link keeps its address. */
const plain: RendererObject = {
  space: () => '',
  code: ({ text }) => `${indent(text, '    ')}\n\n`,
  blockquote({ tokens }) {
    return `${indent(this.parser.parse(tokens).trim(), '> ')}\n\n`;
  },
  html: ({ text }) => text.replace(/<[^<>]*>/g, ''),
  def: () => '',
  heading({ tokens, depth }) {
    const text = this.parser.parseInline(tokens);
    return depth > 2 ? `${text}\n\n` : `${text}\n${(depth === 1 ? '=' : '-').repeat(text.length)}\n\n`;
  },
  hr: () => '----\n\n',
  list({ items, ordered, start }) {
    const lines = items.map((item, i) => {
      const mark = ordered ? `${Number(start || 1) + i}. ` : '- ';
      const text = this.parser
        .parse(item.tokens)
        .trim()
        .replace(/\n{2,}/g, '\n');
      return mark + indent(text, ' '.repeat(mark.length)).trimStart();
    });
    return `${lines.join('\n')}\n\n`;
  },
  checkbox: ({ checked }) => (checked ? '[x] ' : '[ ] '),
  paragraph({ tokens }) {
    return `${this.parser.parseInline(tokens)}\n\n`;
  },
  table({ header, rows }) {
    const row = (cells: Tokens.TableCell[]) =>
      cells.map((cell) => this.parser.parseInline(cell.tokens)).join(' | ');
    return `${[header, ...rows].map(row).join('\n')}\n\n`;
  },
  strong({ tokens }) {
    return this.parser.parseInline(tokens);
  },
  em({ tokens }) {
    return this.parser.parseInline(tokens);
  },
  codespan: ({ text }) => text,
  br: () => '\n',
  del({ tokens }) {
    return this.parser.parseInline(tokens);
  },
  link({ href, tokens }) {
    const text = this.parser.parseInline(tokens);
    return text === href || `mailto:${text}` === href ? text : `${text} (${href})`;
  },
  image: ({ text }) => text,
  text(token) {
    if (!('tokens' in token) || !token.tokens) return token.text;
    return `${this.parser.parseInline(token.tokens)}\n`;
  },
};
const toHtml = new Marked();
const toText = new Marked({ renderer: plain });

function indent(text: string, by: string): string {
  return text
    .split('\n')
    .map((line) => (by + line).trimEnd())
    .join('\n');
}
