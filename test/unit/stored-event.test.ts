import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NewEvent } from '#domain/delivery/event.ts';
import {
  addresseesOf,
  fromHeaderOf,
  messageIdHeaderOf,
  shortTexts,
  type Told,
  timelineOfRow,
} from '../../worker/store/short-row.ts';
import { storedEvent, timelineOf } from '../../worker/store/stored-event.ts';

const delivered: NewEvent = {
  id: '01a21f1a-61b7-7701-91df-aed4928a5b29',
  kind: 'delivered',
  atMs: 1_795_818_152_368,
  details: {
    attempt: 1,
    mx: { host: 'mx1.example.net', address: '192.0.2.7' },
    tls: { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', verdict: 'verified' },
    reused: false,
    steps: [
      { name: 'dns', ms: 1.1 },
      { name: 'connect', ms: 11.6 },
      { name: 'greeting', ms: 1.4 },
      { name: 'final', ms: 208.3 },
    ],
    durationMs: 222,
    reply: { code: 250, status: '2.0.0', text: 'Ok: queued as 8C41D2F' },
    dkim: ['pennypost', 'pennypost-ed'],
  },
  lease: '57c0c965247f',
};

describe('an event in a timeline', () => {
  it('takes less than half, and is read as it was', () => {
    const text = storedEvent(delivered);
    expect(text.length).toBeLessThan(JSON.stringify(delivered).length / 2);
    expect(timelineOf(`[${text}]`)).toEqual([delivered]);
    expect(JSON.stringify(timelineOf(`[${text}]`)[0]?.details)).toBe(JSON.stringify(delivered.details));
  });

  it('keeps in clear what statements read', () => {
    const bounced: NewEvent = {
      ...delivered,
      kind: 'bounced',
      details: { ...delivered.details, class: 'mailbox', source: 'smtp', suppresses: true },
    };
    expect(JSON.parse(storedEvent(bounced))).toMatchObject({
      id: bounced.id,
      kind: 'bounced',
      atMs: bounced.atMs,
      lease: bounced.lease,
      details: { class: 'mailbox', source: 'smtp', suppresses: true, mx: { host: 'mx1.example.net' } },
    });
  });

  it('is read as an earlier version wrote it: whole', () => {
    const dispatched: NewEvent = { ...delivered, kind: 'dispatched', details: { node: 'out-1' } };
    expect(timelineOf(JSON.stringify([dispatched, delivered]))).toEqual([dispatched, delivered]);
  });

  it('depends on a dictionary that never changes', () => {
    // What was kept by the first version that compressed; a change of the dictionary would make a month unreadable.
    const kept =
      '{"id":"01a21f1a-61b7-7701-91df-aed4928a5b29","kind":"delivered","atMs":1795818152368,"details":{"mx":{"host":"mx1.example.net"},"z":"q8ZTkKApRik8LEGuM9Izx1N6kJ0bawmnbUQSNsSXUlFTD0ZSNcGRUIwMLDCTipGRESURZuFsYuhi5EZkvAEA"},"lease":"57c0c965247f"}';
    expect(timelineOf(`[${kept}]`)).toEqual([delivered]);
  });

  it('is the same for any details', () => {
    fc.assert(
      fc.property(
        fc.record({
          kind: fc.constantFrom('delivered', 'deferred', 'bounced') as fc.Arbitrary<NewEvent['kind']>,
          details: fc.dictionary(
            fc.oneof(fc.string(), fc.constantFrom('class', 'mx', 'reason', 'url', 'z', 'steps')),
            fc.oneof(
              fc.jsonValue(),
              fc.string({ maxLength: 400, unit: 'binary' }),
              fc.record({ host: fc.string() }),
            ),
          ),
        }),
        ({ kind, details }) => {
          const event: NewEvent = { id: delivered.id, kind, atMs: 1, details };
          expect(JSON.stringify(timelineOf(`[${storedEvent(event)}]`))).toBe(JSON.stringify([event]));
        },
      ),
    );
  });
});

describe('a row that leaves out what the rest of it tells', () => {
  const word = fc.stringMatching(/^[a-z@"<> ]{1,12}$/);
  const told = fc.record({ local: word, name: word, domain: fc.constantFrom('a.example', 'b.example') });

  it('gives it back', () => {
    const id = '01a1fbb4-5a10-7c3e-8f00-9d2f6f1c0000';
    const rowOf = (of: Told) => {
      const { fromHeader: from_header, addressees, messageIdHeader: message_id_header } = shortTexts(of);
      return { id, from_address: of.fromAddress, from_header, addressees, message_id_header };
    };
    fc.assert(
      fc.property(told, told, fc.constantFrom('', 'alone', 'named'), ({ local, domain, name }, to, kind) => {
        const fromAddress = `${local}@${domain}`;
        const of: Told = {
          id,
          fromAddress,
          fromHeader:
            kind === ''
              ? `${name} <other@${domain}>`
              : kind === 'alone'
                ? fromAddress
                : `${name} <${fromAddress}>`,
          addressees: { to: [to.local], cc: to.name > 'm' ? [to.name] : [] },
          messageIdHeader: `<${to.name > 'g' ? id : to.name}@${domain}>`,
          deliveries: [{ recipient: to.domain > 'b' ? to.local : to.name }],
        };
        const row = rowOf(of);
        expect(fromHeaderOf(row)).toBe(of.fromHeader);
        expect(messageIdHeaderOf(row)).toBe(of.messageIdHeader);
        expect(addresseesOf(row, of.deliveries[0]?.recipient)).toEqual(of.addressees);
      }),
    );
    const usual: Told = {
      id,
      fromAddress: 'shop@a.example',
      fromHeader: 'Shop <shop@a.example>',
      addressees: { to: ['you@b.example'], cc: [] },
      messageIdHeader: `<${id}@a.example>`,
      deliveries: [{ recipient: 'you@b.example' }],
    };
    expect(shortTexts(usual)).toEqual({ fromHeader: 'Shop <@>', addressees: '', messageIdHeader: '@' });
  });

  it('gives the entry of a first lease its id', () => {
    const message_id = '01a1fbb4-5a10-7c3e-8f00-9d2f6f1c0000';
    const { id, ...short } = { id: `${message_id.slice(0, -2)}83`, kind: 'dispatched', atMs: 1, details: {} };
    const read = (events: unknown[]) => timelineOfRow({ message_id, n: 2, timeline: JSON.stringify(events) });
    expect(read([short])).toEqual([{ id, ...short }]);
    expect(read([{ id: 'its own', ...short }])).toEqual([{ id: 'its own', ...short }]);
  });
});
