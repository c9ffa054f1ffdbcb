import type { FailureClass } from './failure-class.ts';

/**
 * What the words of a failure tell, one table; the first rule that matches decides, so what suppresses nobody
 * comes before what does (a blocklist before a missing mailbox). Patterns are matched against lower-case text
 * with one space between words, and gaps in them are bounded.
 */
export interface TextRule {
  class: FailureClass;
  /** Only for temporary failures: the same words in a 5yz reply mean something else. */
  temporary?: true;
  /** Only under this enhanced status. */
  status?: string;
  patterns: readonly RegExp[];
}

export const textRules: readonly TextRule[] = [
  {
    class: 'greylisted',
    temporary: true,
    patterns: [
      /gr[ea]y[- ]?list|postgrey/,
      /come back later|please retry (?:in|after|later)|try again in \d{1,5} ?(?:s\b|sec|min)/,
      /(?:first|new) (?:contact|time|sender) .{0,40}(?:later|again)/,
    ],
  },
  {
    // Exchange Online: the directory of the domain does not have the address
    class: 'bad_mailbox',
    status: '5.4.1',
    patterns: [/recipient address(?:es)? rejected ?: access denied/],
  },
  {
    class: 'blocklisted',
    patterns: [
      /\b(?:block|black|deny|reject)[- ]?list/,
      /\b(?:rbl|dnsbl|dnsrbl|uribl|surbl|xbl|pbl|sbl)\b/,
      /spamhaus|spamcop|barracuda(?:central| reputation)|\bsorbs\b|uceprotect|invaluement|senderscore|mailspike|abusix/,
      /(?:bad|poor|low|negative) (?:\S{1,20} )?reputation|reputation (?:is|was|of|score)/,
      /\b(?:ip|host|client|server|network|sender)(?: ip)?(?: address)? (?:\S{1,60} )?(?:(?:is|has been|was|are|been|currently|temporarily|permanently|locally) ){0,3}(?:blocked|banned|listed)\b/,
      /\[(?:\d{1,3}\.){3}\d{1,3}\] (?:(?:is|has been|was|currently|temporarily) ){0,2}(?:blocked|banned|listed)\b/,
      /banned (?:sending|sender|ip|host)|access denied, banned/,
      /(?:blocked|banned|listed) (?:by|in|on|at|using) \S{1,80}(?:\.(?:org|net|com)|bl\b)/,
      /(?:block|ban)(?:ed|ing)? (?:your|this|the) (?:ip|host|server|domain)/,
      /part of (?:their|your) network is on/,
    ],
  },
  {
    // Before `auth`: the header that is twice there may be a signature
    class: 'protocol',
    patterns: [
      /(?:duplicate|multiple|missing|malformed|more than one|repeated|too many) (?:\S{1,20} )?(?:header|headers|field)\b|(?:header|field)s? (?:\S{1,40} )?(?:(?:is|are|was|were|must|may) )?(?:duplicate|duplicated|repeated|missing|malformed|appears? (?:more than once|twice)|not rfc)/,
    ],
  },
  {
    class: 'auth',
    patterns: [
      /\b(?:spf|dkim|dmarc|domainkeys)\b|sender policy framework|openspf/,
      /unauthenticated (?:e-?mail|mail|message|sender)|authentication (?:requirements|checks?|information)/,
      /reverse (?:dns|lookup|host|mapping|ip|domain)|\b(?:ptr|rdns|fcrdns)\b/,
      /cannot (?:find|resolve) your (?:reverse )?(?:host|address)|client host(?:name)? rejected: cannot find/,
      /sender (?:address )?(?:verification|verify) failed|not authorized to send (?:\S{1,20} )?(?:from|on behalf)/,
    ],
  },
  {
    // About the sender, its host or its header, in words that would tell of a recipient: "Sender address rejected:
    // Domain not found", "From: Domain is invalid", "Helo command rejected: Host not found"
    class: 'policy',
    patterns: [
      /\bsender(?:'s)?:? (?:(?:e-?mail|address|domain|host):? ){0,2}(?:\S{1,80} )?(?:rejected|denied|refused|blocked|unknown|invalid|unroute?able|(?:is |was )?not (?:found|exist|valid|allowed|accepted)|does not exist)/,
      /(?:unroute?able|invalid|unknown|bad|illegal|unresolvable) (?:envelope )?sender|domain of sender|envelope sender/,
      /invalid domain name/,
      /\b(?:from|mail[- ]?from|return[- ]?path|reverse[- ]?path|reply-to|sender|originator|author)(?:'s)?(?: header| field| address| line)?[:>]? ?(?:<?address>?:? ?)?(?:the )?(?:e-?mail |mail )?(?:address |domain |domain name |host )?(?:\S{1,80} )?(?:is |was |has been |could |does |has |contains )?(?:an? )?(?:invalid|not (?:valid|found|exist|be (?:found|resolved|verified)|resolv\w{0,4})|unknown|unresolvable|non-?existent|no (?:valid )?(?:mx|a record|dns))/,
      /\b(?:helo|ehlo)\b (?:\S{1,80} )?(?:command |name |host |hostname )?(?:rejected|refused|denied|invalid|not found|unknown)/,
      /(?:domain|address|mx|dns record) (?:of|for) (?:the |your )?(?:sender|from|return[- ]?path|envelope from|mail from)|(?:proper|valid|correct) (?:from|sender|return[- ]?path)\b|your (?:domain|address|sender address|from address|host ?name) (?:\S{1,80} )?(?:is |was |does |has |could |cannot )?(?:invalid|not (?:found|exist|valid|be)|unknown|no (?:mx|a record|valid)|unresolvable)/,
      /sender (?:domain|host|address|e-?mail) (?:\S{1,80} )?(?:must|has to|needs to) (?:exist|resolve|be valid)|all senders must/,
    ],
  },
  {
    class: 'relay_denied',
    patterns: [
      /relay(?:ing)? (?:\S{1,60} ){0,3}?(?:denied|prohibited|not permitted|not allowed|disallowed|rejected|forbidden)/,
      /(?:not|unable|cannot|can't|won't|do(?:es)? not|don't|refuse[sd]?) (?:\S{1,20} )?(?:to )?(?:be )?relay|no relay|open relay|insecure mail relay/,
      /rcpthosts|(?:don't|do not) (?:handle|accept) mail for|domain (?:is )?not (?:hosted|handled|served|local) (?:here|on|by)/,
    ],
  },
  {
    class: 'rate_limited',
    patterns: [
      /too (?:many|much) (?:\S{1,20} ){0,3}(?:connection|session|message|mail|email|recipient|rcpt|command|error|attempt|request|traffic)/,
      /rate[- ]?limit|frequency limit|throttl|\bflood|(?:daily|hourly|relay|sending) (?:\S{1,20} )?quota/,
      /(?:receiv|send|sent|deliver)\w{0,4} (?:\S{1,20} ){0,4}(?:too (?:quickly|fast|many|much)|at a rate)/,
      /(?:rate|frequency) (?:that|is|exceed|control|of)|(?:unusual|unexpected|suspicious)(?:ly high)? (?:\S{1,20} )?(?:rate|volume|traffic)/,
      /(?:connection|session|sending|hourly|daily|recipient|frequency|volume|concurrency) (?:\S{1,20} ){0,3}(?:limit|quota|rate)s? (?:\S{1,20} ){0,3}(?:exceed|reach|hit)/,
      /exceed\w{0,4} (?:\S{1,20} ){0,6}(?:rate\b|connections|sessions|frequency|hourly|daily|sending (?:limit|quota)|number of)/,
      /(?:messages?|mails?|recipients?|rcpts?) (?:\S{1,20} ){0,3}per (?:\S{1,20} )?(?:session|connection|hour|minute|day|second)/,
      /slow(?:ing)? down|excessive (?:\S{1,20} )?(?:rate|volume|connection)|\bts0\d\b|concurrency .{0,20}limit/,
    ],
  },
  {
    class: 'mailbox_full',
    patterns: [
      /(?:mail ?box|mail ?folder|mail ?drop|inbox|account|user|maildir|storage|disk|recipient)(?:'s)? (?:\S{1,60} ){0,4}?(?:full|overfull|overquota)\b/,
      /quota|over(?:drawn|[- ]storage)|out of (?:disk ?|storage )?space/,
      /(?:not enough|insufficient|no) (?:disk |storage |free |more |mailbox )?(?:storage|space|room)\b/,
      /(?:storage|space|disk|mailbox) (?:\S{1,12} )?(?:limit|allocation|allotment)s? (?:\S{1,20} ){0,4}exceed/,
      /exceed\w{0,4} (?:\S{1,20} ){0,4}(?:storage|disk|mailbox|mail box|allocation|space|allotment)/,
      /mailbox (?:\S{1,20} ){0,2}exceed|mailbox (?:is )?(?:size )?(?:limit|too large)|mailbox full|mbox full|too many messages (?:in|on|stored)/,
    ],
  },
  {
    class: 'too_large',
    patterns: [
      /(?:message|mail|e-?mail|msg|body|header|attachment|content|line)s? (?:\S{1,20} ){0,3}(?:too (?:large|big|long)|exceed|larger than|bigger than)/,
      /exceed\w{0,4} (?:\S{1,20} ){0,6}size|(?:max(?:imum)?|fixed) (?:\S{1,20} ){0,3}size|size limit|too (?:large|big) (?:a )?(?:message|mail|e-?mail)/,
    ],
  },
  {
    // Before bad_mailbox: "host or domain name not found"
    class: 'network',
    temporary: true,
    patterns: [
      /(?:host|domain|dns|mx\b|resolve).{0,80}(?:try again|temporar|timed? ?out|servfail|lookup failure)/,
    ],
  },
  {
    class: 'bad_domain',
    patterns: [
      /\bhost(?:name)?:? (?:\S{1,80} )?(?:or domain )?(?:name )?(?:is )?(?:not found|unknown|lookup did not)/,
      /\b(?:unknown|no such|illegal|non-?existent) (?:mail )?(?:host|domain)/,
      /\bdomain(?: name)? (?:\S{1,80} ){0,2}?(?:(?:is|was|has|does|could|can) )?(?:not (?:found|exist|be found|resolve|known|valid)|unknown|doesn't exist|no longer|invalid)/,
      /nxdomain|null ?mx|no smtp service|(?:an )?mx record (?:which |that )?(?:explicitly )?(?:indicat\w{1,4}|says?|shows?|states?|tells?) (?:that )?(?:\S{1,20} ){0,3}(?:does not|doesn't|no)|(?:mx|mail exchanger?)s? (?:\S{1,30} ){0,3}(?:point\w{0,3} to|is|has) (?:an? )?(?:the )?(?:root|empty|null|"?\.)|no (?:valid |usable )?(?:mx|mail exchanger|mail server|mail host)/,
      /could(?:n't|n'?t| not) find (?:any |a )?(?:host|mail exchanger|mx|domain)|host name lookup (?:did not|fail)/,
      /name or service not known|do(?:es)? not accept (?:any )?mail\b|all relevant mx|unrout(?:e?able) mail domain/,
    ],
  },
  {
    class: 'inactive',
    patterns: [
      /(?:user|mail ?box|recipient|account|address|alias|customer)(?:'s)? (?:\S{1,80} ){0,6}?(?:disabled|inactive|suspended|de-?activated|locked|frozen|abandoned|dormant|cancel?led|terminated|discontinued|deleted|not active|not activated|on hold)\b/,
      /(?:disabled|inactive|suspended|de-?activated|dormant|frozen|locked) (?:\S{1,20} )?(?:user|mail ?box|recipient|account|address)/,
      /(?:recipient|user|account|mail ?box)(?:'s)? (?:\S{1,30} ){0,2}?(?:is|was|has been) (?:\S{1,20} )?(?:blocked|disabled by|barred|closed)\b/,
      /extended inactivity|(?:nobody|no one) has (?:fetched|read|collected|logged)|not (?:been )?(?:fetched|collected|logged in(?:to)?|used) (?:\S{1,20} ){0,2}(?:for|since)/,
    ],
  },
  {
    class: 'bad_mailbox',
    patterns: [
      /(?:user|mail ?box|recipient|account|alias|address|addressee|person|local ?part|username|user name)\b[,:]? ?(?:\S{1,80} ){0,4}?(?:unknown|non-?exist\w{0,4}|doesn'?t exist|not (?:exist|found|known|recogni[sz]ed|be found|listed|present|here|registered)|no longer (?:exist|valid|in use|available|active|here|with)|invalid|undefined|unroute?able)\b/,
      /\b(?:unknown|invalid|no such|not a (?:valid|known)|non-?existent|unrecogni[sz]ed|undefined|no valid|unroute?able) (?:\S{1,20} ){0,2}?(?:user|mail ?box|recipient|account|alias|addressee|person|local ?part|e-?mail address|address|rcpt)\b/,
      /\bno (?:such )?(?:\S{1,20} )?(?:mailbox|user|person|account) (?:here|by|with|named|called|at|on|under|exists)|there is no (?:user|one|account|mailbox|such)/,
      /(?:does not|doesn't) have (?:an? )?(?:\S{1,80} )?account|not our customer|no mailbox/,
      /(?:account|address|user|mail ?box|recipient|person) (?:that |which |whom |who )?(?:you|u) (?:\S{1,20} ){1,4}(?:does not|doesn't|did not|is not|isn't|no longer|could not be|cannot be|was not) (?:exist|found|valid|known|here|a valid)/,
      /invalid (?:\S{1,20} ){0,3}(?:userid|user id|user-id|login)\b|unknown (?:\S{1,20} ){0,2}(?:userid|user id|local-?part)/,
      /recip(?:ient)?notfound|not listed in (?:domino|public name|the directory)|user ?unknown|no longer (?:employed|works|with us)/,
      /ディレクトリ.{0,20}(?:ありません|見つかりません)|あて先.{0,20}見つかりません|(?:宛|あて)先不明/,
      /mailbox unavailable or|(?:recipient|user|mailbox) (?:address )?(?:has|have) moved/,
    ],
  },
  {
    class: 'spam',
    patterns: [
      /spam|\b(?:ube|uce)\b|unsolicited|phish|virus|malware|malicious|\bjunk|infected|trojan|suspicious/,
      /(?:content|message|mail|body|subject|url|link|attachment)s? (?:\S{1,40} ){0,4}?(?:considered|classified|identified|suspected|scored|inappropriate|abusive)/,
      /(?:content|mail|message|url) ?filter|(?:by|due to|for) (?:\S{1,20} )?content|content (?:was |is )?(?:reject|refused|denied|restrict)/,
    ],
  },
  {
    class: 'network',
    patterns: [
      /connection (?:\S{1,60} ){0,3}?(?:refused|timed? ?out|reset|lost|closed|dropped|failed|terminated|aborted)|(?:lost|refused|dropped|closed|reset) (?:the )?connection/,
      /time ?out|timed out|no route to host|(?:network|host|server|domain) (?:\S{1,60} )?(?:is |was )?(?:unreachable|not reachable|down\b|not respond|did not respond|not available)/,
      /(?:could not|couldn't|unable to|failed to|cannot|can't) (?:connect|reach|contact|establish)|broken pipe|\be(?:connrefused|connreset|timedout|hostunreach|netunreach)\b|\b(?:enotfound|eai again)\b/,
      /(?:could ?n[o']t|unable to|not able to|cannot|failed to) (?:be )?deliver\w{0,2} (?:\S{1,30} ){0,5}(?:for|within|after|in) (?:the )?(?:last |past |more than |over )?\d{1,7} ?(?:seconds?|minutes?|hours?|days?)|(?:after|for|within|in) (?:the )?(?:last |past |more than |over )?\d{1,7} ?(?:seconds?|minutes?|hours?|days?) (?:\S{1,20} ){0,6}(?:giving up|given up|expired|undeliverable)|(?:message|mail|delivery) (?:\S{1,20} ){0,3}(?:expired|too old|timed out)|(?:maximum|max) (?:\S{1,20} ){0,3}(?:queue|retry|delivery|lifetime)/,
      /hosts? (?:have|has) been failing|(?:socket|network) error|did not accept our requests to connect|not responding|name service error|dns (?:query|lookup|error|fail)|retry (?:time|timeout)|(?:delivery|message|retry|queue) (?:\S{1,20} )?(?:time )?(?:has )?(?:expired|exceeded)|too long (?:in|on) (?:the )?queue/,
    ],
  },
  {
    class: 'protocol',
    patterns: [
      /syntax error|out of sequence|protocol (?:error|violation)|pipelining|smtputf8|non-?ascii|8bitmime|bare (?:lf|cr|newline|line ?feed)/,
      /(?:command|verb|parameter|argument)s? (?:\S{1,20} ){0,3}(?:not (?:recogni[sz]ed|implemented|understood|supported)|unrecogni[sz]ed|unknown|invalid|unimplemented)/,
      /(?:bad|invalid|unrecogni[sz]ed|unimplemented) (?:\S{1,20} )?(?:command|sequence|argument|parameter)/,
      /\brfc ?\d{3,4}.{0,40}(?:compl|violat|conform|format)|(?:missing|duplicate|multiple|invalid|malformed) (?:\S{1,20} )?header|starttls|\bcertificate\b|tls (?:is )?(?:required|not available|handshake)|\b(?:helo|ehlo)\b.{0,30}(?:reject|invalid|required)|(?:invalid|bad|need|polite).{0,20}\b(?:helo|ehlo)\b/,
    ],
  },
  {
    class: 'system',
    patterns: [
      /(?:system|server|service|local|internal|temporary|configuration|processing|i\/o|database|resource|ldap|directory|software|mailer) (?:\S{1,20} )?(?:error|failure|problem|unavailable|not available|overload|busy|misconfig)/,
      /mail (?:forwarding )?loop|loops? back|routing loop|too many hops|hop count|out of memory|insufficient (?:system )?(?:resources|memory|storage)/,
      /command (?:died|failed|output)|(?:exit|died) with (?:status|signal)|(?:can ?not|can't) (?:open|create|lock|write|append)|(?:write|queue file|disk) error|permission denied|try (?:again )?later/,
    ],
  },
  {
    class: 'policy',
    patterns: [
      /polic(?:y|ies)|prohibit|forbidden|not (?:allowed|permitted|authori[sz]ed|accept)|denied|administrat|restrict|unauthori[sz]ed|\bblocked|refused|reject/,
    ],
  },
];
