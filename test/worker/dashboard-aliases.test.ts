import { beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../support/browser.ts';
import { agreeAs, passing } from './alias-support.ts';
import { setUpOwner } from './dashboard-support.ts';
import { bringMail, doors, letterTo, newReceivingDomain } from './received-support.ts';
import { bindings, call, migrate, newAccount, rawOf, request, type TestAccount } from './support.ts';

let browser: Browser;
let account: TestAccount;
let domain: string;

beforeAll(async () => {
  await migrate();
  // The first account there is becomes the operator's own.
  account = await newAccount();
  browser = new Browser('https://api.test', (path, init) => request(path, init));
  await setUpOwner(browser, { email: 'root@people.example', password: 'a long enough sentence' });
  await browser.post('/operator/system-mail', { domain: account.domain });
}, 60_000);

const page = async (path = '/aliases') => (await browser.get(path)).text();
const idOf = async (localPart: string) =>
  (
    await bindings.DB.prepare('SELECT id FROM aliases WHERE local_part = ?')
      .bind(localPart)
      .first<{ id: number }>()
  )?.id;

describe('the page Aliases', () => {
  it('says what is missing as long as no domain is of the type alias', async () => {
    const text = await page();
    expect(text).toContain('Add a domain of the type alias');
    expect(text).not.toContain('Make an alias');
    expect(await page('/')).toContain('href="/aliases"');
  });

  it('makes an alias and shows who has agreed', async () => {
    domain = await newReceivingDomain(account, 'alias');
    const form = {
      domain,
      address: 'shop',
      forward_to: 'one@home.example, two@home.example',
      description: 'Shop',
    };
    const made = await browser.post('/aliases', form);
    expect(made.headers.get('Location')).toBe('/aliases?done=alias-added');
    await agreeAs('one@home.example');
    const text = await page();
    expect(text).toContain(`shop@${domain}`);
    expect(text).toMatch(/one@home\.example <span class="state good">verified/);
    expect(text).toMatch(/two@home\.example <span class="state wait">pending/);
    expect(text).toContain('Ask again');
    expect(await page('/aliases?q=nothing')).toContain('Nothing matches');
  });

  it('makes one that masks, and shows answers from it', async () => {
    const form = {
      domain,
      address: 'quiet',
      forward_to: 'one@home.example',
      description: '',
      is_masked: 'true',
    };
    await browser.post('/aliases', form);
    expect(await page('/aliases?q=quiet')).toMatch(/>masked</);
    const to = `quiet@${domain}`;
    const { id } = await bringMail(to, letterTo(to), { verdicts: passing() });
    const { body } = await call('GET', `/v1/inbound-emails/${id}`, account.live);
    const [, reply = ''] = /<(reply\+[^>]+)>/.exec(await rawOf(body.email.forwarded_message)) ?? [];
    const verdicts = passing({ spf: { result: 'pass', domain: 'home.example' } });
    const answer = letterTo(reply).replace('ann@people.example', 'one@home.example');
    const { id: answered } = await bringMail(reply, answer, { verdicts, mailFrom: 'one@home.example' });
    expect(await page('/aliases?q=quiet')).toContain('1 answered');
    const why = await page(`/received/${answered}`);
    expect(why).toContain(
      `By <strong>alias ${to}, answered to ann@people.example</strong>: sent as an answer`,
    );
    const email = (await call('GET', `/v1/inbound-emails/${answered}`, account.live)).body.email;
    expect(await page(`/messages/${email.forwarded_message}`)).toContain('answered from a masked alias');
  });

  it('says beside the field why an alias is refused, and keeps what was typed', async () => {
    const form = { domain, address: 'postmaster', forward_to: 'one@home.example', description: 'kept words' };
    const refused = await browser.post('/aliases', form);
    expect(refused.status).toBe(400);
    const text = await refused.text();
    expect(text).toContain('<a href="#address">Address</a>: is a mailbox that every host has');
    expect(text).toContain('value="kept words"');
  });

  it('counts, switches off and on, and removes', async () => {
    const address = `shop@${domain}`;
    const { id: received } = await bringMail(address, letterTo(address));
    expect(await page()).toMatch(/Sent on">\s*1</);
    const mail = await page(`/received/${received}`);
    expect(mail).toContain(`By <strong>alias ${address}</strong>: sent on`);
    const { body } = await call('GET', `/v1/inbound-emails/${received}`, account.live);
    const sentOn = await page(`/messages/${body.email.forwarded_message}`);
    expect(sentOn).toContain('received, and sent on');
    const path = `/aliases/${await idOf('shop')}`;
    expect(await page('/aliases?q=shop')).not.toContain('>masked<');
    await browser.post(`${path}/state`, { is_masked: 'true' });
    expect(await page('/aliases?q=shop')).toContain('>masked<');
    expect(await page()).toContain('Reply addresses that were given out go on working');
    await browser.post(`${path}/state`, { is_masked: 'false' });
    await browser.post(`${path}/state`, { active: 'false' });
    expect(await page()).toContain('switched off');
    expect(await doors(address)).toMatchObject([{ reply: '550 5.1.1' }]);
    await browser.post(`${path}/state`, { active: 'true' });
    expect(await doors(address)).toMatchObject([{ door: 'received' }]);
    expect(await (await browser.post(`${path}/verify`, {})).text()).toContain('asked once a day');
    await browser.post(`${path}/remove`, {});
    expect(await idOf('shop')).toBeUndefined();
  });
});
