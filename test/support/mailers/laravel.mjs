// Sends as Laravel does with the MAIL_* lines of an .env file: laravel.mjs <file> <recipient>.
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { createTransport } from 'nodemailer';

const [file, to] = process.argv.slice(2);
const env = parseEnv(readFileSync(file, 'utf8'));
const transport = createTransport({
  host: env.MAIL_HOST,
  port: Number(env.MAIL_PORT),
  secure: env.MAIL_SCHEME === 'smtps',
  requireTLS: true,
  tls: { rejectUnauthorized: false }, // the certificate of a test
  auth: { user: env.MAIL_USERNAME, pass: env.MAIL_PASSWORD },
});
const message = { from: env.MAIL_FROM_ADDRESS, to, subject: 'Hello', text: 'Sent with Pennypost.' };
console.log((await transport.sendMail(message)).response);
