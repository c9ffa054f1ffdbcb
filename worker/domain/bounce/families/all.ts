import { amazon } from './amazon.ts';
import { carriers } from './carriers.ts';
import { courier } from './courier.ts';
import { domino } from './domino.ts';
import { exchange } from './exchange.ts';
import { exim } from './exim.ts';
import type { NoticeFamily } from './family.ts';
import { gateways } from './gateways.ts';
import { general } from './general.ts';
import { gmail } from './gmail.ts';
import { postfix } from './postfix.ts';
import { qmail } from './qmail.ts';
import { sendmail } from './sendmail.ts';
import { yahoo } from './yahoo.ts';

/** Every family, the more distinct before the more general. */
export const families: readonly NoticeFamily[] = [
  postfix,
  gmail,
  yahoo,
  amazon,
  qmail,
  courier,
  exim,
  domino,
  carriers,
  sendmail,
  exchange,
  gateways,
  general,
];
