import { judgeAll } from '../bounce/recipient.ts';
import type { ReturnedRecipient } from '../bounce/returned-mail.ts';
import { readSesNotification } from '../bounce/ses-notification.ts';
import type { RelayEvent } from './relay-event.ts';

const counts = { bounce: 'refused', delivered: 'delivered', delay: null, complaint: null } as const;

/**
 * What Amazon SES publishes about a message, as notification or event (docs.aws.amazon.com/ses/latest/dg/notification-contents.html,
 * event-publishing-retrieving-sns-contents.html); null for what tells nothing of a delivery, as Send, Open and Click.
 */
export function readSesEvent(text: string): RelayEvent | null {
  const read = readSesNotification(text);
  if (!read) return null;
  const { source, sesMessageId, ownRefusal, ...told } = read;
  return {
    reading: {
      ...told,
      recipients: ownRefusal === null ? judgeAll(told.recipients) : told.recipients.map(refusedBySes),
      feedbackId: null,
      subject: '',
      namedByReporter: true,
    },
    // A bounce that SES calls transient is its last word, too: it tries no more (bounceType, notification-contents).
    counts: counts[told.kind],
    sender: source,
    relayId: sesMessageId,
  };

  function refusedBySes({ recipient }: { recipient: string }): ReturnedRecipient {
    return {
      recipient,
      finalRecipient: null,
      certain: true,
      status: null,
      replyCode: null,
      diagnostic: `not sent by Amazon SES: ${ownRefusal}`,
      remoteMta: null,
      class: 'policy',
      permanent: true,
      action: 'failed',
    };
  }
}
