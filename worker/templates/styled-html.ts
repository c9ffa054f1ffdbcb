import { DomHandler, type Element, isTag, isText } from 'domhandler';
import { Parser } from 'htmlparser2';

/** HTML of a mail as its elements, each with the places at which its text can be changed. Offsets are of UTF-16 units. */

export interface Place {
  /** Behind its name in the opening tag. */
  nameEnd: number;
  /** The attribute `style`; null: it has none. */
  style: { from: number; to: number } | null;
}

export interface Style {
  text: string;
  /** Where the text begins. */
  from: number;
  /** `all`: it holds everywhere. */
  media: string;
}

export interface ReadHtml {
  /** All but those of the head, in their order. */
  elements: Element[];
  places: Map<Element, Place>;
  styles: Style[];
  /** Of elements in each other. */
  depth: number;
  /** Most elements and texts in one element. */
  widest: number;
}

const unseen = new Set('head meta title link base style script template'.split(' '));

export function readElements(html: string): ReadHtml {
  const handler = new PlacedHandler();
  const parser = new Parser(handler);
  handler.locate = () => [parser.startIndex, parser.endIndex];
  parser.write(html);
  parser.end();
  const styles = handler.all.flatMap((element) => styleOf(element));
  const elements = handler.all.filter(({ name }) => !unseen.has(name));
  const widest = handler.all.reduce(
    (most, { children }) => Math.max(most, children.length),
    handler.root.children.length,
  );
  return { elements, places: handler.places, styles, depth: handler.deepest, widest };
}

/** Builds the tree, and notes where things stand. */
class PlacedHandler extends DomHandler {
  readonly places = new Map<Element, Place>();
  readonly all: Element[] = [];
  deepest = 0;
  locate: () => [number, number] = () => [0, 0];
  #style: Place['style'] = null;

  constructor() {
    super(undefined, { withStartIndices: true, withEndIndices: true });
  }

  onattribute(name: string): void {
    if (name !== 'style' || this.#style !== null) return;
    const [from, to] = this.locate();
    this.#style = { from, to };
  }

  override onopentag(name: string, attributes: Record<string, string>): void {
    super.onopentag(name, attributes);
    const element = this.tagStack.at(-1);
    const style = this.#style;
    this.#style = null;
    if (element === undefined || !isTag(element)) return;
    this.deepest = Math.max(this.deepest, this.tagStack.length);
    this.all.push(element);
    this.places.set(element, { nameEnd: (element.startIndex ?? 0) + 1 + name.length, style });
  }
}

function styleOf({ name, attribs, children }: Element): Style[] {
  const [text] = children;
  if (name !== 'style' || text === undefined || !isText(text) || text.startIndex === null) return [];
  if (!/^(?:|text\/css)$/i.test(attribs.type?.trim() ?? '')) return [];
  const media = attribs.media?.trim().toLowerCase() || 'all';
  return [{ text: text.data, from: text.startIndex, media }];
}
