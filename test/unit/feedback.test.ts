import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { feedbackFields } from '#domain/message/feedback.ts';
import { leasedDelivery } from '#domain/node-contract.ts';

const sent = {
  messageId: '0199a000-0000-7000-8000-000000000001',
  accountId: 7,
  class: 'priority',
  tags: ['receipt', 'other'],
  fromDomain: 'shop.example',
  signingDomain: 'shop.example',
  returnPathHost: 'pp-bounces.shop.example',
} as const;

describe('the fields by which receivers tell complaints', () => {
  it('name account, class, first tag and us, and where a report goes', () => {
    expect(feedbackFields(sent)).toEqual([
      { name: 'Feedback-ID', value: '7:priority:receipt:pennypost' },
      { name: 'CFBL-Address', value: 'fbl@pp-bounces.shop.example; report=arf' },
      { name: 'CFBL-Feedback-ID', value: sent.messageId },
    ]);
  });

  it.each([
    ['the mailbox is at our own host', { returnPathHost: 'bounces.service.example' }],
    ['a parent signs', { fromDomain: 'mail.shop.example', returnPathHost: 'b.mail.shop.example' }],
    ['the mailbox only ends alike', { returnPathHost: 'bounces-shop.example' }],
  ])('leave CFBL-Address out where RFC 9477 wants another signature: %s', (_, more) => {
    expect(feedbackFields({ ...sent, ...more }).map(({ name }) => name)).toEqual(['Feedback-ID']);
  });

  it('are fields that a node takes, whatever the tag is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 64 }), (tag) => {
        const fields = feedbackFields({ ...sent, tags: [tag] });
        expect(leasedDelivery.shape.fields.parse(fields)).toEqual(fields);
        expect(fields[0]?.value.split(':')).toHaveLength(4);
      }),
    );
  });
});
