import { describe, expect, it } from 'vitest';
import { credentialKeptMs, KeptCredentials } from '../../smtp-node/submission/kept-credentials.ts';
import { problem } from '../support/fake-edge.ts';
import { SmtpTalk } from '../support/smtp-talk.ts';
import { submissionAtEdge } from '../support/submission.ts';

function asked(answer: (secret: string) => string | null = (secret) => `user of ${secret}`) {
  const secrets: string[] = [];
  let nowMs = 0;
  const kept = new KeptCredentials(
    async (secret: string) => {
      secrets.push(secret);
      return answer(secret);
    },
    () => nowMs,
  );
  return { kept, secrets, pass: (ms: number) => (nowMs += ms) };
}

describe('a key that logs in', () => {
  it('is asked about once in a minute, and by many at once together', async () => {
    const { kept, secrets, pass } = asked();
    expect(await Promise.all([kept.of('a'), kept.of('a'), kept.of('a')])).toEqual(Array(3).fill('user of a'));
    pass(credentialKeptMs - 1);
    expect(await kept.of('a')).toBe('user of a');
    expect(secrets).toEqual(['a']);
    pass(1);
    await kept.of('a');
    expect(secrets).toEqual(['a', 'a']);
  });

  it('is asked about each time when it is not good', async () => {
    const { kept, secrets } = asked(() => null);
    expect([await kept.of('a'), await kept.of('a')]).toEqual([null, null]);
    expect(secrets).toHaveLength(2);
  });

  it('is asked about again when the edge could not say', async () => {
    let away = true;
    const { kept } = asked(() => {
      if (away) throw new Error('away');
      return 'known';
    });
    await expect(kept.of('a')).rejects.toThrow('away');
    away = false;
    expect(await kept.of('a')).toBe('known');
  });

  it('is forgotten when a thousand others came after it', async () => {
    const { kept, secrets } = asked();
    for (let i = 0; i <= 1000; i++) await kept.of(`key ${i}`);
    await kept.of('key 1000');
    expect(secrets).toHaveLength(1001);
    await kept.of('key 0');
    expect(secrets).toHaveLength(1002);
  });

  it('is refused at its next message when it was revoked, and at its next login then', async () => {
    await using at = await submissionAtEdge();
    const logIn = async () => {
      const talk = await SmtpTalk.open(at.port);
      return { talk, reply: await talk.logIn() };
    };
    const { talk } = await logIn();
    const revoked = problem(401, 'unauthorized', 'revoked');
    for (const path of ['credential', 'send/raw']) at.edge.script.set(path, () => revoked);
    expect((await logIn()).reply).toMatch(/^235 /);
    await talk.beginMessage();
    talk.write('Subject: x\r\n\r\n.\r\n');
    expect(await talk.reply()).toBe('535 5.7.8 revoked');
    expect((await logIn()).reply).toMatch(/^535 /);
  });
});
