import { describe, expect, it } from 'vitest';
import { type Answers, chooseRelay } from '../../smtp-node/operator/deploy/relay.ts';

/** Answers by what a question begins with; what is not answered is refused. */
function person(said: Record<string, string>, more: Partial<Answers> = {}): Answers & { asked: string[] } {
  const asked: string[] = [];
  const ask = async (question: string) => {
    asked.push(question);
    const [, answer] = Object.entries(said).find(([start]) => question.startsWith(start)) ?? [];
    if (answer === undefined) throw new Error(`nobody answers: ${question}`);
    return answer;
  };
  return { isThere: true, secret: undefined, ask, askSecret: ask, asked, ...more };
}

const none = { relay: undefined, relayUser: undefined, yes: false };

describe('a deployment', () => {
  it('asks for a relay the first time, where somebody is there to answer', async () => {
    const answers = person({ 'A relay': 'cloudflare', Secret: 'a token' });
    expect(await chooseRelay(none, true, answers)).toEqual({
      name: 'cloudflare',
      preset: 'cloudflare',
      user: 'api_token',
      secret: 'a token',
    });
    expect(await chooseRelay(none, true, person({ 'A relay': '' }))).toBeNull();
  });

  it.each([
    ['a later time', none, false, {}],
    ['with --yes', { ...none, yes: true }, true, {}],
    ['with nobody there', none, true, { isThere: false }],
  ])('does not ask %s', async (_when, flags, isFirst, more) => {
    const answers = person({}, more);
    expect(await chooseRelay(flags, isFirst, answers)).toBeNull();
    expect(answers.asked).toEqual([]);
  });

  it('needs no secret where the Worker sends by a binding of its own', async () => {
    const answers = person({});
    const asked = { ...none, relay: 'cloudflare-binding', yes: true };
    const chosen = { name: 'cloudflare-binding', preset: 'cloudflare-binding' };
    expect(await chooseRelay(asked, false, answers)).toEqual(chosen);
    expect(answers.asked).toEqual([]);
  });

  it('takes a relay from flags, with the secret of the environment, whenever it is given', async () => {
    const silent = person({}, { isThere: false, secret: 'kept' });
    const host = 'email-smtp.eu-west-1.amazonaws.com';
    expect(await chooseRelay({ ...none, relay: host, relayUser: 'AKIA' }, false, silent)).toEqual({
      name: 'ses',
      preset: 'ses',
      host,
      user: 'AKIA',
      secret: 'kept',
    });
    expect(await chooseRelay({ ...none, relay: 'smtp.example.com:2525' }, false, silent)).toEqual({
      name: 'relay',
      preset: 'smtp',
      host: 'smtp.example.com',
      port: 2525,
    });
  });

  it.each(['nothing', 'smtp.example.com:0', 'smtp.example.com:70000', 'https://smtp.example.com'])(
    'says what a relay must be: %s',
    async (relay) => {
      await expect(chooseRelay({ ...none, relay }, false, person({}))).rejects.toThrow(
        'must be cloudflare, cloudflare-binding, ses or HOST:PORT',
      );
    },
  );
});
