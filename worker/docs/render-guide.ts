import MarkdownIt, { type Token } from 'markdown-it';

/** A heading of a guide with what stands below it, up to the next. */
export interface GuideSection {
  /** What its heading is reached by, within the page; empty: the top. */
  anchor: string;
  title: string;
  /** Its text without marks, for searching. */
  text: string;
  level: number;
}

export interface RenderedGuide {
  html: string;
  sections: readonly GuideSection[];
}

const parser = new MarkdownIt({ linkify: false });
const { rules } = parser.renderer;
// What is wider than the page is scrolled by itself; with the keyboard, too.
rules.table_open = () => '<div class="scroll" tabindex="0"><table>\n';
rules.table_close = () => '</table></div>\n';
rules.th_open = () => '<th scope="col">';
rules.fence = (tokens, index) =>
  `<div class="code"><pre tabindex="0"><code>${parser.utils.escapeHtml(tokens[index]?.content ?? '')}</code></pre></div>\n`;
rules.heading_open = (tokens, index) => {
  const anchor = anchorOf(tokens[index + 1]);
  const { tag } = tokens[index] as Token;
  return tag === 'h1' ? '<h1>' : `<${tag} id="${anchor}"><a href="#${anchor}">`;
};
rules.heading_close = (tokens, index) => {
  const { tag } = tokens[index] as Token;
  return tag === 'h1' ? '</h1>\n' : `</a></${tag}>\n`;
};

/**
 * A guide as a page shows it: headings are reached by the anchors that repositories give them, links to other guides
 * (`sending.md#classes`) lead to their pages. The text is the project's own, not of others.
 */
export function renderGuide(markdown: string): RenderedGuide {
  const tokens = parser.parse(withoutComments(markdown), {});
  for (const token of tokens.flatMap(({ children }) => children ?? [])) {
    if (token.type === 'link_open') token.attrSet('href', pageOf(String(token.attrGet('href'))));
  }
  return { html: parser.renderer.render(tokens, parser.options, {}), sections: sectionsOf(tokens) };
}

/** Marks of generated tables. */
function withoutComments(markdown: string): string {
  return markdown.replace(/^<!-- .* -->\n/gm, '');
}

function pageOf(href: string): string {
  const guide = /^([\w-]+)\.md(#.*)?$/.exec(href);
  return guide ? `/docs/${guide[1]}${guide[2] ?? ''}` : href;
}

/** Lower case, letters, digits, blanks as hyphens. */
function anchorOf(inline: Token | undefined): string {
  return (inline?.content ?? '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

function sectionsOf(tokens: readonly Token[]): GuideSection[] {
  const sections: GuideSection[] = [];
  tokens.forEach((token, index) => {
    const last = sections.at(-1);
    if (token.type === 'heading_open') {
      const level = Number(token.tag.slice(1));
      const inline = tokens[index + 1];
      sections.push({
        anchor: level === 1 ? '' : anchorOf(inline),
        title: plain(inline?.children ?? []),
        text: '',
        level,
      });
    } else if (last && token.type === 'fence') last.text += `${token.content} `;
    else if (last && token.type === 'inline' && tokens[index - 1]?.type !== 'heading_open')
      last.text += `${plain(token.children ?? [])} `;
  });
  return sections;
}

function plain(tokens: readonly Token[]): string {
  return tokens.map((token) => (token.type === 'softbreak' ? ' ' : token.content)).join('');
}
