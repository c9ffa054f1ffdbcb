/** A place that can be found: a section of a guide, or a call of the API. */
export interface Findable {
  href: string;
  title: string;
  /** Title of the page that it is on. */
  page: string;
  text: string;
}

export interface Found {
  href: string;
  title: string;
  page: string;
  /** Some of its text, in pieces: those that were asked for are `hit`. */
  excerpt: readonly { text: string; hit: boolean }[];
}

/** Most characters of a question, words of it that are looked for, and places that are shown. */
export const searchLimits = { characters: 200, words: 8, results: 20 };

const excerptCharacters = 180;

/**
 * The places that have all of the words (each as the beginning of a word, in any case), the best first; those that have
 * some of them when none has all. A title weighs more than text.
 */
export function search(places: readonly Findable[], question: string): Found[] {
  const words = wordsOf(question);
  if (words.length === 0) return [];
  const rated = places
    .map((place) => ({ place, scores: words.map((word) => score(place, word)) }))
    .filter(({ scores }) => scores.some((one) => one > 0));
  const whole = rated.filter(({ scores }) => scores.every((one) => one > 0));
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
  return (whole.length > 0 ? whole : rated)
    .toSorted((a, b) => sum(b.scores) - sum(a.scores))
    .slice(0, searchLimits.results)
    .map(({ place }) => ({
      href: place.href,
      title: place.title,
      page: place.page,
      excerpt: excerptOf(place.text, words),
    }));
}

/** Words of a question in lower case, each once, without marks around them (`"dkim"?` is `dkim`). */
export function wordsOf(question: string): string[] {
  const words = question
    .slice(0, searchLimits.characters)
    .toLowerCase()
    .split(/\s+/)
    .map((word) => word.replace(/^[^\p{L}\p{N}/$_]+|[^\p{L}\p{N}]+$/gu, ''))
    .filter((word) => word !== '');
  return [...new Set(words)].slice(0, searchLimits.words);
}

function score({ title, page, text }: Findable, word: string): number {
  const inText = beginnings(text.toLowerCase(), word).length;
  const inTitle = beginnings(title.toLowerCase(), word).length;
  const inPage = beginnings(page.toLowerCase(), word).length;
  return (inTitle > 0 ? 12 : 0) + (inPage > 0 ? 4 : 0) + Math.min(inText, 4);
}

/** Where a word begins with these letters. */
function beginnings(text: string, word: string): number[] {
  const places: number[] = [];
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
    if (at === 0 || !/[\p{L}\p{N}]/u.test(text[at - 1] ?? '')) places.push(at);
  }
  return places;
}

function excerptOf(text: string, words: readonly string[]): Found['excerpt'] {
  const plain = text.replace(/\s+/g, ' ').trim();
  const low = plain.toLowerCase();
  const first = Math.min(...words.map((word) => beginnings(low, word)[0] ?? Number.POSITIVE_INFINITY));
  const wanted = Number.isFinite(first) ? Math.max(0, first - 60) : 0;
  const start = wanted === 0 ? 0 : low.indexOf(' ', wanted) + 1;
  const end =
    start + excerptCharacters < plain.length
      ? plain.lastIndexOf(' ', start + excerptCharacters)
      : plain.length;
  const hits = words
    .flatMap((word) => beginnings(low, word).map((at) => ({ at, end: at + word.length })))
    .filter((hit) => hit.at >= start && hit.end <= end)
    .toSorted((a, b) => a.at - b.at || b.end - a.end);
  const pieces: { text: string; hit: boolean }[] = start > 0 ? [{ text: '… ', hit: false }] : [];
  let at = start;
  for (const hit of hits) {
    if (hit.at < at) continue;
    pieces.push(
      { text: plain.slice(at, hit.at), hit: false },
      { text: plain.slice(hit.at, hit.end), hit: true },
    );
    at = hit.end;
  }
  pieces.push({ text: plain.slice(at, end) + (end < plain.length ? ' …' : ''), hit: false });
  return pieces.filter((piece) => piece.text !== '');
}
