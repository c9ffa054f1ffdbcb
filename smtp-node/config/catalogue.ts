import type { ConfigKind } from './kinds.ts';

/** One setting. */
export interface ConfigRow {
  /** Property of `Config`. */
  name: string;
  /** Environment variable. */
  key: string;
  kind: ConfigKind;
  /** Text that is parsed when the variable is unset or empty; a row without one is required. */
  default?: string;
  /** A sentence for the documentation. */
  about: string;
}

/**
 * The configuration of a node: one table of data. The parser, the type `Config` and the reference in the
 * documentation derive from it. A row without `default` is required.
 */
export const configCatalogue = [
  {
    name: 'edgeUrl',
    key: 'PENNYPOST_EDGE_URL',
    kind: 'url',
    about: 'Base URL of the edge (the Worker), without a path.',
  },
  {
    name: 'nodeToken',
    key: 'PENNYPOST_NODE_TOKEN',
    kind: 'secret',
    about:
      'The token of this node, as the operator made it (`npm run nodes -- add NODE`). The first node may have the `NODE_TOKEN` of the edge: it asks for a token of its own with it and keeps that in its data directory. Keep it secret.',
  },
  {
    name: 'hostName',
    key: 'PENNYPOST_HOST_NAME',
    kind: 'hostName',
    about: 'Public host name of the node: said in EHLO and in the greeting. Its A, AAAA and PTR must agree.',
  },
  {
    name: 'nodeId',
    key: 'PENNYPOST_NODE_ID',
    kind: 'text',
    default: '',
    about: 'Name of the node towards the edge, one a running node. Empty: the host name.',
  },
  {
    name: 'dataDirectory',
    key: 'PENNYPOST_DATA_DIR',
    kind: 'text',
    default: '.pennypost/node',
    about: 'Directory of the journal, the spool of large messages and the self-signed certificate.',
  },
  {
    name: 'workers',
    key: 'PENNYPOST_WORKERS',
    kind: 'workers',
    default: '1',
    about:
      'Processes that share the work of this node, for machines with several cores; also `--workers`. Each has a journal and slots of its own, and from the second on an id (`NODE_ID-2`) and a token of its own; limits of connections hold for all together.',
  },
  {
    name: 'workerTokens',
    key: 'PENNYPOST_WORKER_TOKENS',
    kind: 'secrets',
    default: '',
    about:
      'Tokens of the second worker and those after it, comma-separated, as `npm run nodes -- add NODE --workers N` prints them.',
  },
  {
    name: 'logLevel',
    key: 'PENNYPOST_LOG_LEVEL',
    kind: 'logLevel',
    default: 'info',
    about: 'Least level that is logged: `trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`.',
  },
  {
    name: 'edgeTimeoutSeconds',
    key: 'PENNYPOST_EDGE_TIMEOUT_SECONDS',
    kind: 'positive',
    default: '30',
    about: 'How long an answer of the edge is awaited.',
  },
  {
    name: 'stopSeconds',
    key: 'PENNYPOST_STOP_SECONDS',
    kind: 'positive',
    default: '30',
    about: 'How long a graceful stop may take before running transactions are left to the journal.',
  },
  {
    name: 'slots',
    key: 'PENNYPOST_SLOTS',
    kind: 'positive',
    default: '50',
    about:
      'Deliveries that are worked on at once, an eighth of them `priority` only. Those that wait for a peer are not counted, up to ten times as many.',
  },
  {
    name: 'pollSeconds',
    key: 'PENNYPOST_POLL_SECONDS',
    kind: 'positive',
    default: '5',
    about: 'How often work is asked for when the edge does not wake the node.',
  },
  {
    name: 'maxUnreported',
    key: 'PENNYPOST_MAX_UNREPORTED',
    kind: 'positive',
    default: '1000',
    about: 'Outcomes that may wait for the edge before no more work is leased.',
  },
  {
    name: 'dnsServers',
    key: 'PENNYPOST_DNS_SERVERS',
    kind: 'addresses',
    default: '',
    about:
      'DNS servers for MX lookups, comma-separated, each with an optional port. Empty: those of the system.',
  },
  {
    name: 'dnssec',
    key: 'PENNYPOST_DNSSEC',
    kind: 'dnssec',
    default: 'auto',
    about:
      'Whose word on DNSSEC is taken, which DANE needs: `auto` (a resolver of the system that runs on this machine), `trust` (the DNS servers in use validate, and the way to them is safe), the URL of a validating one over HTTPS (RFC 8484), or `off`.',
  },
  {
    name: 'outboundPort',
    key: 'PENNYPOST_OUTBOUND_PORT',
    kind: 'port',
    default: '25',
    about: 'Port of the MX that is connected to. Other than 25 only for tests.',
  },
  {
    name: 'outboundRoute',
    key: 'PENNYPOST_OUTBOUND_ROUTE',
    kind: 'route',
    default: '',
    about: 'Deliver everything to this `host:port` instead of to the MX. For tests and captures.',
  },
  {
    name: 'outboundAddresses',
    key: 'PENNYPOST_OUTBOUND_ADDRESSES',
    kind: 'localAddresses',
    default: '',
    about: 'Local addresses to send from: one IPv4, one IPv6 or both. Empty: the system chooses.',
  },
  {
    name: 'sendingAddressesFile',
    key: 'PENNYPOST_SENDING_ADDRESSES_FILE',
    kind: 'text',
    default: '',
    about:
      'JSON file with several addresses to send from, each with its name, by class or account and with a ramp: see "Several sending addresses" in [Operate](operate.md#several-sending-addresses).',
  },
  {
    name: 'outboundIpv4Only',
    key: 'PENNYPOST_OUTBOUND_IPV4_ONLY',
    kind: 'boolean',
    default: 'false',
    about: 'Never connect over IPv6, for machines whose IPv6 address has no PTR.',
  },
  {
    name: 'allowLocalMx',
    key: 'PENNYPOST_ALLOW_LOCAL_MX',
    kind: 'boolean',
    default: 'false',
    about: 'Deliver to MX hosts with local or private addresses, which are refused otherwise.',
  },
  {
    name: 'connectionsPerHost',
    key: 'PENNYPOST_CONNECTIONS_PER_HOST',
    kind: 'positive',
    default: '10',
    about: 'Connections to one MX address at once.',
  },
  {
    name: 'shapingFile',
    key: 'PENNYPOST_SHAPING_FILE',
    kind: 'text',
    default: '',
    about:
      'JSON file with limits by provider that differ from the built-in ones: `{"google": {"attempts": 40}, "mine": {"hosts": [".mx.example"], "attempts": 2}}`.',
  },
  {
    name: 'bindAddress',
    key: 'PENNYPOST_BIND_ADDRESS',
    kind: 'address',
    default: '',
    about: 'Address on which submission and return paths listen. Empty: all.',
  },
  {
    name: 'submissionPorts',
    key: 'PENNYPOST_SUBMISSION_PORTS',
    kind: 'ports',
    default: '587,2525,2587',
    about: 'Submission ports with STARTTLS (RFC 6409). 0: any free one. `none`: no such port.',
  },
  {
    name: 'submissionTlsPorts',
    key: 'PENNYPOST_SUBMISSION_TLS_PORTS',
    kind: 'ports',
    default: '465',
    about: 'Submission ports with implicit TLS (RFC 8314). 0: any free one. `none`: no such port.',
  },
  {
    name: 'tlsCertificateFile',
    key: 'PENNYPOST_TLS_CERT_FILE',
    kind: 'text',
    default: '',
    about: 'PEM file of the certificate chain, read again when it changes. Empty: a self-signed one is made.',
  },
  {
    name: 'tlsKeyFile',
    key: 'PENNYPOST_TLS_KEY_FILE',
    kind: 'text',
    default: '',
    about: 'PEM file of the private key that belongs to the certificate.',
  },
  {
    name: 'submissionMaxConnections',
    key: 'PENNYPOST_SUBMISSION_MAX_CONNECTIONS',
    kind: 'positive',
    default: '500',
    about: 'Open submission connections of one port.',
  },
  {
    name: 'submissionConnectionsPerAddress',
    key: 'PENNYPOST_SUBMISSION_CONNECTIONS_PER_ADDRESS',
    kind: 'positive',
    default: '50',
    about: 'Open submission connections of one client address (IPv6: of one /64).',
  },
  {
    name: 'submissionFailedLogins',
    key: 'PENNYPOST_SUBMISSION_FAILED_LOGINS',
    kind: 'positive',
    default: '10',
    about:
      'Failed logins of one client address within 15 minutes before further failures are answered late. A good key is always let in.',
  },
  {
    name: 'submissionLoginSeconds',
    key: 'PENNYPOST_SUBMISSION_LOGIN_SECONDS',
    kind: 'positive',
    default: '60',
    about: 'A submission client must have logged in so long after it connected, TLS handshake included.',
  },
  {
    name: 'submissionIdleSeconds',
    key: 'PENNYPOST_SUBMISSION_IDLE_SECONDS',
    kind: 'positive',
    default: '300',
    about:
      'A submission client that is silent, or has not ended its command line, for so long is disconnected (RFC 5321 §4.5.3.2.7).',
  },
  {
    name: 'submissionDataSeconds',
    key: 'PENNYPOST_SUBMISSION_DATA_SECONDS',
    kind: 'positive',
    default: '1800',
    about: 'Longest time that one message may take to arrive.',
  },
  {
    name: 'returnPathPorts',
    key: 'PENNYPOST_RETURN_PATH_PORTS',
    kind: 'ports',
    default: '25',
    about:
      'Ports on which incoming mail is taken (return paths, domains that receive), with STARTTLS. 0: any free one. `none`: no such port.',
  },
  {
    name: 'returnPathMaxConnections',
    key: 'PENNYPOST_RETURN_PATH_MAX_CONNECTIONS',
    kind: 'positive',
    default: '200',
    about: 'Open connections of one port for incoming mail.',
  },
  {
    name: 'returnPathConnectionsPerAddress',
    key: 'PENNYPOST_RETURN_PATH_CONNECTIONS_PER_ADDRESS',
    kind: 'positive',
    default: '20',
    about: 'Open connections for incoming mail of one client address (IPv6: of one /64).',
  },
  {
    name: 'rspamdUrl',
    key: 'PENNYPOST_RSPAMD_URL',
    kind: 'optionalUrl',
    default: '',
    about:
      'Base URL of an rspamd, e.g. `http://127.0.0.1:11333`, that is asked about received mail (`/checkv2`) and whose verdict goes with it. It refuses nothing by itself. Empty: none is asked.',
  },
  {
    name: 'metricsAddress',
    key: 'PENNYPOST_METRICS_ADDRESS',
    kind: 'address',
    default: '127.0.0.1',
    about: 'Address of `/metrics` and `/healthz`. They are not authenticated; keep them on loopback.',
  },
  {
    name: 'metricsPort',
    key: 'PENNYPOST_METRICS_PORT',
    kind: 'port',
    default: '9464',
    about: 'Port of `/metrics` (Prometheus), `/healthz` and `/shaping`. 0: any free one.',
  },
] as const satisfies readonly ConfigRow[];
