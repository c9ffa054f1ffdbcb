import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answeredMailboxes, answerFields, quotedText } from '#domain/inbound/answer.ts';
import { compilePattern, patternLimits } from '#domain/inbound/pattern.ts';
import { readSpamVerdict } from '#domain/inbound/rspamd.ts';
import {
  comparators,
  conditionFault,
  firstRule,
  type Rule,
  type RuleCondition,
} from '#domain/inbound/rule.ts';
import { type ActingRule, mayRefuse, ruledDecision, ruleFacts } from '#domain/inbound/ruled.ts';
import { noVerdicts } from '#domain/inbound/verdicts.ts';

function matches(pattern: string, text: string): boolean {
  const matcher = compilePattern(pattern);
  if (typeof matcher === 'string') throw new Error(matcher);
  return matcher(text);
}

describe('a pattern', () => {
  it.each([
    ['^order [0-9]+$', 'order 17', true],
    ['^order [0-9]+$', 'an order 17', false],
    ['a|b', 'xbx', true],
    ['a{2,3}c', 'xaaac', true],
    ['^a{2}$', 'aaa', false],
    ['^(?:ab)+$', 'ababab', true],
    ['[^@]+@example\\.com', 'a@example.com', true],
    ['example.com', 'EXAMPLE.com', false],
    ['(?i)example\\.com', 'EXAMPLE.com', true],
    ['(?i)[a-c]+x', 'ABCX', true],
    ['\\d\\w\\s\\D', '1a b', true],
    ['', 'anything', true],
    ['a*?b', 'aab', true],
    ['[]', 'a', false],
    ['grüße', 'grüße', true],
  ])('%j in %j: %s', (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });
  it.each([
    ['(', 'has a "(" without a ")"'],
    [')', 'has a ")" without a "(" at 1'],
    ['[a', 'has a "[" without a "]"'],
    ['*', 'has nothing to repeat before "*" at 1'],
    ['(?=a)', 'has "(?" at 1: looking ahead or behind and named groups are not known'],
    ['(a)\\1', 'has "\\1", which is not known'],
    ['[z-a]', 'has the range "z-a", which is the wrong way round'],
    ['a{200}', 'has "{200}": at most 100 repeats, the smaller number first'],
    ['((a{99}){99}){99}', 'is too large: too many repeats within repeats'],
    ['a'.repeat(201), `must have at most ${patternLimits.characters} characters`],
  ])('%j is refused with a reason', (pattern, fault) => {
    expect(compilePattern(pattern)).toBe(fault);
  });
  it('finds what the runtime finds', () => {
    const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\d', '1', '^', '$', '\\.', '\\W', '-');
    const { node } = fc.letrec<{ node: string }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        atom,
        fc.tuple(tie('node'), tie('node')).map(([a, b]) => a + b),
        fc.tuple(tie('node'), tie('node')).map(([a, b]) => `(?:${a}|${b})`),
        fc
          .tuple(tie('node'), fc.constantFrom('*', '+', '?', '{2}', '{1,3}', '{0,}'))
          .map(([a, sign]) => `(${a})${sign}`),
      ),
    }));
    const text = fc.array(fc.constantFrom('a', 'b', '1', '.', '-', ' ')).map((chars) => chars.join(''));
    fc.assert(
      fc.property(node, text, fc.boolean(), (pattern, subject, folds) => {
        fc.pre(pattern.length < 150);
        const matcher = compilePattern(folds ? `(?i)${pattern}` : pattern);
        fc.pre(typeof matcher !== 'string');
        expect((matcher as (of: string) => boolean)(subject)).toBe(
          new RegExp(pattern, folds ? 'i' : '').test(subject),
        );
      }),
      { numRuns: 2000 },
    );
  });
  it('takes any text as a pattern or refuses it', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (pattern, text) => {
        const matcher = compilePattern(pattern);
        expect(['string', 'boolean']).toContain(
          typeof (typeof matcher === 'string' ? matcher : matcher(text)),
        );
      }),
    );
  });
  it('takes time that grows with the text, where others take for ever', () => {
    for (const pattern of ['(a+)+$', '(a|aa)+$', '(.*a){12}$', 'a{0,99}a{0,99}c']) {
      expect(matches(pattern, `${'a'.repeat(16_000)}b`)).toBe(false);
    }
  });
});

