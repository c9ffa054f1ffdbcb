import { noVerdicts, type Verdicts } from '#domain/inbound/verdicts.ts';
import { Browser } from '../support/browser.ts';
import { mailsTo, setUpOwner } from './dashboard-support.ts';
import { type Answer, bindings, call, newAccount, request, type TestAccount } from './support.ts';

/** Makes the operator, of the first account that there is, whose domain the installation's own mail comes from. */
export async function setUpSystemMail(first?: TestAccount): Promise<TestAccount> {
  const own = first ?? (await newAccount());
  const browser = new Browser('https://api.test', (path, init) => request(path, init));
  await setUpOwner(browser, { email: 'root@people.example', password: 'a long enough sentence' });
  await browser.post('/operator/system-mail', { domain: own.domain });
  return own;
}

/** The path of the newest link that an address was mailed. */
export async function linkTo(address: string): Promise<string> {
  const mails = await mailsTo(address);
  const link = /https?:\/\/\S+(\/destination\/\S+)/.exec(mails.at(-1)?.text ?? '')?.[1];
  if (link === undefined) throw new Error(`no link was mailed to ${address}`);
  return link;
}

/** Follows it, as the owner of the address does. */
export async function agreeAs(address: string): Promise<void> {
  const { status } = await request(await linkTo(address), { method: 'POST' });
  if (status !== 200) throw new Error(`the link answered ${status}`);
}

/** An address of nobody that has agreed to get an account's mail, noted as if long ago. */
export async function agreed(account: TestAccount, address: string): Promise<string> {
  await bindings.DB.prepare(
    `INSERT INTO destinations (account_id, address, state, sent_at_ms, verified_at_ms, created_at_ms)
      VALUES (?, ?, 'verified', 0, 0, 0)`,
  )
    .bind(account.id, address)
    .run();
  return address;
}

/** An alias as the API gives it. */
export async function newAlias(account: TestAccount, body: Record<string, unknown>): Promise<Answer> {
  const answer = await call('POST', '/v1/aliases', account.live, body);
  if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
  return answer.body.alias;
}

/** What is found of a mail of ann@people.example that passes, as its domain asks for. */
export function passing(more: Partial<Verdicts> = {}): Verdicts {
  return {
    ...noVerdicts,
    spf: { result: 'pass', domain: 'people.example' },
    dkim: {
      result: 'pass',
      signatures: [
        { result: 'pass', domain: 'people.example', selector: 's', algorithm: 'rsa-sha256', aligned: true },
      ],
    },
    dmarc: {
      result: 'pass',
      domain: 'people.example',
      policy: 'reject',
      spfAligned: true,
      dkimAligned: true,
    },
    ...more,
  };
}
