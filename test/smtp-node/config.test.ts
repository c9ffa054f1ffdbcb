import { describe, expect, it } from 'vitest';
import { configCatalogue } from '../../smtp-node/config/catalogue.ts';
import { ConfigError, parseConfig } from '../../smtp-node/config.ts';

const required = {
  PENNYPOST_EDGE_URL: 'https://edge.example',
  PENNYPOST_NODE_TOKEN: 'token-0123456789abcdef',
  PENNYPOST_HOST_NAME: 'Mail.Example',
};

describe('configuration of a node', () => {
  it('needs three settings and has a default for every other', () => {
    const config = parseConfig(required);
    expect(config).toMatchObject({
      edgeUrl: 'https://edge.example',
      hostName: 'mail.example',
      nodeId: 'mail.example',
      submissionPorts: [587, 2525, 2587],
      submissionTlsPorts: [465],
      metricsAddress: '127.0.0.1',
      metricsPort: 9464,
      outboundRoute: null,
    });
    expect(Object.keys(config).sort()).toEqual(configCatalogue.map((row) => row.name).sort());
  });

  it('says everything that is wrong at once', () => {
    const env = {
      PENNYPOST_EDGE_URL: 'edge.example',
      PENNYPOST_NODE_TOKEN: 'short-secret',
      PENNYPOST_SLOTS: '0',
      PENNYPOST_SUBMISSION_PORTS: '587,x',
      PENNYPOST_DNS_SERVERS: '127.0.0.1:53,ns.example',
      PENNYPOST_TLS_KEY_FILE: '/key.pem',
    };
    const fault = catchFault(() => parseConfig(env));
    expect(fault).toBeInstanceOf(ConfigError);
    const text = String(fault);
    for (const key of [
      'EDGE_URL',
      'NODE_TOKEN',
      'HOST_NAME',
      'SLOTS',
      'SUBMISSION_PORTS',
      'DNS_SERVERS',
      'TLS_',
    ]) {
      expect(text).toContain(`PENNYPOST_${key}`);
    }
    expect(text).not.toContain('short-secret');
  });

  it('takes lists, routes and the word none', () => {
    const config = parseConfig({
      ...required,
      PENNYPOST_SUBMISSION_TLS_PORTS: 'none',
      PENNYPOST_DNS_SERVERS: '127.0.0.1:5353, ::1, [::1]:53',
      PENNYPOST_OUTBOUND_ROUTE: '[::1]:2500',
      PENNYPOST_OUTBOUND_ADDRESSES: '192.0.2.1,2001:db8::1',
    });
    expect(config.submissionTlsPorts).toEqual([]);
    expect(config.dnsServers).toEqual(['127.0.0.1:5353', '::1', '[::1]:53']);
    expect(config.outboundRoute).toEqual({ host: '::1', port: 2500 });
    expect(config.outboundAddresses).toEqual({ ipv4: '192.0.2.1', ipv6: '2001:db8::1' });
  });
});

function catchFault(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return null;
}
