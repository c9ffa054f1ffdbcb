/**
 * The HTTPS hosts of MTA-STS policies (RFC 8461 §3.3), as a program for a lab host. Its argument is a JSON file: an
 * address, and by server name the certificate that is shown and what is answered; it is read anew for each request.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createSecureContext } from 'node:tls';

export interface PolicyHosts {
  address: string;
  sites: Record<string, PolicySite>;
}

export interface PolicySite {
  /** PEM. */
  key: string;
  cert: string;
  /** 0: no answer ever comes. */
  status: number;
  headers: Record<string, string>;
  body: string;
}

if (import.meta.main) {
  const [, , file = ''] = process.argv;
  const read = () => JSON.parse(readFileSync(file, 'utf8')) as PolicyHosts;
  const server = createServer({
    SNICallback: (name, done) => {
      const site = read().sites[name];
      done(null, site && createSecureContext(site));
    },
  });
  server.on('request', (request, response) => {
    const site = read().sites[request.headers.host ?? ''];
    if (site?.status === 0) return;
    const found = site && request.url === '/.well-known/mta-sts.txt';
    response.writeHead(found ? site.status : 404, found ? site.headers : {});
    response.end(found ? site.body : '');
  });
  server.listen(443, read().address, () => console.info('up'));
}
