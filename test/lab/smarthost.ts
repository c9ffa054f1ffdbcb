/**
 * A Postfix that takes mail of those who sign in (Cyrus SASL), with a certificate of the lab's authority, and brings it to
 * wherever DNS says: by TLS from the beginning on 465, by STARTTLS on 587, and on 588 as one that has reached its quota.
 */
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lab } from './lab.ts';

export const smarthostLogin = { user: 'shop', secret: 'the secret of the smarthost' };
export const quotaText = 'Daily message quota exceeded, try again tomorrow';

/** Starts it; `lab.takeDown` ends it. */
export async function startSmarthost(lab: Lab): Promise<void> {
  const { fqdn } = lab.hosts.smarthost;
  // `ip netns exec` shows it to the host's processes as /etc/sasldb2.
  const passwords = join('/etc/netns', `${lab.handle.prefix}-smarthost`, 'sasldb2');
  const { user, secret } = smarthostLogin;
  await lab.run('smarthost', 'saslpasswd2', ['-c', '-p', '-f', passwords, '-u', fqdn, user], {
    input: secret,
  });
  // Postfix reads it as a user of its own.
  await chmod(passwords, 0o644);
  await lab.startPostfix('smarthost', {
    tls: 'lab-ca',
    settings: {
      smtpd_sasl_local_domain: fqdn,
      smtpd_tls_auth_only: 'yes',
      smtpd_end_of_data_restrictions: '',
    },
    services: [
      submission(465, 'smtpd_tls_wrappermode = yes'),
      submission(587, 'smtpd_tls_security_level = encrypt'),
      submission(
        588,
        'smtpd_tls_security_level = encrypt',
        `check_recipient_access static:{452 4.5.3 ${quotaText}}, reject`,
      ),
    ],
  });
}

function submission(port: number, tls: string, rules = 'permit_sasl_authenticated, reject'): string {
  const options = [
    tls,
    'smtpd_sasl_auth_enable = yes',
    'smtpd_relay_restrictions = permit_sasl_authenticated, reject',
    `smtpd_recipient_restrictions = ${rules}`,
  ];
  return `${port} inet n - n - - smtpd${options.map((option) => ` -o { ${option} }`).join('')}`;
}
