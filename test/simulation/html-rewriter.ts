interface LinkElement {
  getAttribute(name: string): string | null;
  setAttribute(name: string, value: string): void;
  hasAttribute(name: string): boolean;
}

interface Handlers {
  element?(
    element: LinkElement & { onEndTag(work: (end: { before(html: string): void }) => void): void },
  ): unknown;
  end?(document: { append(html: string): void }): unknown;
}

/** As much of workerd's HTMLRewriter as the plain letters of a run need: links, and the end of the body. */
export class HtmlRewriter {
  readonly #links: Handlers[] = [];
  readonly #bodies: Handlers[] = [];
  readonly #documents: Handlers[] = [];

  on(selector: string, handlers: Handlers): this {
    (selector.startsWith('a') ? this.#links : this.#bodies).push(handlers);
    return this;
  }

  onDocument(handlers: Handlers): this {
    this.#documents.push(handlers);
    return this;
  }

  transform(response: Response): { text(): Promise<string> } {
    return { text: async () => await this.#rewrite(await response.text()) };
  }

  async #rewrite(html: string): Promise<string> {
    let text = '';
    let from = 0;
    for (const { 0: tag, index } of html.matchAll(/<a\b[^>]*\bhref="[^"]*"[^>]*>/g)) {
      let changed = tag;
      const element = {
        getAttribute: (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(changed)?.[1] ?? null,
        hasAttribute: (name: string) => new RegExp(`\\b${name}\\b`).test(changed),
        setAttribute: (name: string, value: string) => {
          changed = changed.replace(
            new RegExp(`\\b${name}="[^"]*"`),
            () => `${name}="${value.replaceAll('&', '&amp;')}"`,
          );
        },
        onEndTag: () => undefined,
      };
      for (const handlers of this.#links) await handlers.element?.(element);
      text += html.slice(from, index) + changed;
      from = index + tag.length;
    }
    text += html.slice(from);
    const end = {
      before: (added: string) => {
        text = text.replace('</body>', () => `${added}</body>`);
      },
    };
    const body = {
      getAttribute: () => null,
      hasAttribute: () => false,
      setAttribute: () => undefined,
      onEndTag: (work: (of: typeof end) => void) => work(end),
    };
    if (text.includes('</body>')) for (const handlers of this.#bodies) handlers.element?.(body);
    const document = {
      append: (added: string) => {
        text += added;
      },
    };
    for (const handlers of this.#documents) handlers.end?.(document);
    return text;
  }
}
