import { compile } from 'css-select';
import type { Selector } from 'css-what';
import type { Element } from 'domhandler';
import {
  familyOf,
  type Rule,
  readProperties,
  readStyleSheet,
  type SheetDeclaration,
  selectors,
} from './style-sheet.ts';
import { type ReadHtml, readElements, type Style } from './styled-html.ts';

/**
 * Writes what the `<style>` of a mail says into the `style` attributes of its elements, for mail programs that read no
 * `<style>`. That stays where it is, and where it is read the mail looks as before: what waits for a screen, a pointer or
 * a variable is not written into elements, and goes on winning over what is.
 */

/** Beyond these a mail stays as it is. */
export const inlineBounds = {
  htmlCharacters: 256 * 1024,
  cssCharacters: 64 * 1024,
  elements: 3000,
  /** Elements in elements. */
  depth: 200,
  selectors: 500,
  /** Elements that are looked at, one by one, for all selectors. */
  looks: 500_000,
  /** Declarations that meet elements. */
  met: 50_000,
  /** What all attributes together grow by. */
  addedCharacters: 256 * 1024,
} as const;

/** A declaration as it meets an element. */
interface Met {
  declaration: SheetDeclaration;
  specificity: number;
  order: number;
  /** It stays in the `<style>` alone. */
  waits: boolean;
}

/** A piece of the HTML, and what it becomes. */
interface Edit {
  from: number;
  to: number;
  text: string;
}

/** @returns the same text where there is nothing to do, or too much of it */
export function inlineCss(html: string): string {
  if (html.length > inlineBounds.htmlCharacters || !/<style[\s>]/i.test(html)) return html;
  const read = readElements(html);
  if (read.styles.length === 0 || read.elements.length > inlineBounds.elements) return html;
  const cssCharacters = read.styles.reduce((sum, { text }) => sum + text.length, 0);
  if (read.depth > inlineBounds.depth || cssCharacters > inlineBounds.cssCharacters) return html;
  const met = meet(read);
  if (met === null) return html;
  const { edits, plain } = settle(met);
  let added = 0;
  for (const [element, wins] of plain) {
    const edit = attributeEdit(read, element, wins);
    if (edit === null) continue;
    added += edit.text.length;
    if (added > inlineBounds.addedCharacters) return html;
    edits.push(edit);
  }
  return edited(html, edits);
}

/** What each element is told; null: that is too much to look at. */
function meet({ elements, styles, depth, widest }: ReadHtml): Map<Element, Met[]> | null {
  const sheets = styles.map(rulesOf);
  if (sheets.includes(null)) return null;
  const rules = sheets.flatMap((sheet) => sheet ?? []);
  const read = rules.flatMap((rule) => selectors(rule.prelude).map((selector) => ({ rule, ...selector })));
  if (read.length > inlineBounds.selectors) return null;
  const byName = candidates(elements);
  const met = new Map<Element, Met[]>();
  let looks = 0;
  let order = 0;
  let count = 0;
  for (const { rule, tokens, specificity, waits } of read) {
    order += 1;
    const asked = byName(tokens);
    looks += asked.length * looksOf(tokens, depth, widest);
    if (looks > inlineBounds.looks) return null;
    const matches = asked.length === 0 ? null : matcherOf(tokens);
    for (const element of matches === null ? [] : asked.filter(matches)) {
      count += rule.declarations.length;
      if (count > inlineBounds.met) return null;
      const list = met.get(element) ?? [];
      met.set(element, list);
      for (const declaration of rule.declarations)
        list.push({ declaration, specificity, order, waits: waits || rule.waits || declaration.waits });
    }
  }
  for (const list of met.values()) list.sort((a, b) => a.specificity - b.specificity || a.order - b.order);
  return met;
}

function rulesOf({ text, from, media }: Style): Rule[] | null {
  const rules = readStyleSheet(text, from);
  return media === 'all' || rules === null ? rules : rules.map((rule) => ({ ...rule, waits: true }));
}

/** How many elements a selector may look at to tell whether it meets one. */
function looksOf(tokens: readonly Selector[], depth: number, widest: number): number {
  return tokens.reduce(
    (sum, { type }) =>
      sum + (type === 'descendant' ? depth : type === 'pseudo' || type === 'adjacent' ? widest : 1),
    0,
  );
}

/** Null: nothing that can be looked for. */
function matcherOf(tokens: Selector[]): ((element: Element) => boolean) | null {
  try {
    return compile<Element, Element>([tokens], { cacheResults: false });
  } catch {
    return null;
  }
}

