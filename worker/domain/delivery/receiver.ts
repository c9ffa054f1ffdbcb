/**
 * Who keeps the mailbox of a recipient, as statistics tell it: by the domains of those who give mailboxes away, else by the
 * MX host that was spoken to (`hosts`: ends of its name).
 */
const receivers = [
  {
    name: 'Google',
    domains: ['gmail.com', 'googlemail.com'],
    hosts: ['google.com', 'googlemail.com'],
  },
  {
    name: 'Microsoft',
    domains: [
      'outlook.com',
      'hotmail.com',
      'live.com',
      'msn.com',
      'hotmail.co.uk',
      'hotmail.fr',
      'outlook.de',
    ],
    hosts: ['protection.outlook.com', 'mx.microsoft'],
  },
  {
    name: 'Yahoo',
    domains: ['yahoo.com', 'ymail.com', 'aol.com', 'yahoo.co.uk', 'yahoo.fr', 'yahoo.de', 'yahoo.co.jp'],
    hosts: ['yahoodns.net', 'yahoo.co.jp'],
  },
  { name: 'Apple', domains: ['icloud.com', 'me.com', 'mac.com'], hosts: ['mail.icloud.com'] },
  { name: 'Proton', domains: ['proton.me', 'protonmail.com', 'pm.me'], hosts: ['protonmail.ch'] },
  { name: 'Fastmail', domains: ['fastmail.com', 'fastmail.fm'], hosts: ['messagingengine.com'] },
  { name: 'Zoho', domains: ['zoho.com', 'zohomail.com'], hosts: ['zoho.com', 'zoho.eu', 'zoho.in'] },
  {
    name: 'GMX and WEB.DE',
    domains: ['gmx.de', 'gmx.net', 'gmx.com', 'web.de'],
    hosts: ['gmx.net', 'web.de'],
  },
  { name: 'Orange', domains: ['orange.fr', 'wanadoo.fr'], hosts: ['orange.fr'] },
  { name: 'QQ', domains: ['qq.com', 'foxmail.com'], hosts: ['qq.com'] },
  { name: 'NetEase', domains: ['163.com', '126.com', 'yeah.net'], hosts: ['netease.com'] },
  { name: 'Yandex', domains: ['yandex.ru', 'yandex.com', 'ya.ru'], hosts: ['yandex.ru', 'yandex.net'] },
  { name: 'Mail.ru', domains: ['mail.ru', 'bk.ru', 'list.ru', 'inbox.ru'], hosts: ['mail.ru'] },
  { name: 'Proofpoint', domains: [], hosts: ['pphosted.com', 'ppe-hosted.com'] },
  { name: 'Mimecast', domains: [], hosts: ['mimecast.com'] },
] as const;

export const otherReceiver = 'other';

/**
 * The name of who keeps a mailbox.
 * @param mxHost the first MX host that was spoken to; null: none was yet
 */
export function receiverOf(domain: string, mxHost: string | null): string {
  const asked = domain.toLowerCase();
  const host = `.${(mxHost ?? '').toLowerCase().replace(/\.$/, '')}`;
  const found =
    receivers.find(({ domains }) => (domains as readonly string[]).includes(asked)) ??
    receivers.find(({ hosts }) => hosts.some((end) => host.endsWith(`.${end}`)));
  return found?.name ?? otherReceiver;
}
