import { beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../support/browser.ts';
import { setUpOwner, textOf } from './dashboard-support.ts';
import { bindings, call, meteredEnv, migrate, newAccount, request, TestNode } from './support.ts';

let owner: Browser;
let environment = meteredEnv;

beforeAll(async () => {
  await migrate();
  await newAccount();
  owner = await setUpOwner(
    new Browser('https://api.test', (path, init) => request(path, init, environment)),
    { email: 'owner@people.example', password: 'a long enough sentence' },
  );
});

const hello = (nodeId: string, submission?: unknown) =>
  new TestNode(nodeId).post('hello', { hostName: `${nodeId}.example`, version: 'test', submission });

describe('where mail is submitted by SMTP', () => {
  const show = (nodeId: string) =>
    call('PATCH', `/admin/v1/nodes/${nodeId}`, bindings.OPERATOR_TOKEN, { show_submission: true });

  it('is told only once a node has said so', async () => {
    await new TestNode('older').hello();
    await hello('silent', null);
    const page = await (await owner.get('/sending')).text();
    expect(page).toContain('No SMTP node that takes mail has been seen yet.');
    expect(page).not.toContain('swaks');
  });

  it('is what the newest node says that the operator lets be shown, with the ports that it listens on', async () => {
    await hello('one', { host: 'one.example', port: 40_123, tlsPort: 40_124 });
    expect(await (await owner.get('/sending')).text()).not.toContain('one.example');
    await show('one');
    await bindings.DB.exec('UPDATE nodes SET last_seen_at_ms = last_seen_at_ms - 5000');
    expect((await hello('two', { host: 'two.example', port: null, tlsPort: 465 })).status).toBe(200);
    await show('two');
    const page = await (await owner.get('/sending')).text();
    expect(page).toContain('<code>two.example</code>');
    expect(page).toContain('<code>465</code>');
    expect(page).not.toContain('Port, STARTTLS');
    expect(page).toContain('swaks --server two.example:465 --tlsc');
    await hello('one', { host: 'one.example', port: 40_125, tlsPort: 40_126 });
    await show('one');
    await bindings.DB.exec("UPDATE nodes SET last_seen_at_ms = 1 WHERE node_id = 'two'");
    const text = await textOf(await owner.get('/sending'));
    expect(text).toContain('Hostone.examplePort, STARTTLS40125Port, TLS from the start40126');
    expect(text).toContain('swaks --server one.example:40125 --tls ');
  });

  it('is what the setting says, when there is one', async () => {
    environment = { ...meteredEnv, SUBMISSION: 'smtp.example.org:587:465' };
    expect(await textOf(await owner.get('/sending'))).toContain(
      'Hostsmtp.example.orgPort, STARTTLS587Port, TLS from the start465',
    );
    environment = meteredEnv;
  });

  it.each([
    [{ host: '', port: 1, tlsPort: null }],
    [{ host: 'a', port: 65_536, tlsPort: null }],
    [{ host: 'a', port: 0, tlsPort: null }],
  ])('is not taken as %j', async (submission) => {
    const { status, body } = await hello('wrong', submission);
    expect(status).toBe(400);
    expect(body.detail).toMatch(/^\/submission\/(host|port)/);
  });
});

describe('the addresses that a node sends from', () => {
  const one = {
    name: 'out1.example',
    addresses: ['192.0.2.10', '2001:db8::10'],
    classes: ['digest'],
    accounts: null,
    rampDay: 3,
    today: 1200,
    allowedToday: 1250,
    paused: ['slow.example'],
  };
  const other = {
    ...one,
    name: 'out2.example',
    classes: null,
    accounts: Array.from({ length: 11 }, (_, i) => i + 1),
    rampDay: null,
    allowedToday: null,
    paused: [],
  };

  it('are on the page Nodes as it last told, added up over its workers', async () => {
    expect(await textOf(await owner.get('/operator/nodes'))).not.toContain('Sending addresses');
    for (const [nodeId, sendingAddresses] of Object.entries({ out: [one, other], 'out-2': [one] })) {
      const node = await new TestNode(nodeId).hello();
      await bindings.DB.exec('UPDATE nodes SET last_seen_at_ms = 1');
      expect((await node.post('lease', { max: 1, sendingAddresses })).status).toBe(200);
    }
    const page = await textOf(await owner.get('/operator/nodes'));
    expect(page).toContain(
      'out1.example192.0.2.10, 2001:db8::10digestpausedasked to slow down: slow.example2,400 of 2,500',
    );
    expect(page).toContain(
      'out2.example192.0.2.10, 2001:db8::10accounts #1, #2, #3, #4, #5, #6, #7, #8, #9, #10 and morewarm1,200',
    );
    const { body } = await call('GET', '/admin/v1/nodes', bindings.OPERATOR_TOKEN);
    expect(body.data.find(({ node_id: id }: { node_id: string }) => id === 'out').sending_addresses).toEqual([
      expect.objectContaining({ name: 'out1.example', ramp_day: 3, today: 1200, allowed_today: 1250 }),
      expect.objectContaining({ name: 'out2.example', ramp_day: null, allowed_today: null }),
    ]);
  });
});