describe('a rule', () => {
  const facts = {
    ...{ sender: 'Ann@Shop.example', subject: 'Order 17 arrived', spf: 'pass', dkim: 'fail' },
    headers: [
      { name: 'X-Tag', value: 'one' },
      { name: 'x-tag', value: 'Two' },
    ],
  };
  const rule = (more: Partial<RuleCondition>, of: Partial<Rule> = {}): Rule => ({
    ...{ id: 'r', priority: 1, aliasId: null },
    conditions: [{ field: 'subject', headerName: null, comparator: 'contains', value: 'order', ...more }],
    ...of,
  });
  const found = (one: Rule) => firstRule([one], null, facts) !== null;

  it.each<[string, Partial<RuleCondition>, boolean]>([
    ['sender', { field: 'sender', comparator: 'equals', value: 'ann@shop.EXAMPLE' }, true],
    ['sender_domain', { field: 'sender_domain', comparator: 'equals', value: 'shop.example' }, true],
    ['subject', { field: 'subject', comparator: 'starts_with', value: 'ORDER' }, true],
    [
      'header, any of them',
      { field: 'header', headerName: 'X-TAG', comparator: 'equals', value: 'two' },
      true,
    ],
    [
      'header, none of them',
      { field: 'header', headerName: 'X-Tag', comparator: 'not_equals', value: 'two' },
      false,
    ],
    [
      'header that is not there',
      { field: 'header', headerName: 'X-No', comparator: 'not_contains', value: 'a' },
      true,
    ],
    ['spf', { field: 'spf', comparator: 'equals', value: 'pass' }, true],
    ['dkim', { field: 'dkim', comparator: 'not_equals', value: 'pass' }, true],
    ['equals', { comparator: 'equals', value: 'order' }, false],
    ['not_equals', { comparator: 'not_equals', value: 'order' }, true],
    ['contains', { comparator: 'contains', value: '17' }, true],
    ['not_contains', { comparator: 'not_contains', value: '17' }, false],
    ['starts_with', { comparator: 'starts_with', value: '17' }, false],
    ['ends_with', { comparator: 'ends_with', value: 'ARRIVED' }, true],
    ['matches', { comparator: 'matches', value: '^Order \\d+' }, true],
    ['matches with case', { comparator: 'matches', value: '^order' }, false],
  ])('looks at %s', (_, condition, expected) => {
    expect(found(rule(condition))).toBe(expected);
  });
  it('holds when all of its conditions do', () => {
    const both = (value: string) => ({
      ...rule({}),
      conditions: [...rule({}).conditions, ...rule({ value }).conditions],
    });
    expect([found(both('17')), found(both('18')), found({ ...rule({}), conditions: [] })]).toEqual([
      true,
      false,
      true,
    ]);
  });
  it('of the alias comes before one of the domain, then the smaller priority', () => {
    const rules = [
      rule({}, { id: 'domain-1', priority: 1 }),
      rule({}, { id: 'alias-9', priority: 9, aliasId: 'a' }),
      rule({}, { id: 'alias-5', priority: 5, aliasId: 'a' }),
      rule({}, { id: 'other', priority: 0, aliasId: 'b' }),
    ];
    expect(firstRule(rules, 'a', facts)?.id).toBe('alias-5');
    expect(firstRule(rules, null, facts)?.id).toBe('domain-1');
    expect(firstRule([], null, facts)).toBeNull();
  });
  it('is refused with a reason', () => {
    const fault = (more: Partial<RuleCondition>) =>
      conditionFault({ ...(rule(more).conditions[0] as RuleCondition) });
    expect(fault({ comparator: 'matches', value: '(' })).toBe('value has a "(" without a ")"');
    expect(fault({ field: 'header' })).toContain('header_name must be there');
    expect(fault({ headerName: 'X' })).toContain('header_name must be there');
    expect(fault({ field: 'header', headerName: 'a b' })).toBe('header_name is no name of a header field');
    for (const comparator of comparators) expect(fault({ comparator })).toBeNull();
  });
});

