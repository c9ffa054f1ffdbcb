import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mostChoices, preferenceChanges, preferencesOf } from '#domain/suppression/preferences.ts';
import {
  readScope,
  type Scoped,
  scopeOfType,
  scopesOf,
  scopeText,
  scopeTypes,
} from '#domain/suppression/scope.ts';

const message: Scoped = {
  domain: 'shop.example',
  class: 'digest',
  stream: 'offers',
  tags: ['news', 'class:standard'],
};

describe('a message', () => {
  it.each([
    ['the whole account', '', true],
    ['its domain', 'shop.example', true],
    ['another domain', 'other.example', false],
    ['a domain above its own', 'example', false],
    ['its class', 'class:digest', true],
    ['another class', 'class:priority', false],
    ['its stream', 'stream:offers', true],
    ['another stream', 'stream:transactional', false],
    ['a tag of its own', 'tag:news', true],
    ['its other tag, which looks like a class', 'tag:class:standard', true],
    ['what that tag looks like', 'class:standard', false],
    ['the tag in other case', 'tag:News', false],
    ['another tag', 'tag:receipts', false],
  ])('is held back by an entry for %s: %s: %s', (_what, scope, held) => {
    expect(scopesOf(message).includes(scope)).toBe(held);
  });

  it.each([
    ['account', ''],
    ['domain', 'shop.example'],
    ['class', 'class:digest'],
    ['stream', 'stream:offers'],
    ['tag', 'tag:news'],
  ] as const)('unsubscribes by %s from %s', (type, scope) => {
    expect(scopeOfType(type, message)).toBe(scope);
    expect(scopesOf(message)).toContain(scope);
    expect(readScope(scope).type).toBe(type);
  });

  it('without a tag has none to unsubscribe from', () => {
    expect(scopeOfType('tag', { ...message, tags: [] })).toBeNull();
  });

  it('is read back from every text', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...scopeTypes),
        fc.string({ unit: 'binary', minLength: 1 }),
        (type, text) => {
          const value = type === 'domain' ? 'shop.example' : type === 'account' ? '' : text.toWellFormed();
          expect(readScope(scopeText(type, value))).toEqual({ type, value });
        },
      ),
    );
  });
});

describe('the choices of a recipient', () => {
  it('are the scopes of the mail from narrow to wide, and what was chosen before', () => {
    const { choices, heldBack } = preferencesOf('tag:news', message, [
      { scope: 'tag:offers', reason: 'unsubscribe' },
      { scope: 'shop.example', reason: 'unsubscribe' },
      { scope: 'other.example', reason: 'hard_bounce' },
    ]);
    expect(choices).toEqual([
      { scope: 'tag:news', stopped: false },
      { scope: 'tag:offers', stopped: true },
      { scope: 'class:digest', stopped: false },
      { scope: 'shop.example', stopped: true },
      { scope: '', stopped: false },
    ]);
    expect(heldBack).toBe(false);
  });

  it('show no tag that neither the link nor the recipient has named', () => {
    const { choices } = preferencesOf('shop.example', message, []);
    expect(choices.map(({ scope }) => scope)).toEqual(['class:digest', 'shop.example', '']);
  });

  it.each(['hard_bounce', 'complaint', 'manual'] as const)('leave out what holds by a %s', (reason) => {
    const { choices, heldBack } = preferencesOf('shop.example', message, [{ scope: '', reason }]);
    expect(choices.map(({ scope }) => scope)).toEqual(['class:digest', 'shop.example']);
    expect(heldBack).toBe(true);
  });

  it('are bounded, those of the mail among them', () => {
    const many = Array.from({ length: 200 }, (_, i) => ({
      scope: `tag:${i}`,
      reason: 'unsubscribe' as const,
    }));
    const { choices } = preferencesOf('tag:news', message, many);
    expect(choices).toHaveLength(mostChoices);
    expect(choices.map(({ scope }) => scope)).toEqual(
      expect.arrayContaining(['tag:news', 'class:digest', 'shop.example', '']),
    );
  });

  const choices = [
    { scope: 'tag:news', stopped: true },
    { scope: 'shop.example', stopped: false },
  ];
  it.each([
    ['nothing', ['tag:news'], ['tag:news'], [], []],
    ['wider', ['tag:news', 'shop.example'], ['tag:news'], ['shop.example'], []],
    ['instead', ['shop.example'], ['tag:news'], ['shop.example'], ['tag:news']],
    ['all back', [], ['tag:news'], [], ['tag:news']],
    ['what came meanwhile stays', [], [], [], []],
    ['what is not offered', ['tag:x'], ['tag:y'], [], []],
  ])('change %s', (_what, stop, was, stops, resumes) => {
    expect(preferenceChanges(choices, { stop, was })).toEqual({ stop: stops, resume: resumes });
  });
});
