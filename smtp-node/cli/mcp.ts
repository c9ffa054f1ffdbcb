/** `npm run mcp`: a server of the Model Context Protocol on standard input and output. */
import { parseArgs } from 'node:util';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { openApi } from './api.ts';
import { Fault } from './fault.ts';
import { mcpServer } from './mcp-server.ts';
import { readProfile } from './profile.ts';

const usage = `npm run --silent mcp -- [options]    (as whom: pennypost login, or PENNYPOST_URL and PENNYPOST_KEY)
  --real-recipients  lets mail go to people; otherwise it goes to the simulator only
  --help             prints this`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      'real-recipients': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(usage);
  const api = openApi(await readProfile(process.env));
  await mcpServer(api, { realRecipients: values['real-recipients'] }).connect(new StdioServerTransport());
}

main().catch((error: unknown) => {
  console.error(error instanceof Fault ? error.message : error);
  process.exitCode = 1;
});
