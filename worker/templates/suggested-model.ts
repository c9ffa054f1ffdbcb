import type { Expression, Part } from './parse.ts';

/** Bounds of what is suggested; what is beyond them is left out. */
const mostNodes = 2000;
const mostDepth = 12;
/** So many entries show that a list is one; in lists inside of it one does. */
const entries = 3;

interface Node {
  name: string;
  depth: number;
  isList: boolean;
  members: Map<string, Node>;
}

interface Frame {
  node: Node;
  parent: Frame | null;
  names: ReadonlyMap<string, Node>;
}

/**
 * Values that fit what templates read, to begin a model with: `{name: "name_Value"}`, an object where members are read and
 * a list where it is gone through.
 */
export function suggestedModel(sources: readonly (readonly Part[])[]): Record<string, unknown> {
  const root = nodeOf('', 0);
  let nodes = 0;

  const member = (of: Node, name: string): Node => {
    const there = of.members.get(name);
    if (there) return there;
    const made = nodeOf(name, of.depth + 1);
    if (nodes < mostNodes && made.depth <= mostDepth) {
      nodes += 1;
      of.members.set(name, made);
    }
    return made;
  };
  const found = (value: Expression, frame: Frame): Node | null => {
    if (value.kind === 'lookup') {
      found(value.of, frame);
      found(value.key, frame);
      return null;
    }
    if (value.kind === 'literal') return null;
    const [first = '', ...rest] = value.parts;
    if (value.data) return first === 'root' ? rest.reduce(member, root) : null;
    const bound = value.scoped ? undefined : frame.names.get(first);
    if (bound) return rest.reduce(member, bound);
    let at: Frame | null = frame;
    for (let up = 0; up < value.up && at; up++) at = at.parent;
    return at && value.parts.reduce(member, at.node);
  };
  const walk = (parts: readonly Part[], frame: Frame): void => {
    for (const part of parts) {
      if (part.kind === 'text') continue;
      const node = found(part.value, frame);
      if (part.kind === 'print') continue;
      if (node && part.helper === 'each') node.isList = true;
      const goesIn =
        node !== null && (part.helper === 'each' || part.helper === 'with' || part.helper === 'section');
      const [name] = part.names;
      const names = node && name !== undefined ? new Map(frame.names).set(name, node) : frame.names;
      walk(part.body, goesIn ? { node, parent: frame, names } : frame);
      walk(part.otherwise, frame);
    }
  };
  for (const parts of sources) walk(parts, { node: root, parent: null, names: new Map() });
  return membersOf(root, false);
}

function nodeOf(name: string, depth: number): Node {
  return { name, depth, isList: false, members: new Map() };
}

function membersOf(node: Node, inList: boolean): Record<string, unknown> {
  return Object.fromEntries([...node.members].map(([name, one]) => [name, shownOf(one, inList)]));
}

function shownOf(node: Node, inList: boolean): unknown {
  const isEmpty = node.members.size === 0;
  if (!node.isList) return isEmpty ? `${node.name.slice(0, 60)}_Value` : membersOf(node, inList);
  const entry = isEmpty ? `${node.name.slice(0, 60)}_Value` : membersOf(node, true);
  return Array.from({ length: inList ? 1 : entries }, () => entry);
}
