import { check } from './checks.ts';
import { letterOf, openAccount, openEndpoint, promised, someAccount, someRecipient } from './customers.ts';
import { NoAnswer, settings } from './edge.ts';
import { readAgain, readOn } from './feed.ts';
import { Violation } from './history.ts';
import type { Operation, OperationKind } from './plan.ts';
import type { Random } from './random.ts';
import { nothingFound, scenes } from './scenes.ts';
import { sendBatch, sendLetter } from './sending.ts';
import { jsonOf, type Service } from './service.ts';
import { trouble } from './troubles.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

type Doing = (service: Service, random: Random) => Promise<void>;

/** Does one operation; that a fault keeps it from being done is no failure. */
export async function perform(service: Service, { id, kind }: Operation): Promise<void> {
  const random = service.random.fork(`operation ${id}`);
  service.figures.operations += 1;
  service.stir();
  service.history.add(`operation ${id} ${kind}`);
  try {
    await (doings[kind as keyof typeof doings] ?? trouble(kind))(service, random);
  } catch (error) {
    if (!(error instanceof NoAnswer)) service.fail(error);
  }
}

const doings: Partial<Record<OperationKind, Doing>> = {
  ...scenes,

  check: (service) => check(service),

  /** Many small accounts, each busy in the same hour. */
  crowd: async (service, random) => {
    for (let i = 0; i < 130; i++) await openAccount(service);
    for (const account of service.accounts.slice(-130)) {
      await sendLetter(
        service,
        account,
        letterOf(account, random, { to: [someRecipient(random, ['fine'])] }),
      );
    }
    service.stir(2 * hourMs);
  },

  send: (service, random) => {
    const account = someAccount(service, random);
    return sendLetter(service, account, letterOf(account, random));
  },

  schedule: (service, random) => {
    const account = someAccount(service, random);
    const atMs =
      service.clock.nowMs +
      random.pick([random.between(1, 600) * minuteMs, random.between(1, 30 * 24 - 1) * hourMs]);
    return sendLetter(service, account, letterOf(account, random, { send_at: new Date(atMs).toISOString() }));
  },

  batch: (service, random) => {
    const account = someAccount(service, random);
    const scheduled = random.chance(0.3);
    const letters = Array.from({ length: random.between(2, 40) }, () => {
      const atMs = service.clock.nowMs + random.between(1, 300) * minuteMs;
      return letterOf(account, random, scheduled ? { send_at: new Date(atMs).toISOString() } : {});
    });
    return sendBatch(service, account, letters);
  },

  crowdedMessage: (service, random) => {
    const account = someAccount(service, random);
    const to = [...new Set(Array.from({ length: random.between(5, 50) }, () => someRecipient(random)))];
    return sendLetter(service, account, letterOf(account, random, { to }));
  },

  /** A client that retries with the same key until it is answered: it must be one message. */
  keyed: async (service, random) => {
    const account = someAccount(service, random);
    const letter = letterOf(account, random);
    const headers = { 'Idempotency-Key': random.uuid() };
    /** When the last try was begun that was never answered. */
    let cutMs = service.clock.nowMs;
    const ids = new Set<string>();
    const patient = random.chance(0.5);
    let refused: string | null = null;
    for (let tries = 0; tries < 10; tries++) {
      try {
        const gone = tries < 3 && random.chance(0.5) ? { goneAfterMs: random.between(2, 40) } : {};
        const answer = await service.call('POST', '/v1/send', account.key, letter, { headers, ...gone });
        const body = jsonOf<{ message_id?: string; detail?: string; code?: string }>(answer);
        refused = answer.status === 409 && service.clock.nowMs - cutMs > 45_000 ? (body.detail ?? '') : null;
        if (body.message_id !== undefined) {
          ids.add(body.message_id);
          promised(service, account, body.message_id, letter, false);
          if (random.chance(patient ? 0 : 0.6)) break;
        } else if (answer.status < 500 && answer.status !== 409) break;
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        cutMs = service.clock.nowMs;
      }
      if (refused !== null) break;
      await service.clock.sleep(random.between(500, 20_000));
    }
    if (ids.size > 1)
      service.fail(
        new Violation('2 once', `one idempotency key, ${ids.size} messages: ${[...ids].join(' ')}`, [...ids]),
      );
    const waitedMs = service.clock.nowMs - cutMs;
    if (refused !== null && waitedMs > 45_000) {
      const text = `a key is refused as in flight ${Math.round(waitedMs / 1000)} s after its request was cut: ${refused}`;
      service.fail(new Violation('4 keys', text, [headers['Idempotency-Key']]));
    }
  },

  raw: async (service, random) => {
    const account = someAccount(service, random);
    const letter = letterOf(account, random);
    const recipient = letter.to[0] ?? '';
    const raw = [
      `From: ${letter.from}`,
      `To: ${recipient}`,
      `Subject: ${letter.subject}`,
      '',
      'Hello.',
      '',
    ].join('\r\n');
    const query = new URLSearchParams({ mail_from: `hello@${account.domains[0]}`, rcpt_to: recipient });
    const answer = await service.edge.fetch({
      method: 'POST',
      path: `/v1/send/raw?${query}`,
      headers: { Authorization: `Bearer ${account.key}`, 'Content-Type': 'message/rfc822' },
      body: raw,
    });
    service.judge('POST /v1/send/raw', answer);
    if (answer.status === 202)
      promised(
        service,
        account,
        jsonOf<{ message_id: string }>(answer).message_id,
        { ...letter, class: 'standard' },
        false,
      );
  },

  rehearsed: (service, random) => {
    const account = someAccount(service, random);
    return sendLetter(
      service,
      account,
      letterOf(account, random, { metadata: { sim: 'test' } }),
      account.testKey,
    );
  },

  cancel: async (service, random) => {
    const account = someAccount(service, random);
    const waiting = account.sent.filter(({ firstDueMs }) => firstDueMs > service.clock.nowMs);
    if (waiting.length === 0) return;
    await service.call('POST', `/v1/emails/${random.pick(waiting).messageId}/cancel`, account.key);
  },

  suppress: async (service, random) => {
    const account = someAccount(service, random);
    const waiting = account.sent.filter(({ firstDueMs }) => firstDueMs > service.clock.nowMs);
    const email =
      waiting.length > 0 && random.chance(0.6)
        ? random.pick(random.pick(waiting).recipients)
        : someRecipient(random);
    const expires = random.chance(0.4)
      ? new Date(service.clock.nowMs + random.between(1, 40 * 24) * hourMs).toISOString()
      : null;
    const scope = random.chance(0.3) ? { scope: account.domains[0] } : {};
    await service.call('POST', '/v1/suppressions', account.key, { email, expires_at: expires, ...scope });
  },

  unsuppress: async (service, random) => {
    const account = someAccount(service, random);
    const listed = await service.call('GET', '/v1/suppressions?limit=50', account.key);
    if (listed.status !== 200) return;
    const { data } = jsonOf<{ data: { email: string }[] }>(listed);
    if (data.length > 0)
      await service.call(
        'DELETE',
        `/v1/suppressions/${encodeURIComponent(random.pick(data).email)}`,
        account.key,
      );
  },

  /** Somebody opens an old mail, follows its link, or unsubscribes. */
  visit: async (service, random) => {
    for (let left = random.between(1, 4); left > 0 && service.links.length > 0; left--) {
      const old = random.chance(0.5);
      const found = old
        ? service.links[Math.floor(random.unit() ** 2 * service.links.length)]
        : random.pick(service.links.slice(-20));
      const way = random.weighted({ open: 6, click: 4, unsubscribe: 1 });
      const path =
        found &&
        random.pick([
          ...(way === 'open' ? found.opens : way === 'click' ? found.clicks : found.unsubscribe),
          null,
        ]);
      if (!found || !path) continue;
      const answer =
        way === 'unsubscribe'
          ? await service.edge.fetch({
              method: 'POST',
              path,
              headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
              body: 'List-Unsubscribe=One-Click',
            })
          : await service.edge.fetch({ method: 'GET', path, headers: { 'User-Agent': 'Mozilla/5.0' } });
      service.judge(`${way} ${path}`, answer);
    }
  },

  suspend: async (service, random) => {
    const account = someAccount(service, random);
    if (account.suspended) return;
    const to = Array.from({ length: 50 }, (_, i) => `queued${i}@fine.mx.example`);
    const soon = new Date(service.clock.nowMs + 20 * minuteMs).toISOString();
    if (random.chance(0.7))
      for (let i = 0; i < 3; i++)
        await sendLetter(service, account, letterOf(account, random, { to, send_at: soon }));
    account.suspended = true;
    await service.operator('PUT', `/accounts/${account.id}/status`, {
      status: 'suspended',
      reason: 'simulated',
    });
    service.stir(40 * minuteMs);
    await service.clock.sleep(random.pick([random.between(1, 20) * hourMs, random.between(1, 12) * dayMs]));
    service.stir(30 * minuteMs);
    await service.operator('PUT', `/accounts/${account.id}/status`, { status: 'active' });
    account.suspended = false;
    account.activeSinceMs = service.clock.nowMs;
  },

  /** A domain comes, sends, and goes while mail of it waits. */
  removeDomain: async (service, random) => {
    const account = someAccount(service, random);
    const domain = `brand${random.between(1, 1e9)}.example`;
    const added = await service.operator('POST', `/accounts/${account.id}/domains`, {
      domain,
      verified: true,
    });
    if (added.status !== 201) return;
    const { id } = jsonOf<{ id: number }>(added);
    const from = `Brand <hello@${domain}>`;
    const later = new Date(service.clock.nowMs + random.between(10, 3000) * minuteMs).toISOString();
    await sendLetter(
      service,
      account,
      letterOf(account, random, { from, to: [someRecipient(random, ['fine'])] }),
    );
    await sendLetter(
      service,
      account,
      letterOf(account, random, { from, to: [someRecipient(random, ['fine'])], send_at: later }),
    );
    await service.clock.sleep(random.between(1, 20) * minuteMs);
    await service.call('DELETE', `/v1/domains/${random.chance(0.5) ? domain : id}`, account.key);
  },

  rotateKeys: async (service, random) => {
    const account = someAccount(service, random);
    await service.call('POST', `/v1/domains/${random.pick(account.domains)}/dkim/rotate`, account.key, {});
  },

  openEndpoint: (service, random) => openEndpoint(service, someAccount(service, random), random),

  changeEndpoint: async (service, random) => {
    const account = someAccount(service, random);
    if (account.endpoints.length === 0) return;
    const endpoint = random.pick(account.endpoints);
    const path = `/v1/webhooks/${endpoint.id}`;
    const way = random.weighted({ pause: 2, remove: 1, rotate: 1, replay: 2 });
    if (way === 'rotate') await service.call('POST', `${path}/rotate`, account.key, {});
    if (way === 'replay') {
      const [from, to] = [service.clock.nowMs - dayMs, service.clock.nowMs].map((ms) =>
        new Date(ms).toISOString(),
      );
      await service.call('POST', `${path}/replay`, account.key, { from, to });
    }
    if (way === 'remove') {
      endpoint.touched = true;
      await service.call('DELETE', path, account.key);
    }
    if (way === 'pause') {
      endpoint.touched = true;
      await service.call('PATCH', path, account.key, { state: 'disabled' });
      await service.clock.sleep(random.between(1, 72) * hourMs);
      await service.insist('PATCH', path, account.key, { state: 'active' });
    }
  },

  read: async (service, random) => {
    const account = someAccount(service, random);
    await readOn(service, account);
    const { key } = account;
    const paths = [
      '/v1/emails?limit=20',
      '/v1/emails?status=deferred',
      nothingFound,
      '/v1/stats?by=day',
      '/v1/stats?by=tag',
      '/v1/suppressions',
      '/v1/webhooks',
      '/v1/webhook-deliveries',
      '/v1/domains',
    ];
    for (const path of paths) if (random.chance(0.4)) await service.call('GET', path, key);
    if (account.sent.length === 0) return;
    const { messageId } = random.pick(account.sent);
    for (const rest of ['', '/events']) await service.call('GET', `/v1/emails/${messageId}${rest}`, key);
  },

  oldCursor: async (service, random) => {
    const account = someAccount(service, random);
    if (await readOn(service, account)) await readAgain(service, account);
  },

  operate: async (service, random) => {
    const path = random.pick(['/accounts', '/counters', `/accounts/${someAccount(service, random).id}`]);
    await service.call('GET', `/admin/v1${path}`, settings.OPERATOR_TOKEN);
  },

  /** The operator moves an account to another database, while mail goes on. */
  moveHome: async (service, random) => {
    const account = someAccount(service, random);
    const home = random.between(0, service.homes.length - 1);
    await service.call('PUT', `/admin/v1/accounts/${account.id}/home`, settings.OPERATOR_TOKEN, { home });
    for (let left = random.between(3, 12); left > 0; left--) {
      await service.clock.sleep(random.between(0, 20_000));
      await sendLetter(service, account, letterOf(account, random));
    }
  },

  /** A large mail to hundreds at once. */
  campaign: async (service, random) => {
    const account = someAccount(service, random);
    for (let i = 0; i < 6; i++) {
      const to = Array.from({ length: 50 }, (_, n) => `reader${i}x${n}@fine.mx.example`);
      const text_body = 'A long story that repeats itself.\n'.repeat(6900);
      await sendLetter(service, account, letterOf(account, random, { to, text_body, class: 'standard' }));
    }
  },

  /** Lists of which most must not be mailed. */
  suppressedBatch: async (service, random) => {
    const account = someAccount(service, random);
    const blocked = Array.from({ length: 12 }, (_, i) => `blocked${i}@fine.mx.example`);
    for (const email of blocked) await service.call('POST', '/v1/suppressions', account.key, { email });
    const letters = Array.from({ length: 40 }, () =>
      letterOf(account, random, { to: [...blocked, someRecipient(random)] }),
    );
    await sendBatch(service, account, letters);
  },

  /** Urgent mail of last week falls due at the time of much mail that is not. */
  lastWeek: async (service, random) => {
    const account = someAccount(service, random);
    const dueMs = service.clock.nowMs + 8 * dayMs;
    for (let i = 0; i < 20; i++) {
      const send_at = new Date(dueMs).toISOString();
      const to = [someRecipient(random, ['fine', 'read'])];
      await sendLetter(service, account, letterOf(account, random, { to, send_at, class: 'priority' }));
    }
    await service.clock.sleep(dueMs - service.clock.nowMs - random.between(1, 5) * 1000);
    service.stir();
    const letters = Array.from({ length: 80 }, () =>
      letterOf(account, random, {
        to: [someRecipient(random, ['fine'])],
        class: 'standard',
        text_body: 'Hello.',
      }),
    );
    await sendBatch(service, account, letters);
  },

  /** A hundred messages at once for somebody who listens slowly. */
  storm: async (service, random) => {
    const account = someAccount(service, random);
    await openEndpoint(service, account, random, 'slow');
    const letters = Array.from({ length: 100 }, () =>
      letterOf(account, random, { text_body: 'Hello.', to: [someRecipient(random, ['fine', 'busy'])] }),
    );
    await sendBatch(service, account, letters);
    service.stir(45 * minuteMs);
  },
};