/** Those elements at which a selector may be looked: by class, id or name of its last part. */
function candidates(elements: readonly Element[]): (tokens: readonly Selector[]) => readonly Element[] {
  const named = new Map<string, Element[]>();
  for (const element of elements) {
    const classes = (element.attribs.class ?? '').slice(0, 2000).split(/\s+/).filter(Boolean);
    const names = [element.name, ...classes.map((one) => `.${one}`)];
    if (element.attribs.id) names.push(`#${element.attribs.id}`);
    for (const name of new Set(names)) {
      const list = named.get(name);
      if (list) list.push(element);
      else named.set(name, [element]);
    }
  }
  return (tokens) => {
    let tag: string | null = null;
    for (const token of tokens.toReversed()) {
      if (token.type === 'attribute' && token.ignoreCase !== true) {
        if (token.name === 'class' && token.action === 'element') return named.get(`.${token.value}`) ?? [];
        if (token.name === 'id' && token.action === 'equals') return named.get(`#${token.value}`) ?? [];
      } else if (token.type === 'tag') tag = token.name.toLowerCase();
      else if (/^(?:descendant|child|adjacent|sibling)$/.test(token.type)) break;
    }
    return tag === null ? elements : (named.get(tag) ?? []);
  };
}

/**
 * Decides what is written into elements. A declaration that waits is made important where it wins over all that is
 * written in its stead; where it does not always win, nothing of its family is written into the elements that it may meet.
 */
function settle(met: ReadonlyMap<Element, Met[]>): { edits: Edit[]; plain: Map<Element, Met[]> } {
  const waiting = new Map<string, Set<SheetDeclaration>>();
  const contested = new Set<string>();
  const beaten = new Set<string>();
  const waitingAt = new Map<Element, Set<string>>();
  for (const [element, list] of met) {
    const stronger = new Set(readProperties(element.attribs.style ?? '').map(familyOf));
    for (const { declaration } of list) if (declaration.important) stronger.add(declaration.family);
    const here = new Set<string>();
    waitingAt.set(element, here);
    for (const { declaration, waits } of list.toReversed()) {
      const family = declaration.family;
      if (declaration.important) continue;
      if (!waits) {
        stronger.add(family);
        if (here.has(family)) contested.add(family);
        continue;
      }
      here.add(family);
      waiting.set(family, (waiting.get(family) ?? new Set()).add(declaration));
      if (stronger.has(family)) beaten.add(family);
    }
  }
  const edits = [...waiting].flatMap(([family, declarations]) =>
    beaten.has(family) || !contested.has(family)
      ? []
      : [...declarations].map(({ end }): Edit => ({ from: end, to: end, text: ' !important' })),
  );
  const plain = new Map<Element, Met[]>();
  for (const [element, list] of met) {
    const wins = list.filter(({ waits, declaration }) => {
      const family = declaration.family;
      return !waits && !(beaten.has(family) && waitingAt.get(element)?.has(family));
    });
    if (wins.length > 0) plain.set(element, wins);
  }
  return { edits, plain };
}

/** The attribute with what the rules say before what the element says itself; what is important stands behind it. */
function attributeEdit({ places }: ReadHtml, element: Element, wins: readonly Met[]): Edit | null {
  const place = places.get(element);
  if (!place) return null;
  const own = (element.attribs.style ?? '').trim().replace(/;+$/, '');
  const texts = (important: boolean) =>
    lastOfEach(wins.map(({ declaration }) => declaration).filter((one) => one.important === important));
  const css = [...texts(false), ...(own === '' ? [] : [own]), ...texts(true)].join(';');
  const value = css.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
  const { style } = place;
  if (style) return { from: style.from, to: style.to, text: `style="${value}"` };
  return { from: place.nameEnd, to: place.nameEnd, text: ` style="${value}"` };
}

/** Of declarations of one property the last, at its place. */
function lastOfEach(declarations: readonly SheetDeclaration[]): string[] {
  const texts = new Map<string, string>();
  for (const { property, value } of declarations) {
    texts.delete(property);
    texts.set(property, `${property}:${value}`);
  }
  return [...texts.values()];
}

function edited(html: string, edits: readonly Edit[]): string {
  let at = 0;
  const pieces: string[] = [];
  for (const { from, to, text } of [...edits].sort((a, b) => a.from - b.from)) {
    pieces.push(html.slice(at, from), text);
    at = to;
  }
  return pieces.join('') + html.slice(at);
}