describe('an answer', () => {
  const mail = (...headers: [string, string][]) => ({
    headers: headers.map(([name, value]) => ({ name, value })),
    ...{ messageId: '<3@a.test>', from: 'Ann <ann@a.test>', subject: 'Order' },
  });
  it('goes to Reply-To, else to From', () => {
    expect(answerFields(mail()).to).toBe('Ann <ann@a.test>');
    expect(answerFields(mail(['Reply-To', 'help@a.test'])).to).toBe('help@a.test');
    expect(answerFields(mail(['Reply-To', ' '])).to).toBe('Ann <ann@a.test>');
  });
  it.each([
    ['Ann <ann@a.test>', ['Ann <ann@a.test>']],
    ['"B, Ann" <ann@a.test>, help@a.test', ['"B, Ann" <ann@a.test>', 'help@a.test']],
    ['Ann (at a: b) [x] <ann@a.test>', ['ann@a.test']],
    ['ann@a.test, Ann <ANN@a.test>, Ann <ann@a.test>', ['ann@a.test', 'Ann <ANN@a.test>']],
    ['undisclosed-recipients:;', []],
    ['', []],
    ['a@b.test\r\nBcc: c@d.test', []],
  ])('goes to whoever %j names', (field, mailboxes) => {
    expect(answeredMailboxes(field)).toEqual(mailboxes);
  });
  it('is not for many', () => {
    const many = Array.from({ length: 50 }, (_, i) => `a${i}@a.test`).join(', ');
    expect(answeredMailboxes(many)).toHaveLength(11);
  });
  it('names no id that a header field cannot hold', () => {
    const odd = mail(['References', '<ä@a.test> <2@a.test> <\x01@a.test>']);
    expect(answerFields(odd).headers.References).toBe('<2@a.test> <3@a.test>');
  });
  it('quotes the mail', () => {
    const quoted = { from: 'Ann <ann@a.test>', text: 'Hello\r\n\r\n> older\nBye\n\n', receivedAtMs: 0 };
    expect(quotedText(quoted)).toBe(
      'On 1970-01-01 at 00:00 UTC, Ann <ann@a.test> wrote:\n> Hello\n> \n>> older\n> Bye',
    );
  });
  it('says Re: once', () => {
    expect(answerFields(mail()).subject).toBe('Re: Order');
    expect(answerFields({ ...mail(), subject: 'RE: Order' }).subject).toBe('RE: Order');
    expect(answerFields({ ...mail(), subject: '' }).subject).toBe('Re:');
  });
  it('stands in its thread (RFC 5322 §3.6.4)', () => {
    const chain = answerFields(mail(['References', '<1@a.test> <2@a.test>'], ['In-Reply-To', '<2@a.test>']));
    expect(chain.headers).toEqual({
      'In-Reply-To': '<3@a.test>',
      References: '<1@a.test> <2@a.test> <3@a.test>',
    });
    expect(answerFields(mail(['In-Reply-To', '<2@a.test>'])).headers.References).toBe(
      '<2@a.test> <3@a.test>',
    );
    expect(answerFields(mail(['In-Reply-To', '<1@a.test> <2@a.test>'])).headers.References).toBe(
      '<3@a.test>',
    );
    expect(answerFields({ ...mail(), messageId: '' }).headers).toEqual({});
  });
  it('keeps the first and the last of many', () => {
    const many = Array.from({ length: 100 }, (_, i) => `<${i}@b.test>`).join(' ');
    const ids = answerFields(mail(['References', many])).headers.References?.split(' ') ?? [];
    expect(ids).toHaveLength(20);
    expect([ids[0], ids[1], ids[19]]).toEqual(['<0@b.test>', '<82@b.test>', '<3@a.test>']);
  });
});

