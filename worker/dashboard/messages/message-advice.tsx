import { Parser } from 'htmlparser2';
import type { Email } from 'postal-mime';
import { adviceOn, type WebLink } from '#domain/message/advice.ts';
import { Card } from '../../pages/blocks.tsx';
import { State } from '../../pages/parts.tsx';
import type { StoredMessage } from '../../store/messages.ts';

/** So many links are looked at. */
const mostLinks = 500;

/** What a sender can mend in what was sent. `ownHost`: where links lead that tell of clicks. */
export function MessageAdvice({
  message,
  mail,
  ownHost,
}: {
  message: StoredMessage;
  mail: Email;
  ownHost: string;
}) {
  const advice = adviceOn({
    from: mail.from?.address ?? message.fromHeader,
    class: message.class,
    htmlBytes: mail.html === undefined ? null : new TextEncoder().encode(mail.html).length,
    hasText: Boolean(mail.text),
    links: linksOf(mail.html ?? ''),
    ownHost,
    hasListUnsubscribe: mail.headers.some(({ key }) => key === 'list-unsubscribe-post'),
  });
  return (
    <Card
      id="advice"
      title="What could be better"
      aside={
        <State tone={advice.length > 0 ? 'warn' : 'good'}>
          {advice.length > 0 ? String(advice.length) : 'nothing'}
        </State>
      }
    >
      {advice.length === 0 ? (
        <p class="quiet">
          Links, text, size, sender and unsubscribing were looked at. <a href="/domains">The domain’s page</a>{' '}
          says the same of its records.
        </p>
      ) : (
        <ul class="plain stack tight">
          {advice.map(({ what, todo }) => (
            <li>
              <strong>{what}</strong> <span class="quiet">{todo}</span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function linksOf(html: string): WebLink[] {
  const links: WebLink[] = [];
  const parser = new Parser({
    onopentag: (name, { href }) => {
      if (name !== 'a' || links.length >= mostLinks || !URL.canParse(href ?? '')) return;
      const { protocol, hostname } = new URL(href ?? '');
      if (/^https?:$/.test(protocol)) links.push({ host: hostname, isSecure: protocol === 'https:' });
    },
  });
  parser.end(html);
  return links;
}
