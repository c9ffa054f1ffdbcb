import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { trackedEvent, trackingLimits } from '#domain/delivery/tracked-event.ts';
import { looksLikeMachine, readAfterMs, type Visit } from '#domain/machine-guess.ts';
import { newMessageId } from '#domain/message/ids.ts';
import { formatReturnPath, parseReturnPath, signedBytes } from '#domain/message/return-path.ts';
import {
  formatLinkToken,
  type LinkPurpose,
  linkPaths,
  parseLinkToken,
  signedLink,
  trackedBits,
  trackedOf,
} from '#domain/message/tracking.ts';
import { linkTarget } from '../../worker/intake/link-target.ts';
import { linkSigner, originOf, verifyClick, verifyLink } from '../../worker/tokens/mail-links.ts';

const messageId = newMessageId(1_790_000_000_000, new Uint8Array(10).fill(7), 0);
const of = { messageId, n: 0 };
const purposes = Object.keys(linkPaths) as LinkPurpose[];
const keys = [1, 2].map((fill) => new Uint8Array(32).fill(fill));

describe("a link's token", () => {
  it('is read as it was written, whatever it names', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 47 }),
        fc.uint8Array({ minLength: 10, maxLength: 10 }),
        fc.integer({ min: 0, max: 255 }),
        fc.uint8Array({ minLength: 16, maxLength: 32 }),
        (ms, random, n, mac) => {
          const token = { messageId: newMessageId(ms, random, 0), n, mac };
          const text = formatLinkToken(token);
          expect(text).toMatch(/^[a-z2-7]{53}$/);
          expect(parseLinkToken(text)).toEqual({ ...token, mac: mac.subarray(0, 16) });
        },
      ),
    );
  });

  it('is nothing but of its form, whatever comes', () => {
    fc.assert(fc.property(fc.string({ maxLength: 80 }), (text) => parseLinkToken(text) === null));
    const good = formatLinkToken({ ...of, mac: new Uint8Array(16) });
    for (const bad of [good.toUpperCase(), ` ${good}`, `${good}a`, good.slice(1), `${good.slice(0, -1)}b`]) {
      expect(parseLinkToken(bad), bad).toBeNull();
    }
  });

  it('covers other bytes for each purpose and target, and never those of a return path', () => {
    const covered = purposes.flatMap((purpose) =>
      ['', 'https://a.example/', 'https://b.example/'].map((target) => signedLink(purpose, of, target)),
    );
    const texts = [...covered, signedBytes(messageId, 0)].map((bytes) => String(bytes));
    expect(new Set(texts).size).toBe(purposes.length * 3 + 1);
  });

  it('has no bytes for a target that is not ASCII, which could be those of another', () => {
    expect(signedLink('click', of, 'https://\u0161.example/')).toBeNull();
  });

  it('is no return path, and a return path is no token', () => {
    const token = formatLinkToken({ ...of, mac: new Uint8Array(16) });
    expect(parseReturnPath(`b-${token}`)).toBeNull();
    const returnPath = formatReturnPath(messageId, 0, new Uint8Array(32));
    expect(parseLinkToken(returnPath)).toBeNull();
    expect(parseLinkToken(returnPath.slice(2))).toBeNull();
  });
});

describe('a link', () => {
  const parts = (link: string) => {
    const url = new URL(link);
    const token = url.pathname.slice(3).replace(/\.gif$/, '');
    return { path: url.pathname, token, target: url.searchParams.get('u') ?? '' };
  };

  it('verifies for its own purpose and target, under any of the keys', async () => {
    const links = await linkSigner({ origin: 'https://mail.example', keys }, of);
    const target = 'https://shop.example/a?b=c&d=%C3%A4+1#e';
    const made = {
      open: parts(await links.pixel()),
      click: parts(await links.click(target)),
      unsubscribe: parts(await links.unsubscribe(null)),
    };
    for (const purpose of purposes) {
      const { path, token, target: said } = made[purpose];
      expect(path.startsWith(linkPaths[purpose])).toBe(true);
      expect(await verifyLink(purpose, token, said, keys)).toMatchObject(of);
      expect(await verifyLink(purpose, token, said, [...keys].reverse())).toMatchObject(of);
      expect(await verifyLink(purpose, token, said, keys.slice(1))).toBeNull();
      for (const other of purposes.filter((one) => one !== purpose)) {
        expect(await verifyLink(other, token, said, keys)).toBeNull();
      }
    }
    for (const other of ['', 'https://evil.example/', `${target}x`, target.replace('shop', 's\u0168op')]) {
      expect(await verifyLink('click', made.click.token, other, keys), other).toBeNull();
    }
  });

  it('that is followed verifies for the link host alone that it was written with', async () => {
    const target = 'https://shop.example/a';
    const [linkHost, other] = ['links.shop.example', 'links.other.example'];
    const own = await linkSigner({ origin: `https://${linkHost}`, linkHost, keys }, of);
    const plain = await linkSigner({ origin: 'https://mail.example', keys }, of);
    const tokenOf = async (links: typeof own) => parts(await links.click(target)).token;
    const [bound, unbound] = [await tokenOf(own), await tokenOf(plain)];
    expect(parts(await own.click(target)).target).toBe(target);
    expect(await verifyClick(bound, target, keys, linkHost)).toMatchObject(of);
    expect(await verifyClick(bound, target, keys, other)).toBeNull();
    expect(await verifyClick(bound, target, keys)).toBeNull();
    expect(await verifyClick(unbound, target, keys)).toMatchObject(of);
    expect(await verifyClick(unbound, target, keys, linkHost)).toBeNull();
    // The host is no part of any target: what is followed is an address without a space.
    expect(await verifyClick(unbound, `${linkHost} ${target}`, keys)).toBeNull();
  });

  it.each([
    ['https://mail.example.org/v1/send', 'https://mail.example.org'],
    ['http://mail.example.org/v1/send', 'https://mail.example.org'],
    ['http://127.0.0.1:8787/v1/send', 'http://127.0.0.1:8787'],
    ['http://localhost:8787/', 'http://localhost:8787'],
    ['http://192.168.1.5:8787/', 'http://192.168.1.5:8787'],
  ])('of mail that came in at %s begins with %s', (url, origin) => {
    expect(originOf(url)).toBe(origin);
  });
});