describe("rspamd's answer", () => {
  it('is its score, action and symbols by weight', () => {
    const answer = {
      ...{ is_skipped: false, score: 5.2, required_score: 15, action: 'add header' },
      symbols: { A: { name: 'A', score: 0.1 }, B: { name: 'B', score: -3 }, C: { name: 'C' } },
    };
    expect(readSpamVerdict(answer)).toEqual({ score: 5.2, action: 'add header', symbols: ['B', 'A', 'C'] });
  });
  it.each([
    null,
    'x',
    {},
    { score: 'high', action: 'reject' },
    { score: 1, action: '' },
    { score: Number.NaN, action: 'a' },
  ])('is not %j', (answer) => {
    expect(readSpamVerdict(answer)).toBeNull();
  });
  it('is bounded', () => {
    const symbols = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`S${i}`, { score: i }]));
    expect(readSpamVerdict({ score: 1, action: 'no action', symbols })?.symbols).toHaveLength(200);
  });
});

describe('what rules do', () => {
  const facts = ruleFacts({ fromHeader: 'ann@a.test', subject: 'Order', headers: [] }, noVerdicts);
  const known = { address: 'team@home.test', createdAtMs: 0, suppressed: false } as const;
  const forward = (aliasId: string | null, state: 'verified' | 'pending' = 'verified'): ActingRule => ({
    ...{ id: '1', name: 'x', priority: 1, aliasId, action: 'forward', conditions: [], text: '' },
    targets: [known.address],
    forwardTo: [{ ...known, state }],
  });
  const shop = { address: 'shop@alias.test', alias: { id: 7, masked: true } };

  it('is to send on, masked as the alias is, whose address it was', () => {
    expect(ruledDecision([forward('7')], facts, shop, 0)).toEqual({
      ...{ action: 'forward', by: 'rule "x"', address: 'shop@alias.test', alias: 7, masked: true },
      ...{ to: ['team@home.test'], left: [], endpoints: [] },
    });
    expect(ruledDecision([forward(null)], facts, { address: 'a@in.test', alias: null }, 0)).toMatchObject({
      ...{ address: 'a@in.test', alias: null, masked: false },
    });
  });
  it('is to put mail off as long as nobody has agreed, which only the session can tell', () => {
    expect(ruledDecision([forward('7', 'pending')], facts, shop, 0)).toMatchObject({ reply: '450 4.2.1' });
    expect(mayRefuse([forward('7')])).toBe(true);
  });
  it('is nothing where it is of another alias', () => {
    expect(ruledDecision([forward('8')], facts, shop, 0)).toBeNull();
    expect(ruledDecision([forward('7')], facts, { address: 'a@in.test', alias: null }, 0)).toBeNull();
  });
});

describe('what rules look at', () => {
  const head = { fromHeader: '"B, Ann" <Ann@A.test>', subject: 'Order', headers: [] };
  it('is the address of From, and what was found out', () => {
    expect(ruleFacts(head, noVerdicts)).toEqual({
      ...{ sender: 'Ann@a.test', subject: 'Order', headers: [], spf: 'none', dkim: 'none' },
    });
    expect(ruleFacts({ ...head, fromHeader: 'Ann [x] <ann@a.test>' }, noVerdicts).sender).toBe('ann@a.test');
    expect(ruleFacts({ ...head, fromHeader: 'nobody' }, noVerdicts).sender).toBe('');
  });
  it('is bounded over all fields of a name', () => {
    const headers = Array.from({ length: 1000 }, (_, i) => ({ name: 'X-A', value: `${i}`.padEnd(100, 'x') }));
    const of = (comparator: 'matches' | 'contains', value: string) => [
      {
        ...{ id: '1', name: 'x', priority: 1, aliasId: null, action: 'drop' as const, targets: [], text: '' },
        conditions: [{ field: 'header' as const, headerName: 'X-A', comparator, value }],
      },
    ];
    const facts = ruleFacts({ ...head, headers }, noVerdicts);
    const at = { address: 'info@in.test', alias: null };
    expect(ruledDecision(of('matches', '^19x'), facts, at, 0)).toMatchObject({
      action: 'drop',
      by: 'rule "x"',
    });
    expect(ruledDecision(of('matches', '^21x'), facts, at, 0)).toBeNull();
    expect(ruledDecision(of('contains', '162x'), facts, at, 0)).not.toBeNull();
    expect(ruledDecision(of('contains', '165x'), facts, at, 0)).toBeNull();
  });
});
