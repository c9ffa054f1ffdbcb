import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Beyond,
  beginning,
  type Candidate,
  chooseWork,
  deepestReach,
  type Head,
  headsToPass,
  isDeep,
  parsePlace,
} from '#domain/delivery/lease-choice.ts';

const nowMs = 1_790_000_000_000;
const wish = {
  max: 10,
  otherMax: 10,
  digestMax: 10,
  domainMax: 10,
  excludeDomains: ['no.example'],
  busyDomains: ['busy.example'],
  nowMs,
};
const row = (i: number, more: Partial<Candidate> = {}): Candidate => ({
  messageId: `m${String(i).padStart(6, '0')}`,
  n: 0,
  class: 1,
  domain: 'yes.example',
  accountId: 1,
  dueMs: nowMs - 60_000 + i,
  suspended: false,
  suppression: null,
  mine: false,
  free: true,
  ...more,
});
const head = (key: string, rows: Candidate[], full = false): Head<Candidate> => ({ key, rows, full });

describe('a short look', () => {
  const many = head(
    'a',
    Array.from({ length: 20 }, (_, i) => row(i)),
  );
  const one = head('b', [row(20)]);
  const last = head('c', [row(21)]);

  it('shows the first heads', () => {
    expect(beginning([many, one, last])).toEqual([many, one]);
    expect(beginning([many])).toEqual([many]);
  });

  it('is too short where it shows only the beginning of what is given', () => {
    expect(isDeep([many, one], [row(0)])).toBe(true);
    expect(isDeep([many], [row(0)])).toBe(false);
    expect(isDeep([many, one], [])).toBe(false);
  });
});

