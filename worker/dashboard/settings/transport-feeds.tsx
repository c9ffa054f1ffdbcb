import { relayEventsQueue, transportPresets } from '#domain/delivery/transport.ts';
import type { Call } from '../../http/app.ts';
import { apiOrigin } from '../../http/public-origin.ts';
import { Card } from '../../pages/blocks.tsx';
import { Code, Time } from '../../pages/parts.tsx';
import type { TransportState } from '../../store/transports.ts';
import { feedPath } from '../../tokens/feed-path.ts';

interface Feed {
  name: string;
  title: string;
  kind: 'sns' | 'queue';
  /** The URL to post to, or the queue. */
  to: string;
  toldAtMs: number | null;
}

export async function feedsOf(c: Call, transports: readonly TransportState[]): Promise<Feed[]> {
  const keys = c.get('env').returnPathKeys;
  const feeds = transports.map(async ({ name, preset, toldAtMs }) => {
    const { feed: kind = null, title = '' } = transportPresets.find((one) => one.name === preset) ?? {};
    if (kind === null) return null;
    const to = kind === 'sns' ? `${apiOrigin(c)}${await feedPath(keys, name)}` : relayEventsQueue;
    return { name, title, kind, to, toldAtMs };
  });
  return (await Promise.all(feeds)).filter((feed) => feed !== null);
}

/** Where relays are to tell what became of the mail that they took. */
export function Feeds({ feeds }: { feeds: readonly Feed[] }) {
  if (feeds.length === 0) return null;
  return (
    <Card id="feeds" title="What relays tell">
      <p>
        A relay that takes a message has not delivered it. These tell what became of it, once they are
        subscribed to: see <a href="/docs/no-port-25#events">Start without port 25</a>.
      </p>
      <dl class="facts">
        {feeds.map(({ name, title, kind, to, toldAtMs }) => (
          <>
            <dt>
              {name}
              <p class="small quiet">{title}</p>
            </dt>
            <dd>
              <p class="small">
                {kind === 'sns' ? 'HTTPS endpoint of the SNS topic' : 'Queue of the event subscription'}
              </p>
              <Code id={`feed-${name}`} what={`Where ${name} tells its events`} text={to} wrap />
              <p class="small quiet">
                {toldAtMs === null ? (
                  'No event has come yet.'
                ) : (
                  <>
                    The last came <Time ms={toldAtMs} />.
                  </>
                )}
              </p>
            </dd>
          </>
        ))}
      </dl>
    </Card>
  );
}
