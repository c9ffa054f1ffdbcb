import MarkdownIt, { type Token } from 'markdown-it';
import { Problem } from '#domain/problem.ts';

/** Deepest nesting of quotes and lists. */
const mostLevels = 40;

/** Its time is linear in the text. What is nested deeper than this it would leave out. */
const parser = new MarkdownIt({ html: true, linkify: true, maxNesting: mostLevels + 4 });
// Only whole addresses are links: `readme.md` is no host.
parser.linkify.set({ fuzzyLink: false, fuzzyEmail: false });

/**
 * Markdown (CommonMark with GitHub's tables and strikethrough) as HTML and as plain text.
 * @throws Problem 400 when it is nested too deeply
 */
export function renderMarkdown(markdown: string): { html: string; text: string } {
  const environment = {};
  const tokens = parser.parse(markdown, environment);
  if (tokens.some(({ level }) => level > mostLevels)) {
    const detail = `is nested deeper than ${mostLevels} levels`;
    throw new Problem('invalid_body', `/markdown ${detail}`, { errors: [{ pointer: '/markdown', detail }] });
  }
  return {
    html: parser.renderer.render(tokens, parser.options, environment),
    text: `${plainText(tokens)
      .replace(/\n{3,}/g, '\n\n')
      .trim()}\n`,
  };
}

/** A block that is open: what its lines begin with, its first line and the others. */
interface Open {
  first: string;
  rest: string;
  lines: string[];
}

/** Every block ends in an empty line; marks that only style are left out, a link keeps its address. */
function plainText(tokens: readonly Token[]): string {
  const open: Open[] = [{ first: '', rest: '', lines: [] }];
  const numbers: (number | null)[] = [];
  const write = (text: string) => {
    for (const line of text.split('\n')) open.at(-1)?.lines.push(line);
  };
  const close = (end: (lines: string[]) => string[]) => {
    const block = open.pop();
    if (!block) return;
    const lines = end(trimLines(block.lines));
    write(lines.map((line, i) => ((i === 0 ? block.first : block.rest) + line).trimEnd()).join('\n'));
  };
  tokens.forEach((token, i) => {
    switch (token.type) {
      case 'inline': {
        const opener = tokens[i - 1];
        const text = inlineText(token.children ?? []);
        if (opener?.type === 'heading_open') write(heading(text, Number(opener.tag.slice(1))));
        else if (opener?.type === 'th_open' || opener?.type === 'td_open') open.at(-1)?.lines.push(text);
        else write(opener?.hidden ? text : `${text}\n`);
        break;
      }
      case 'fence':
      case 'code_block':
        write(`${token.content.trimEnd().replace(/^(?=.)/gm, '    ')}\n`);
        break;
      case 'html_block':
        write(`${withoutTags(token.content).trimEnd()}\n`);
        break;
      case 'hr':
        write('----\n');
        break;
      case 'blockquote_open':
        open.push({ first: '> ', rest: '> ', lines: [] });
        break;
      case 'blockquote_close':
        close((lines) => lines);
        write('');
        break;
      case 'bullet_list_open':
        numbers.push(null);
        break;
      case 'ordered_list_open':
        numbers.push(Number(token.attrGet('start') ?? 1));
        break;
      case 'list_item_open': {
        const number = numbers.at(-1) ?? null;
        const first = number === null ? '- ' : `${number}. `;
        if (number !== null) numbers.push((numbers.pop() ?? 0) + 1);
        open.push({ first, rest: ' '.repeat(first.length), lines: [] });
        break;
      }
      case 'list_item_close':
        close((lines) => lines.filter((line) => line !== ''));
        break;
      case 'bullet_list_close':
      case 'ordered_list_close':
        numbers.pop();
        write('');
        break;
      case 'tr_open':
        open.push({ first: '', rest: '', lines: [] });
        break;
      case 'tr_close':
        close((cells) => [cells.join(' | ')]);
        break;
      case 'table_close':
        write('');
        break;
    }
  });
  return open[0]?.lines.join('\n') ?? '';
}

function heading(text: string, depth: number): string {
  if (depth > 2) return `${text}\n`;
  return `${text}\n${(depth === 1 ? '=' : '-').repeat(text.length)}\n`;
}

function inlineText(tokens: readonly Token[]): string {
  const pieces: string[] = [];
  const links: { href: string; start: number }[] = [];
  for (const token of tokens) {
    if (token.type === 'link_open')
      links.push({ href: String(token.attrGet('href') ?? ''), start: pieces.length });
    else if (token.type === 'link_close') pieces.push(addressOf(links.pop(), pieces));
    else if (token.type === 'softbreak' || token.type === 'hardbreak') pieces.push('\n');
    else if (token.type === 'image') pieces.push(inlineText(token.children ?? []));
    else if (token.type === 'html_inline') pieces.push(withoutTags(token.content));
    else pieces.push(token.content);
  }
  return pieces.join('');
}

/** The address of a link behind its text, unless the text says it. */
function addressOf(link: { href: string; start: number } | undefined, pieces: readonly string[]): string {
  if (!link) return '';
  const said = pieces.slice(link.start).join('');
  return said === link.href || `mailto:${said}` === link.href ? '' : ` (${link.href})`;
}

function withoutTags(html: string): string {
  return html.replace(/<[^<>]*>/g, '');
}

function trimLines(lines: string[]): string[] {
  const start = lines.findIndex((line) => line !== '');
  const end = lines.findLastIndex((line) => line !== '');
  return start < 0 ? [] : lines.slice(start, end + 1);
}
