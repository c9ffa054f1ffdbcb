import { describe, expect, it } from 'vitest';
import { createLog } from '../../smtp-node/log.ts';
import { SmtpTalk } from '../support/smtp-talk.ts';
import { submissionAtEdge } from '../support/submission.ts';

function logTo(lines: string[]) {
  return createLog({ level: 'trace', nodeId: 'n', bootId: 'b' }, { write: (line) => lines.push(line) });
}

describe('log', () => {
  it('never has a secret in it, even when one is logged by mistake', () => {
    const lines: string[] = [];
    const secret = 'hush-hush';
    logTo(lines).info({
      token: secret,
      config: { nodeToken: secret },
      a: { headers: { authorization: secret } },
      deep: [{ down: { in: { it: { password: secret } } } }],
      said: 'the "token": is not one',
    });
    expect(lines.join('')).not.toContain(secret);
    expect(lines.join('').split('[secret]')).toHaveLength(5);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ nodeId: 'n', said: 'the "token": is not one' });
  });

  it('has the message id in the line about a submitted message, and no key', async () => {
    const lines: string[] = [];
    await using at = await submissionAtEdge({ log: logTo(lines) });
    const talk = await SmtpTalk.open(at.port);
    await talk.logIn('pennypost', 'pp_test_wrong');
    await talk.say(`AUTH PLAIN ${Buffer.from('\0robot\0pp_test_secret').toString('base64')}`);
    await talk.beginMessage();
    const [, messageId = 'none'] = (await talk.say('Subject: x\r\n\r\nx\r\n.')).split('Queued as: ');
    expect(lines.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ msg: 'submitted', messageId, username: 'robot', nodeId: 'n' }),
    );
    expect(lines.join('')).not.toMatch(/pp_test_|AHJvYm90/);
  });
});
