import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  fieldsNamed,
  headerField,
  joinMessage,
  type SplitMessage,
  splitMessage,
  toCrlf,
} from '#domain/message/header.ts';

const name = fc.stringMatching(/^[!-9;-~]{1,30}$/);
const line = fc.stringMatching(/^[ -~\x80-\xff]{0,60}$/);
/** A field, folded or not, with any white space that RFC 5322 allows around its value. */
const field = fc
  .tuple(name, fc.constantFrom('', ' ', '\t'), line, fc.array(fc.tuple(fc.constantFrom(' ', '\t'), line)))
  .map(
    ([fieldName, space, first, folds]) =>
      `${fieldName}:${space}${first}${folds.map(([ws, text]) => `\r\n${ws}${text}`).join('')}\r\n`,
  );
const block = fc.array(field, { maxLength: 8 });
const body = fc.array(line).map((lines) => lines.map((text) => `${text}\r\n`).join(''));

/** Text that is nearly a message, and any other text. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary-ascii' }),
  fc
    .array(
      fc.constantFrom('From', ':', ' ', '\t', '\r', '\n', '\r\n', 'x', '"', '(', ')', '\\', '<', '>', '\0'),
    )
    .map((parts) => parts.join('')),
);

function split(text: string): SplitMessage {
  const message = splitMessage(text);
  if (typeof message === 'string') throw new Error(message);
  return message;
}

describe('a message that is split and joined', () => {
  it('is the same byte for byte', () => {
    fc.assert(
      fc.property(block, body, (fields, text) => {
        const whole = `${fields.join('')}\r\n${text}`;
        const message = split(whole);
        expect(joinMessage(message)).toBe(whole);
        expect(message.fields.map((f) => f.raw)).toEqual(fields);
        expect(message.rest).toBe(`\r\n${text}`);
      }),
    );
  });

  it('gets the empty line that it lacks, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(field, { minLength: 1, maxLength: 8 }), (fields) => {
        const whole = fields.join('');
        expect(joinMessage(split(whole))).toBe(`${whole}\r\n`);
        expect(joinMessage(split(whole.slice(0, -2)))).toBe(`${whole}\r\n`);
      }),
    );
  });

  it('loses a field that is left out, and no byte of another', () => {
    fc.assert(
      fc.property(block, block, body, (before, after, text) => {
        const message = split(
          `${before.join('')}Bcc: x@example.com,\r\n y@example.com\r\n${after.join('')}\r\n${text}`,
        );
        const kept = message.fields.filter((_, i) => i !== before.length);
        expect(joinMessage({ fields: kept, rest: message.rest })).toBe(
          `${before.join('')}${after.join('')}\r\n${text}`,
        );
      }),
    );
  });

  it('gets a field of our own in front', () => {
    const message = split('A: b\r\n\r\nbody');
    const fields = [headerField('Date', 'today'), ...message.fields];
    expect(joinMessage({ fields, rest: message.rest })).toBe('Date: today\r\nA: b\r\n\r\nbody');
  });

  it('never makes the splitter throw, and either tells a fault or is kept', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const wire = toCrlf(text);
        const message = splitMessage(wire);
        if (typeof message === 'string')
          expect(message).toMatch(/^line \d+ of the header is not a field: "[ -~]*"$/);
        else expect(joinMessage(message).startsWith(wire)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the header section', () => {
  it('ends at the first empty line', () => {
    const { fields, rest } = split('A: 1\r\nB: 2\r\n\r\nC: 3\r\n\r\nD: 4');
    expect(fields.map((f) => f.name)).toEqual(['A', 'B']);
    expect(rest).toBe('\r\nC: 3\r\n\r\nD: 4');
  });

  it('may be empty', () => {
    expect(split('\r\nbody')).toEqual({ fields: [], rest: '\r\nbody' });
    expect(split('')).toEqual({ fields: [], rest: '' });
  });

  it('has its values unfolded and trimmed, its names as they were written', () => {
    const [one, two] = split('SuBject : a\r\n b\r\n\tc \r\nX:\r\n y\r\n\r\n').fields;
    expect(one).toMatchObject({ name: 'SuBject', value: 'a b\tc' });
    expect(two).toMatchObject({ name: 'X', value: 'y' });
  });

  it('is searched without regard to case', () => {
    const { fields } = split('Bcc: a\r\nbCC: b\r\nX-Bcc: c\r\n\r\n');
    expect(fieldsNamed(fields, 'BCC').map((f) => f.value)).toEqual(['a', 'b']);
  });

  it.each([
    ['From me\r\nA: b\r\n\r\n', 'line 1'],
    ['A: b\r\nnot a field\r\n\r\n', 'line 2'],
    [' begins: folded\r\n\r\n', 'line 1'],
    [': no name\r\n\r\n', 'line 1'],
    ['a b: c\r\n\r\n', 'line 1'],
    ['n\xe4me: c\r\n\r\n', 'line 1'],
  ])('%j is refused and says where', (text, where) => {
    expect(splitMessage(text)).toContain(where);
  });
});

describe('line ends', () => {
  it.each([
    ['a\nb', 'a\r\nb'],
    ['a\rb', 'a\r\nb'],
    ['\n', '\r\n'],
    ['\r', '\r\n'],
    ['a\r\n\nb', 'a\r\n\r\nb'],
    ['a\r\r\nb', 'a\r\n\r\nb'],
    ['a\n\r\nb', 'a\r\n\r\nb'],
    ['a\n.\nb', 'a\r\n.\r\nb'],
    ['a\r\nb\r\n', 'a\r\nb\r\n'],
  ])('%j becomes %j', (text, wire) => expect(toCrlf(text)).toBe(wire));

  it('are all CRLF afterwards, doing it twice changes nothing, and nothing else is touched', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const wire = toCrlf(text);
        expect(wire).not.toMatch(/\r(?!\n)|(?<!\r)\n/);
        expect(toCrlf(wire)).toBe(wire);
        expect(wire.replace(/[\r\n]/g, '')).toBe(text.replace(/[\r\n]/g, ''));
      }),
      { numRuns: 2000 },
    );
  });
});
