import { beforeAll, describe, expect, it } from 'vitest';
import { bringMail, doors, letterTo, newReceivingDomain, routeMail } from './received-support.ts';
import { Internet, ok, verify } from './receiver.ts';
import { type Answer, call, migrate, newAccount, type TestAccount, TestNode } from './support.ts';
import { eventually, newEndpoint, type TestEndpoint } from './webhook-support.ts';

let account: TestAccount;
let internet: Internet;
beforeAll(async () => {
  await migrate();
  internet = new Internet();
  account = await newAccount();
});

const toldTo = ({ host }: TestEndpoint): string[][] =>
  internet.to(host).map(({ body }) => body.data.envelope.to);

describe('an endpoint that is bound to a domain', () => {
  it('hears of received mail to it, and of that by address, whatever else the account gets', async () => {
    const [one, other] = [await newReceivingDomain(account), await newReceivingDomain(account)];
    const bound = (more: Record<string, unknown>) =>
      newEndpoint(account, internet, ok, { domain: one, ...more });
    const all = await newEndpoint(account, internet);
    const ofOne = await bound({});
    const ofSupport = await bound({ address_pattern: 'support+*' });
    const ofInfo = await bound({ address_pattern: 'info' });
    const rcptTo = [`info+a@${one}`, `support+1@${one}`, `info@${one}`, `sales@${one}`];
    await bringMail(rcptTo, letterTo(`info@${one}`));
    await bringMail(`info@${other}`, letterTo(`info@${other}`));
    const [infoA, support, info, sales] = rcptTo;
    await eventually(() => expect(internet.to(all.host)).toHaveLength(4));
    await eventually(() => expect(internet.to(ofOne.host)).toHaveLength(3));
    const sorted = (endpoint: TestEndpoint) =>
      toldTo(endpoint)
        .map((to) => to.join())
        .toSorted();
    expect(sorted(ofOne)).toEqual([`${infoA},${info}`, sales, support].toSorted());
    await eventually(() => expect(toldTo(ofSupport)).toEqual([[support]]));
    await eventually(() => expect(toldTo(ofInfo)).toEqual([[infoA, info]]));
    const { body } = await call('POST', `/v1/domains/${one}/routes/test`, account.live, { to: 'sales' });
    expect(body.endpoints).toEqual([all.id, ofOne.id]);
  });

  it('wants received mail and nothing else, unless it says so', async () => {
    const domain = await newReceivingDomain(account);
    const url = internet.at('wants.example.com', ok);
    const made = async (more: Record<string, unknown>) =>
      (await call('POST', '/v1/webhooks', account.live, { url, ...more })).body;
    expect((await made({})).events).toBeNull();
    expect((await made({ domain })).events).toEqual(['email.received']);
    expect((await made({ format: 'postscale' })).events).toEqual(['email.received']);
    const both = ['email.received', 'email.bounced'];
    expect((await made({ domain, events: both })).events).toEqual(both);
  });

  it('is bound to a domain of the account that receives, and can be set free again', async () => {
    const url = internet.at('bound.example.com', ok);
    const domain = await newReceivingDomain(account);
    const post = (body: Record<string, unknown>) =>
      call('POST', '/v1/webhooks', account.live, { url, ...body });
    const pointers: [Record<string, unknown>, string][] = [
      [{ domain: 'nobody.example' }, '/domain'],
      [{ domain: account.domain }, '/domain'],
      [{ domain: await newReceivingDomain(await newAccount()) }, '/domain'],
      [{ address_pattern: 'info' }, '/address_pattern'],
      [{ domain, address_pattern: 'a b' }, '/address_pattern'],
      [{ authorization_url: 'https://127.0.0.1/' }, '/authorization_url'],
    ];
    for (const [body, pointer] of pointers) {
      const refused = await post(body);
      expect([body, refused.status, refused.body.errors[0].pointer]).toEqual([body, 400, pointer]);
    }
    const { body } = await post({ domain: domain.toUpperCase(), address_pattern: 'Info' });
    expect(body).toMatchObject({ domain, address_pattern: 'info', authorization_url: null });
    const path = `/v1/webhooks/${body.id}`;
    const refused = await call('PATCH', path, account.live, { domain: null });
    expect(refused.body.errors[0].pointer).toBe('/address_pattern');
    const free = await call('PATCH', path, account.live, { domain: null, address_pattern: null });
    expect(free.body).toMatchObject({ domain: null, address_pattern: null, events: ['email.received'] });
  });
});

describe('an authorisation URL', () => {
  const asked = { from: 'ann@people.example', size: 1234, remoteIp: '192.0.2.7', helo: 'mx.people.example' };
  const spf = { result: 'pass', domain: 'people.example' };

  /** A domain whose mail an endpoint is asked about, as a node asks. */
  async function asking(answer: () => Response | Promise<Response>) {
    const own = await newAccount();
    const domain = await newReceivingDomain(own);
    const host = `asked.${domain}`;
    const url = internet.at(host, answer);
    const endpoint = await newEndpoint(own, internet, ok, { authorization_url: url });
    const to = `info@${domain}`;
    const [door] = await doors(to);
    const node = await new TestNode().hello();
    const { body }: Answer = await node.post('inbound/authorize', { to, ...asked, spf });
    return { door, refusal: body.refusal, host, endpoint, to };
  }

  it('is asked at each RCPT by a signed request, as CloudMailin asks', async () => {
    const { door, refusal, host, endpoint, to } = await asking(ok);
    expect([door.door, door.authorize, refusal]).toEqual(['received', true, null]);
    const [posted] = internet.to(host);
    expect(posted?.body).toEqual({
      ...{ size: 1234, to, from: 'ann@people.example', remote_ip: '192.0.2.7' },
      ...{ helo_domain: 'mx.people.example', spf },
    });
    expect(() => verify(endpoint.secret, posted as never)).not.toThrow();
    expect((await doors(`info@${await newReceivingDomain(account)}`))[0].authorize).toBe(false);
  });

  it.each([
    ['4xx', () => new Response('', { status: 404 }), '550 5.7.1', 'Mail to this address is not wanted'],
    [
      '4xx with words',
      () => new Response('No such\nticket', { status: 410, headers: { 'Content-Type': 'text/plain' } }),
      '550 5.7.1',
      'No such ticket',
    ],
    ['5xx', () => new Response('', { status: 500 }), '450 4.3.2', expect.stringContaining('try again')],
    ['3xx', () => Response.redirect('https://a.example/'), '450 4.3.2', expect.any(String)],
    ['nothing', () => Promise.reject(new TypeError('gone')), '450 4.3.2', expect.any(String)],
  ])('that answers %s has the recipient refused', async (_, answer, reply, text) => {
    expect((await asking(answer)).refusal).toEqual({ reply, text });
  });

  it('is asked of mail by Email Routing too, of whose session nothing is known', async () => {
    let status = 200;
    const { host, to } = await asking(() => new Response('', { status }));
    expect(await routeMail(to, letterTo(to))).toBeNull();
    expect(internet.to(host).at(-1)?.body).toMatchObject({
      ...{ to, from: 'ann@people.example', remote_ip: '', spf: { result: 'none', domain: '' } },
    });
    status = 403;
    expect(await routeMail(to, letterTo(to))).toBe('5.7.1 Mail to this address is not wanted');
    status = 500;
    await expect(routeMail(to, letterTo(to))).rejects.toThrow('try again');
  });
});