describe('the choice of a lease', () => {
  it('takes the most urgent class first over all weeks, then what has been due for longest', () => {
    const heads = [
      head('2026w46/0', [row(9, { class: 0 })]),
      head('2026w47/1', [row(1), row(2)]),
      head('2026w46/1', [row(0)]),
    ];
    const { picked } = chooseWork(heads, { ...wish, max: 3 }, parsePlace(null));
    expect(picked.map(({ messageId }) => messageId)).toEqual(['m000009', 'm000000', 'm000001']);
  });

  it('gives a domain and an account no more than their share while there is other mail, and the rest after that', () => {
    const flood = Array.from({ length: 30 }, (_, i) => row(i, { domain: 'flood.example' }));
    const others = [row(40), row(41, { domain: 'other.example', accountId: 2 })];
    const terms = { ...wish, domainMax: 3 };
    const { picked } = chooseWork([head('w/1', [...flood, ...others])], terms, parsePlace(null));
    expect(picked.slice(0, 5)).toEqual([...flood.slice(0, 3), ...others]);
    expect(picked.slice(5)).toEqual(flood.slice(3, 8));
    const ofOneAccount = [...Array(20).keys()].map((i) => row(i, { domain: `d${i}.example` }));
    const heads = [head('w/1', [...ofOneAccount, row(50, { accountId: 2 })])];
    const accounts = chooseWork(heads, wish, parsePlace(null)).picked.map(({ accountId }) => accountId);
    expect(accounts).toEqual([1, 1, 1, 1, 1, 2, 1, 1, 1, 1]);
  });

  it('keeps room for priority: of other classes it gives no more than is wanted', () => {
    const heads = [
      head('w/1', [row(0), row(1), row(2)]),
      head('w/0', [row(3, { class: 0 }), row(4, { class: 0 })]),
    ];
    const choice = chooseWork(heads, { ...wish, max: 4, otherMax: 1 }, parsePlace(null));
    expect(choice.picked.map(({ class: rank }) => rank)).toEqual([0, 0, 1]);
    expect(choice.more).toBe(true);
  });

  it('ends what is suppressed, and passes by what is suspended or not wanted', () => {
    const suppression = { address: 'a@yes.example', scope: '', reason: 'manual', createdAtMs: 0 };
    const rows = [
      row(0, { suspended: true }),
      row(1, { domain: 'no.example' }),
      row(2, { domain: 'busy.example' }),
      row(3, { suppression }),
      row(4),
    ];
    const choice = chooseWork([head('w/1', rows)], wish, parsePlace(null));
    expect(choice.picked).toEqual([rows[4]]);
    expect(choice.suppressed).toEqual([rows[3]]);
    expect(choice.place.at['w/1']).toEqual([rows[4]?.dueMs, 'm000004', 0]);
    expect(choice.more).toBe(false);
  });

  it('gives a lease whose answer was lost again as it was, and nothing else', () => {
    const rows = [row(0), row(1, { mine: true }), row(2)];
    const choice = chooseWork([head('w/1', rows)], wish, parsePlace(null));
    expect(choice.picked).toEqual([rows[1]]);
    expect(choice.place.at).toEqual({});
    expect(choice.more).toBe(true);
  });

  it('looks again at what has just fallen due, unless it stands in the way', () => {
    const rows = [row(0, { domain: 'no.example', dueMs: nowMs - 1_000 })];
    expect(chooseWork([head('w/1', rows)], wish, parsePlace(null)).place.at).toEqual({});
    const inTheWay = chooseWork([head('w/1', rows, true)], wish, parsePlace(null));
    expect(inTheWay.place.at).toEqual({ 'w/1': [nowMs - 1_000, 'm000000', 0] });
    expect(inTheWay.place.reach).toBe(1);
  });

  it('passes by what others hold where it stands in the way, in one look more, and looks at the rest of it again', () => {
    const held = [row(0, { free: false }), row(1, { free: false })];
    const few = chooseWork([head('w/1', held)], wish, parsePlace(null));
    expect(few).toMatchObject({ picked: [], more: false, place: { reach: 0, at: {} } });
    const inTheWay = chooseWork([head('w/1', held, true)], wish, parsePlace(null));
    expect(inTheWay).toMatchObject({ picked: [], more: true, place: { reach: deepestReach } });
    expect(inTheWay.place.at).toEqual({ 'w/1': [held[1]?.dueMs, 'm000001', 0] });
  });

  it('knows behind which heads something more urgent may stand than what it chose', () => {
    const gone = { suspended: true, class: 0 };
    const passed = head('w/0', [row(0, gone), row(1, gone)], true);
    const usual = head('w/1', [row(2), row(3)], true);
    const choose = (...heads: Head<Candidate>[]) =>
      headsToPass(heads, chooseWork(heads, { ...wish, max: 1 }, parsePlace(null)));
    expect(choose(passed, usual)).toEqual([passed]);
    expect(choose({ ...passed, full: false }, usual)).toEqual([]);
    expect(choose(passed)).toEqual([]);
    expect(choose(head('w/0', [row(0, { class: 0 }), row(1, { class: 0 })], true), usual)).toEqual([]);
  });

  it('gives what is more urgent behind such a head first, and goes on behind what it has seen', () => {
    const heads = [head('w/0', [row(0, { suspended: true, class: 0 })], true), head('w/1', [row(1)])];
    const end = row(900, { class: 0, suspended: true });
    const beyond = (...found: Candidate[]): Beyond<Candidate>[] => [
      {
        key: 'w/0',
        rows: [...found, end],
        all: true,
        from: [row(0).dueMs, 'm000000', 0],
        end: [end.dueMs, 'm000900', 0],
      },
    ];
    const found = [row(500, { class: 0 }), row(600, { class: 0 })];
    const choice = chooseWork(heads, { ...wish, max: 3 }, parsePlace(null), beyond(...found));
    expect(choice.picked).toEqual([...found, row(1)]);
    expect(choice.place.at['w/0']).toEqual([end.dueMs, 'm000900', 0]);
    const full = chooseWork(heads, { ...wish, max: 1 }, parsePlace(null), beyond(...found));
    expect(full.picked).toEqual([found[0]]);
    expect(full.place.at['w/0']).toEqual([found[0]?.dueMs, 'm000500', 0]);
    const nothing = chooseWork(heads, { ...wish, max: 1 }, parsePlace(null), beyond());
    expect(nothing.place.at['w/0']).toEqual([end.dueMs, 'm000900', 0]);
  });

  it('never passes by what is wanted and was not given, however often it is asked', () => {
    const kinds = fc.constantFrom<Partial<Candidate>>(
      {},
      { suspended: true },
      { domain: 'no.example' },
      { class: 2 },
    );
    fc.assert(
      fc.property(
        fc.array(kinds, { maxLength: 60 }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 0, max: 3 }),
        (made, max, digestMax) => {
          const all = made.map((more, i) => row(i, more));
          const given = new Set<Candidate>();
          let place = parsePlace(null);
          for (let turn = 0; turn < 200; turn++) {
            const behind = (rank: number) => {
              const [dueMs = 0] = place.at[`w/${rank}`] ?? [];
              return all
                .filter((one) => one.class === rank && one.dueMs > dueMs && !given.has(one))
                .slice(0, 5);
            };
            const heads = [1, 2].map((rank) => head(`w/${rank}`, behind(rank), behind(rank).length === 5));
            const choice = chooseWork(heads, { ...wish, max, digestMax: turn > 100 ? 5 : digestMax }, place);
            for (const one of choice.picked) given.add(one);
            place = choice.place;
          }
          const wanted = all.filter((one) => !one.suspended && one.domain !== 'no.example');
          expect(given).toEqual(new Set(wanted));
        },
      ),
    );
  });

  it.each([null, '', 'x', '{}', '{"reach":9,"at":{}}', '{"reach":0,"at":{"w":[1]}}', '[]'])(
    'begins at the beginning where the place is %j',
    (text) => {
      expect(parsePlace(text)).toEqual({ reach: 0, at: {}, scout: {} });
    },
  );
});
