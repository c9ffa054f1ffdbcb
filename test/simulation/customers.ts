import { settings } from './edge.ts';
import { type Manner, manners } from './mx.ts';
import type { Random } from './random.ts';
import { type Account, type Endpoint, jsonOf, type Sent, type Service } from './service.ts';

const hourMs = 3_600_000;

/** Makes a customer: account, verified domain and keys. */
export async function openAccount(service: Service): Promise<Account> {
  const { id } = jsonOf<{ id: number }>(await service.operator('POST', '/accounts', { name: 'Customer' }));
  const domain = `shop${id}.example`;
  await service.operator('POST', `/accounts/${id}/domains`, { domain, verified: true });
  const secretOf = async (environment: string) =>
    jsonOf<{ secret: string }>(await service.operator('POST', `/accounts/${id}/credentials`, { environment }))
      .secret;
  const account: Account = {
    id,
    key: await secretOf('live'),
    testKey: await secretOf('test'),
    domains: [domain],
    suspended: false,
    sent: [],
    endpoints: [],
    feed: [],
    feedIds: new Set(),
    cursor: '',
    cursors: [],
    reading: false,
    activeSinceMs: 0,
  };
  service.accounts.push(account);
  return account;
}

/** A customer: the first ones are the larger ones. */
export function someAccount(service: Service, random: Random): Account {
  const usual = service.accounts.slice(0, 4);
  return usual[Math.floor(random.unit() ** 2 * usual.length)] ?? random.pick(usual);
}

export function someRecipient(random: Random, of: readonly Manner[] | null = null): string {
  const manner = of ? random.pick(of) : random.weighted(manners);
  if (of === null && random.chance(0.04)) {
    const part = random.pick([
      'delivered',
      'hard-bounce',
      'greylisted',
      'delayed-bounce',
      'complaint',
      'auto-reply',
      'rate-limited',
    ]);
    return `${part}+${random.between(1, 1000)}@simulator.${settings.SERVICE_DOMAIN}`;
  }
  return `person${random.between(1, 60)}@${manner}.mx.example`;
}

export interface Letter {
  from: string;
  to: string[];
  subject: string;
  text_body?: string;
  html_body?: string;
  class: string;
  tags: string[];
  metadata?: Record<string, string>;
  send_at?: string;
  track_opens?: boolean;
  track_clicks?: boolean;
  unsubscribe?: boolean;
  test_mode?: boolean;
}

/** A letter of the account; its subject is unlike any other's. */
export function letterOf(account: Account, random: Random, more: Partial<Letter> = {}): Letter {
  const to = more.to ?? [someRecipient(random)];
  const alone = to.length === 1;
  const size = random.weighted({ small: 80, middle: 14, large: 4, huge: 2 });
  const filler = {
    small: () => '',
    middle: () => 'All work and no play. '.repeat(900),
    large: () => noise(random, 60_000),
    huge: () => noise(random, 300_000),
  }[size]();
  const tracked = alone && random.chance(0.5);
  return {
    from: `Shop <hello@${random.pick(account.domains)}>`,
    to,
    subject: `Letter ${random.uuid()}`,
    text_body: `Hello.\n${filler}`,
    html_body: `<html><body><p>Hello. <a href="https://shop.example/offer?of=${random.between(1, 9)}">Look</a></p></body></html>`,
    class: random.weighted({ priority: 3, standard: 6, digest: 2 }),
    tags: random.chance(0.4) ? [random.pick(['receipt', 'news', 'login'])] : [],
    ...(tracked ? { track_opens: true, track_clicks: true, unsubscribe: true } : {}),
    ...more,
  };
}

/** Text that does not compress, in lines. */
function noise(random: Random, characters: number): string {
  const bytes = new Uint8Array(Math.ceil(characters * 0.75));
  random.fill(bytes);
  return Buffer.from(bytes).toString('base64').replace(/.{70}/g, '$&\n');
}

/** Notes what the edge has promised. */
export function promised(
  service: Service,
  account: Account,
  messageId: string,
  letter: Letter,
  test: boolean,
): Sent {
  const acceptedMs = service.clock.nowMs;
  const sent: Sent = {
    messageId,
    account,
    domain: letter.from.replace(/^.*@|>$/g, ''),
    recipients: letter.to,
    class: letter.class,
    acceptedMs,
    firstDueMs: letter.send_at === undefined ? acceptedMs : Date.parse(letter.send_at),
    test: test || letter.test_mode === true,
  };
  if (service.byMessage.has(messageId)) return sent;
  account.sent.push(sent);
  service.byMessage.set(messageId, sent);
  service.history.add(`accepted ${messageId} of account ${account.id} for ${letter.to.length}`);
  return sent;
}

/** Makes an endpoint whose receiver is of a random temperament. */
export async function openEndpoint(
  service: Service,
  account: Account,
  random: Random,
  temperament?: Endpoint['receiver']['temperament'],
): Promise<void> {
  if (account.endpoints.filter(({ touched }) => !touched).length >= 5) return;
  const kind = temperament ?? random.weighted({ healthy: 6, slow: 1, sick: 3, gone: 0.5 });
  const receiver = service.receivers.open(
    kind,
    random.pick([random.between(1, 7 * 24), random.between(108, 119)]) * hourMs,
  );
  const format = random.pick(['event', 'event', 'cloudmailin'] as const);
  const answer = await service.call('POST', '/v1/webhooks', account.key, {
    url: `https://${receiver.host}/in`,
    format,
  });
  if (answer.status !== 201 && answer.status !== 200) return;
  const { id } = jsonOf<{ id: string }>(answer);
  account.endpoints.push({
    id,
    receiver,
    format,
    since: account.feed.length,
    sinceMs: service.clock.nowMs,
    touched: false,
  });
}
