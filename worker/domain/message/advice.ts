import type { MailClass } from './class.ts';

/** What of a message's content may keep it from the inbox, or from being read; for its sender, who can mend it. */

export interface WebLink {
  /** A host name in A-labels. */
  host: string;
  /** It begins with `https:`. */
  isSecure: boolean;
}

/** A message as far as advice is about it. */
export interface AdvisedMail {
  /** The author's address. */
  from: string;
  class: MailClass;
  /** Octets; null: it has none. */
  htmlBytes: number | null;
  hasText: boolean;
  /** Where the links of the HTML lead on the web. */
  links: readonly WebLink[];
  /** Targets that lead through the service itself are as good as the sender's own. */
  ownHost: string;
  hasListUnsubscribe: boolean;
}

export interface Advice {
  what: string;
  todo: string;
}

/** Gmail shows so much of a message's HTML, octets; what is behind is cut off. */
const shownHtmlBytes = 102 * 1024;

/** Advice on a message, what matters most first; empty: nothing to mend. */
export function adviceOn(mail: AdvisedMail): Advice[] {
  return [
    ...(mail.class === 'digest' && !mail.hasListUnsubscribe
      ? [
          {
            what: 'It is bulk mail and cannot be unsubscribed from by one click.',
            todo: 'Large providers ask for that (RFC 8058): switch it on in the settings, or with "unsubscribe": true.',
          },
        ]
      : []),
    ...linkAdvice(mail),
    ...(mail.htmlBytes !== null && !mail.hasText
      ? [
          {
            what: 'It has HTML and no text.',
            todo: 'Send the same as text_body: some readers show nothing else, and filters expect it.',
          },
        ]
      : []),
    ...((mail.htmlBytes ?? 0) > shownHtmlBytes
      ? [
          {
            what: `Its HTML is larger than ${shownHtmlBytes / 1024} KiB.`,
            todo: 'Gmail cuts it off there. Take out styles that nothing uses, and pictures that stand in it as data.',
          },
        ]
      : []),
    ...(/^(no|do-?not|dont)[-_.]?reply([-_.+]|@)/i.test(mail.from)
      ? [
          {
            what: 'Its sender takes no answer.',
            todo: 'People who can answer complain less: send from an address that somebody reads, or set reply_to.',
          },
        ]
      : []),
  ];
}

function linkAdvice({ from, links, ownHost }: AdvisedMail): Advice[] {
  const domain = from.slice(from.lastIndexOf('@') + 1).toLowerCase();
  const away = links.filter(({ host }) => host !== ownHost);
  const others = new Set(away.map(({ host }) => host).filter((host) => !isRelated(host, domain)));
  const plain = away.filter(({ isSecure }) => !isSecure);
  return [
    ...(others.size > 0
      ? [
          {
            what: `Links lead to ${listed([...others])}, not to ${domain}.`,
            todo: 'Filters trust links to the domain of the sender most; lead there, and on from there.',
          },
        ]
      : []),
    ...(plain.length > 0
      ? [{ what: `${plain.length} of its links begin with http:.`, todo: 'Lead to https: alone.' }]
      : []),
  ];
}

/** The same domain, one below it, or one beside it below the same parent. */
function isRelated(host: string, domain: string): boolean {
  const labels = domain.split('.');
  const bases = labels.length > 2 ? [domain, labels.slice(1).join('.')] : [domain];
  return bases.some((base) => host === base || host.endsWith(`.${base}`));
}

function listed(hosts: readonly string[]): string {
  const shown = hosts.slice(0, 3).map((host) => host.slice(0, 100));
  return hosts.length > shown.length
    ? `${shown.join(', ')} and ${hosts.length - shown.length} more`
    : shown.join(', ');
}