describe('where a link leads', () => {
  it.each([
    ['https://a.example', 'https://a.example/'],
    ['HTTP://A.example/x', 'http://a.example/x'],
    ['  https://a.example/\n', 'https://a.example/'],
    ['https://a.example/?x=1&amp;y=2', 'https://a.example/?x=1&y=2'],
    ['https://a.example/?x=1&y=2', 'https://a.example/?x=1&y=2'],
    ['https://a.example/?a=1&copy=2', 'https://a.example/?a=1&copy=2'],
    ['https://a.example/?a=1&#38;b=&#x32;', 'https://a.example/?a=1&b=2'],
    ['https://a.example/?a=1&', 'https://a.example/?a=1&'],
    ['https://bücher.example/ä', 'https://xn--bcher-kva.example/%C3%A4'],
  ])('%j leads to %s', (attribute, target) => {
    expect(linkTarget(attribute)).toBe(target);
  });

  it.each([
    ['mailto:a@b.example'],
    ['tel:+123'],
    ['#part'],
    [''],
    ['/path'],
    ['//a.example/'],
    ['javascript:alert(1)'],
    ['https://'],
    ['https://a.example/?a=1&copy;b'],
    ['https://a.example/?a=1&copy'],
    ['https://a.example/?a=1&#38b'],
    ['https://a.example/?a=&#128;'],
    ['https://a.example/?a=&constructor;'],
    ['https://a b.example/'],
  ])('%j is left alone', (attribute) => {
    expect(linkTarget(attribute)).toBeNull();
  });

  it('is left alone when it is longer than is kept', () => {
    const long = `https://a.example/${'x'.repeat(trackingLimits.targetCharacters)}`;
    expect(linkTarget(long)).toBeNull();
    expect(linkTarget(long.slice(0, trackingLimits.targetCharacters))).toHaveLength(
      trackingLimits.targetCharacters,
    );
  });

  it('is a web address in ASCII or nothing, whatever is written', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webUrl(),
          fc.string().map((s) => `https://${s}`),
        ),
        (text) => {
          const target = linkTarget(text);
          if (target !== null) expect(target).toMatch(/^https?:\/\/[\x21-\x7e]+$/);
        },
      ),
    );
  });
});

const browser = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148';
const visit = (more: Partial<Visit> = {}): Visit => ({
  method: 'GET',
  userAgent: browser,
  prefetch: false,
  atMs: 1_000_000,
  deliveredAtMs: 1_000_000 - readAfterMs,
  sending: false,
  ...more,
});

describe('a fetch', () => {
  it.each([
    ['some seconds after delivery', {}],
    ['when the delivery is not known', { deliveredAtMs: null }],
    [
      'by Thunderbird',
      { userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.0' },
    ],
    [
      'by Outlook',
      { userAgent: 'Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; ms-office; MSOffice 16)' },
    ],
  ])('may be a person’s %s', (_when, more) => {
    expect(looksLikeMachine(visit(more))).toBe(false);
  });

  it.each([
    ['by HEAD', { method: 'HEAD' }],
    ['that looks ahead', { prefetch: true }],
    ['at once after delivery', { deliveredAtMs: 1_000_000 - readAfterMs + 1 }],
    ['while it is being delivered', { sending: true }],
    ['without a name', { userAgent: '' }],
    ['by Apple Mail Privacy Protection', { userAgent: 'Mozilla/5.0' }],
    [
      'by Gmail',
      {
        userAgent:
          'Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)',
      },
    ],
    ['by Yahoo', { userAgent: 'YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html' }],
    ['by a gateway', { userAgent: 'Mozilla/5.0 (compatible; BarracudaCentral)' }],
    ['by a chat', { userAgent: 'Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)' }],
    ['by a library', { userAgent: 'python-requests/2.32' }],
  ])('is probably a machine’s %s', (_how, more) => {
    expect(looksLikeMachine(visit(more))).toBe(true);
  });
});

describe('the event of a fetch', () => {
  const delivery = { state: 'delivered' as const, deliveredAtMs: 0 };

  it('tells what was fetched, by what, and the guess', () => {
    const hit = { ...visit(), url: null };
    expect(trackedEvent(hit, delivery)).toEqual({
      kind: 'opened',
      atMs: 1_000_000,
      details: { userAgent: browser, machine: false },
    });
    expect(trackedEvent({ ...hit, url: 'https://a.example/', method: 'HEAD' }, delivery)).toMatchObject({
      kind: 'clicked',
      details: { url: 'https://a.example/', machine: true },
    });
  });

  it('keeps a bounded, printable name of the program', () => {
    const hit = { ...visit({ userAgent: `a\x00\x1b[31m\u202e${'x'.repeat(1000)}` }), url: null };
    const { userAgent } = trackedEvent(hit, delivery).details;
    expect(userAgent).toMatch(/^a\[31mx+$/);
    expect(userAgent).toHaveLength(trackingLimits.userAgentCharacters);
  });
});

it('what was put into a message is kept as one number', () => {
  for (let number = 0; number < 8; number++) expect(trackedBits(trackedOf(number))).toBe(number);
  expect(trackedOf(0)).toEqual({ opens: false, clicks: false, unsubscribe: false });
});
