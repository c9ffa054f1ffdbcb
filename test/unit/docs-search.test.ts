import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Findable, search, searchLimits, wordsOf } from '../../worker/docs/search.ts';

const place = (title: string, text = '', page = 'Page'): Findable => ({
  href: `/${title}`,
  title,
  page,
  text,
});
const titles = (places: Findable[], question: string) => search(places, question).map(({ title }) => title);

describe('a search', () => {
  it('prefers a title to text, and more words to fewer', () => {
    const places = [
      place('Other', 'all about warming'),
      place('Warming'),
      place('Both', 'warming of a domain'),
    ];
    expect(titles(places, 'warming')).toEqual(['Warming', 'Other', 'Both']);
    expect(titles(places, 'warming domain')).toEqual(['Both']);
  });

  it('takes what has some of the words when nothing has all', () => {
    expect(titles([place('One', 'dkim'), place('Two', 'spf')], 'dkim spf')).toEqual(['One', 'Two']);
  });

  it('finds beginnings of words only, in any case', () => {
    expect(titles([place('A', 'Suppressions'), place('B', 'unsuppressed')], 'SUPPRESS')).toEqual(['A']);
  });

  it('shows the place of the words, marked', () => {
    const text = `${'before '.repeat(40)}the needle itself${' after'.repeat(40)}`;
    const [found] = search([place('A', text)], 'needle');
    expect(found?.excerpt.filter(({ hit }) => hit)).toEqual([{ text: 'needle', hit: true }]);
    const shown = found?.excerpt.map((piece) => piece.text).join('') ?? '';
    expect(shown).toMatch(/^… .*the needle itself.* …$/);
    expect(shown.length).toBeLessThan(200);
  });

  it('bounds what it takes, and ignores marks around words', () => {
    expect(wordsOf('"dkim"? (SPF) dkim')).toEqual(['dkim', 'spf']);
    expect(wordsOf('a b c d e f g h i j')).toHaveLength(searchLimits.words);
    expect(wordsOf(' ?! ')).toEqual([]);
    expect(
      search(
        Array.from({ length: 50 }, () => place('a')),
        'a',
      ),
    ).toHaveLength(searchLimits.results);
  });

  it('takes any question and any text, and shows pieces of the text in their order', () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ maxLength: 400 }), (question, text) => {
        for (const { excerpt } of search([place('title', text)], `${question} ${text.slice(0, 3)}`)) {
          const shown = excerpt.map((piece) => piece.text).join('');
          expect(text.replace(/\s+/g, ' ')).toContain(shown.replace(/^… | …$/g, ''));
        }
      }),
    );
  });
});
