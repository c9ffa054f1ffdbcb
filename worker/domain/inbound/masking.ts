import { withoutMailboxLine } from '../message/clean-header.ts';
import { decodeWords } from '../message/encoded-word.ts';
import { foldField } from '../message/fold.ts';
import { type HeaderField, type SplitMessage, splitMessage, toCrlf } from '../message/header.ts';
import { type Changes, changeBody, Unreadable } from './rewrite-text.ts';

/** Who writes to whom, and what each may see of the other. */
export interface Masking {
  /** Addresses of the writer that the reader must not see; those of From, Sender and Reply-To are added. */
  writer: readonly string[];
  /** The address by which the reader knows the writer: `reply+<token>@` of the alias domain, or the alias. */
  shownAs: string;
  /** What the writer calls the reader (`reply+<token>@`, the alias): what stands for it in what the reader gets. */
  reader: ReadonlyMap<string, string>;
  /** What stands for each Message-ID, with angle brackets, as `messageIdsIn` lists them; those without are left out. */
  messageIds: ReadonlyMap<string, string>;
}

/**
 * Fields that are kept; all others may tell where the writer is: trace fields, signatures, and what programs add of
 * their own.
 */
const kept = new Set([
  'from', 'to', 'cc', 'subject', 'date', 'message-id', 'in-reply-to', 'references', 'mime-version', 'content-type',
  'content-transfer-encoding', 'content-disposition', 'content-language', 'auto-submitted', 'precedence', 'importance',
  'priority', 'x-priority', 'thread-topic', 'keywords', 'comments',
]); // biome-ignore format: one line reads better
const writerFields = [
  'from',
  'sender',
  'reply-to',
  'return-path',
  'resent-from',
  'resent-sender',
  'errors-to',
  'disposition-notification-to',
  'x-original-from',
  'x-sender',
];
const idFields = ['message-id', 'in-reply-to', 'references'];
const idPattern = /<[^<>\s]{1,990}>/g;
const addressPattern = /[^\s<>()[\]"',;:@\\]{1,128}@[^\s<>()[\]"',;:@\\]{1,255}/g;
const mostAddresses = 100;

type Change = Changes['text'];

/** The Message-IDs of a message that `Masking.messageIds` must know, with angle brackets, each once. */
export function messageIdsIn(message: string): string[] {
  const split = splitMessage(toCrlf(withoutMailboxLine(message)));
  if (typeof split === 'string') return [];
  const values = split.fields.filter(({ name }) => idFields.includes(name.toLowerCase()));
  return [...new Set(values.flatMap(({ value }) => value.match(idPattern) ?? []))];
}

/**
 * A message as its reader may see it: neither header nor text nor a message inside of it has an address of the writer,
 * and the names by which the writer calls the reader are the reader's own. Time is linear.
 * @param message latin1
 * @returns the message, latin1 with CRLF line ends, without signatures, in two parts; or why it cannot be masked: then it must not
 * be sent on
 */
export function maskMessage(
  message: string,
  masking: Masking,
): { message: SplitMessage } | { fault: string } {
  const split = splitMessage(toCrlf(withoutMailboxLine(message)));
  if (typeof split === 'string') return { fault: split };
  const text = changeOf(split.fields, masking);
  const changes: Changes = { text, field: (field) => changedField(field, text).raw };
  try {
    const fields = split.fields
      .filter(({ name }) => kept.has(name.toLowerCase()))
      .flatMap((field) => maskedField(field, masking, text));
    const { rest } = split;
    const body = rest.startsWith('\r\n') ? rest.slice(2) : rest;
    const changed = changeBody(split.fields, body, changes);
    return { message: { fields, rest: `\r\n${changed}` } };
  } catch (error) {
    if (error instanceof Unreadable) return { fault: error.message };
    throw error;
  }
}

function maskedField(field: HeaderField, masking: Masking, change: Change): HeaderField[] {
  const name = field.name.toLowerCase();
  if (name === 'from') return [made('From', fromOf(field.value, masking.shownAs, change))];
  if (idFields.includes(name)) {
    const ids = (field.value.match(idPattern) ?? []).flatMap((id) => masking.messageIds.get(id) ?? []);
    return ids.length === 0 ? [] : [made(field.name, ids.join(' '))];
  }
  return [changedField(field, change)];
}

/** A field with the addresses in it changed, also those in encoded words or with blanks around their dots. */
function changedField(field: HeaderField, change: Change): HeaderField {
  const shown = decodeWords(field.value);
  if (shown !== field.value && change(shown) !== shown) return made(field.name, encodedWord(change(shown)));
  const tight = field.value.replace(/[ \t]{0,20}([@.])[ \t]{0,20}/g, '$1');
  if (change(tight) !== tight) return made(field.name, change(tight));
  return field.raw.endsWith('\r\n') ? field : { ...field, raw: `${field.raw}\r\n` };
}

/** The writer's name with the address that stands for it. */
function fromOf(value: string, shownAs: string, change: Change): string {
  const open = value.lastIndexOf('<');
  const phrase = open < 0 ? '' : value.slice(0, open).trim();
  const shown = decodeWords(phrase.replace(/^"|"$/g, '')).replaceAll('\\', '');
  const name = change(shown).includes('@') ? '' : phrase;
  return name === '' ? shownAs : `${name} <${shownAs}>`;
}

function made(name: string, value: string): HeaderField {
  return { name, value, raw: foldField(name, value) };
}

/** RFC 2047 §2; of text as `decodeWords` gives it. */
function encodedWord(text: string): string {
  const escaped = encodeURIComponent(text.toWellFormed());
  const units = escaped.match(/(?:%[0-9A-F]{2}){1,4}|[^%]/g) ?? [];
  const words: string[] = [];
  let word = '';
  for (const unit of units) {
    const written = /^[A-Za-z0-9]$/.test(unit) ? unit : hexOf(unit);
    if (word.length + written.length > 60) {
      words.push(word);
      word = '';
    }
    word += written;
  }
  return [...words, word].map((one) => `=?utf-8?q?${one}?=`).join(' ');
}

function hexOf(unit: string): string {
  return unit.startsWith('%')
    ? unit.replaceAll('%', '=')
    : `=${unit.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

/** Puts the other name in the place of each address, however its `@` is written in HTML or in a URL. */
function changeOf(fields: readonly HeaderField[], masking: Masking): Change {
  const own = fields
    .filter(({ name }) => writerFields.includes(name.toLowerCase()))
    .flatMap(({ value }) => decodeWords(value).match(addressPattern) ?? [])
    .slice(0, mostAddresses);
  const names = new Map<string, string>();
  for (const address of [...masking.writer, ...own])
    names.set(octetsOf(address.toLowerCase()), masking.shownAs);
  for (const [address, real] of masking.reader) names.set(octetsOf(address.toLowerCase()), octetsOf(real));
  // A longer address first: one may be the end of another.
  const sources = [...names.keys()].toSorted((a, b) => b.length - a.length).map(sourceOf);
  if (sources.length === 0) return (text) => text;
  const pattern = new RegExp(sources.join('|'), 'gi');
  const nameOf = (found: string) => names.get(found.toLowerCase().replace(at, '@')) ?? masking.shownAs;
  let room = mostGrowth;
  return (text) => {
    const pieces: string[] = [];
    let piece = '';
    let from = 0;
    for (const match of text.matchAll(pattern)) {
      const [found] = match;
      const name = nameOf(found);
      room -= Math.max(0, name.length - found.length);
      if (room < 0) throw new Unreadable('it has too many addresses to be masked');
      piece += text.slice(from, match.index) + name;
      from = match.index + found.length;
      if (piece.length < pieceCharacters) continue;
      pieces.push(piece);
      piece = '';
    }
    return from === 0 ? text : [...pieces, piece, text.slice(from)].join('');
  };
}

/** Characters by which all addresses that are changed may make a message longer. */
const mostGrowth = 2 * 1024 * 1024;
const pieceCharacters = 64 * 1024;

const at = /&#0{0,6}64;|&#x0{0,6}40;|&commat;|%40/;

function sourceOf(address: string): string {
  return address
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replace('@', '(?:@|&#0{0,6}64;|&#x0{0,6}40;|&commat;|%40)');
}

/** As UTF-8, a character for each octet: so text is searched. */
function octetsOf(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(/%([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
