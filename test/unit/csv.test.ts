import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CsvError,
  formatCsvRow,
  inertCell,
  livingCell,
  parseCsv,
  separatorOf,
} from '#domain/suppression/csv.ts';

describe('a cell for a spreadsheet', () => {
  it('is never a formula, and is read back as it was', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^['=+@\t\r-]{1,4}.{0,9}$/s)), (text) => {
        expect(inertCell(text)).not.toMatch(/^[=+\-@\t\r]/);
        expect(livingCell(inertCell(text))).toBe(text);
      }),
    );
  });
});

const cellsOf = (text: string) => parseCsv(text).map((row) => row.cells);

describe('separatorOf', () => {
  it.each([
    ['a,b;c,d\r\n;;;;', ','],
    ['a;b', ';'],
    ['\ufeffa\tb', '\t'],
    ['"a,b,c";d', ';'],
    ['email\r\na;b', ','],
    ['', ','],
  ])('of %j', (text, separator) => {
    expect(separatorOf(text)).toBe(separator);
  });
});

describe('parseCsv', () => {
  it.each([
    [
      'a,b\r\nc,d\r\n',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'a,b\nc,d',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    ['\ufeffa\r\n', [['a']]],
    ['"a,b","c""d"\r\n', [['a,b', 'c"d']]],
    ['"two\r\nlines",x', [['two\r\nlines', 'x']]],
    ['a,,\r\n', [['a', '', '']]],
    ['\r\n\na\r\n\r\n', [['a']]],
    ['""\r\n', []],
    ['a, b ', [['a', ' b ']]],
    ['', []],
  ])('reads %j', (text, rows) => {
    expect(cellsOf(text)).toEqual(rows);
  });

  it('tells the line on which each row begins', () => {
    expect(parseCsv('a\r\n\r\n"x\r\ny"\nz').map((row) => row.line)).toEqual([1, 3, 5]);
  });

  it.each([
    ['a"b', 1],
    ['a\n"b"c', 2],
    ['a\n\n"b', 3],
  ])('refuses %j at line %i', (text, line) => {
    expect(() => parseCsv(text)).toThrow(expect.objectContaining({ name: 'CsvError', line }));
  });

  it('reads back every table that was written', () => {
    const cell = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom('"', ',', '\r', '\n', 'a', ' ', '\ufeff') }),
    );
    const table = fc.array(fc.array(cell, { minLength: 2, maxLength: 5 }), { maxLength: 8 });
    fc.assert(
      fc.property(table, (rows) => {
        expect(cellsOf(rows.map(formatCsvRow).join(''))).toEqual(rows);
      }),
      { numRuns: 5000 },
    );
  });

  it('gives rows or a CsvError for any text', () => {
    const text = fc.string({ unit: fc.constantFrom('"', ',', '\r', '\n', 'a', ' ') });
    fc.assert(
      fc.property(text, (any) => {
        try {
          parseCsv(any);
        } catch (error) {
          expect(error).toBeInstanceOf(CsvError);
        }
      }),
      { numRuns: 5000 },
    );
  });
});
