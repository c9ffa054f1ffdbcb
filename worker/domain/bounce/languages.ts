/**
 * How reports speak, by language, as data: what their subjects say of a failure, their sentences, their warnings, and
 * what stands in front of the recipient. A language is one row; a new one needs nothing else.
 */
export interface Language {
  tag: string;
  /** Words of a subject that tells a failure. */
  subject: readonly RegExp[];
  /** Sentences of a report that a mail did not arrive. */
  failed: readonly RegExp[];
  /** Words, of subjects and sentences, that it goes on being tried. */
  delayed: readonly RegExp[];
  /** Words that tell so in a subject only: sentences use them for other things as well. */
  late?: readonly RegExp[];
  /** Words in front of a colon and the failed address. */
  recipient: readonly RegExp[];
}

export const languages: readonly Language[] = [
  {
    tag: 'en',
    subject: [
      /undeliver|non[- ]?deliver|not delivered|delivery (?:was )?(?:un|not )successful|returned (?:mail|e-?mail|to sender|message|letter)|(?:mail|message|letter) returned|fail(?:ure|ed)\b/,
      /deliver\w{0,3} (?:status|fail|error|problem|report|notification|notice|delayed|incomplete)|\bbounced?\b|rejected|(?:mail|processing|transport|transmission) (?:system )?error/,
      /(?:could ?not|couldn't|cannot|can't|unable to) (?:be )?(?:sen[dt]|deliver)|user unknown|unknown (?:user|recipient|address)|no such (?:user|mailbox|address|recipient)|mailbox (?:is )?(?:full|unavailable|not found)|(?:invalid|bad) (?:recipient|address)|problem delivering/,
    ],
    failed: [
      /(?:e-?mail|mail|message|letter).{0,80} (?:could not be|couldn't be|was not|wasn't|cannot be|can't be|has not been) (?:sent|delivered|processed|forwarded|accepted)/,
      /(?:unable|failed|not able|impossible|could ?not|cannot|can't) (?:to )?(?:deliver|process your)|delivery .{0,60}(?:failure|failed|error|unsuccessful|aborted)/,
      /undeliver(?:able|ed)|did not reach|(?:was|were|been|is|being) (?:rejected|returned|thrown away|discarded)|returned to (?:you|the sender|sender)|bounced (?:letter|mail|message)/,
      /(?:mailbox|user|recipient|address|account).{0,60}(?:full|unknown|not found|does not exist|no longer|over quota|rejected|unavailable)/,
      /no such (?:user|mailbox|address|recipient|account)|there is no (?:user|mailbox|account)|unknown (?:user|recipient|address)/,
    ],
    delayed: [
      /still being retried|(?:has|have) been delayed|(?:has|have|was|were|is) (?:not yet|still not) (?:been )?(?:sent|delivered)|(?:delivery|message|mail) (?:\S{1,20} ){0,3}postponed|still (?:in the queue|queued|undelivered|waiting)/,
      /this is (?:just |only )?a warning|warning (?:message )?only|(?:will|shall) (?:be retried|be tried again|continue to (?:be )?(?:try|tri|retr|attempt)|keep (?:on )?trying|try again|retry)|(?:go|going|goes) on trying|(?:we|i) keep trying/,
      /no action is required on your part|(?:delivery )?attempts will continue|not need to resend|further attempts will/,
    ],
    late: [
      /\bdelay(?:ed)?\b|\bwarning\b.{0,60}(?:deliver|queue|sent)|\bwarning: (?:message|could not send)|\bpostponed\b|temporarily (?:undeliver|not deliver)/,
    ],
    recipient: [
      /(?:(?:final|original|failed|invalid|target|intended|affected|rejected|bad) )?(?:recipient|rcpt to|(?:e-?)?mail address|address|addressee|user)s?/,
    ],
  },
  {
    tag: 'de',
    subject: [
      /unzustell|nicht (?:zugestellt|zustellbar|ausgeliefert)|zustell(?:ung|ungs)?-?\s?(?:fehl|nicht|problem)|fehler bei der zustellung|zustellung .{0,40}(?:fehlgeschlagen|gescheitert)|unbekannter empf|postfach (?:ist )?voll|rücksendung|zurückgewiesen/,
    ],
    failed: [
      /(?:konnte|kann|wurde|konnten) .{0,100}nicht (?:zugestellt|ausgeliefert|übermittelt|weitergeleitet|angenommen)|nicht (?:zustellbar|zugestellt werden)|zustellung .{0,60}(?:fehlgeschlagen|gescheitert|nicht möglich)|(?:empfänger|benutzer|adresse|postfach).{0,60}(?:unbekannt|existiert nicht|nicht gefunden|nicht vorhanden|voll\b)/,
    ],
    delayed: [
      /verzögert|verspätet|noch nicht (?:zugestellt|ausgeliefert)|weitere zustellversuche|wird weiter(?:hin)? versucht|erneut versucht/,
    ],
    recipient: [/empfänger(?:adresse)?|adresse/],
  },
  {
    tag: 'fr',
    subject: [
      /non (?:remis|distribu|délivr|livr)|échec (?:de|d'|dans) ?(?:la |l')?(?:remise|livraison|distribution|envoi|acheminement)|(?:remise|livraison|distribution) .{0,30}(?:échou|impossible)|retour (?:à l'expéditeur|de courrier)|impossible de (?:remettre|distribuer|délivrer)|destinataire inconnu|avis de non-/,
    ],
    failed: [
      /n'a (?:pas )?pu être (?:remis|distribu|délivr|livr|achemin|envoy|transmis)|n'ont (?:pas )?pu être|n'a pas été (?:remis|distribu|délivr|livr)|impossible de (?:remettre|distribuer|délivrer|livrer)|(?:destinataire|adresse|utilisateur|boîte).{0,60}(?:inconnu|n'existe (?:pas|plus)|introuvable|pleine)/,
    ],
    delayed: [
      /retardé|différé|pas encore (?:été )?(?:remis|distribu|délivr|livr)|en attente de (?:remise|distribution)|nouvelles tentatives|continuer(?:ons|a) (?:d'|à )essayer/,
    ],
    recipient: [/destinataires?|adresse/],
  },
  {
    tag: 'es',
    subject: [
      /no (?:se (?:puede|pudo|ha podido) )?entreg|no entregad|devuelto|devolución|(?:error|fallo|falló|fallido) .{0,30}(?:entrega|envío)|(?:entrega|envío) .{0,20}(?:fallid|fallad)|imposible entregar|rechazado|usuario desconocido|buzón lleno/,
    ],
    failed: [
      /no (?:se )?(?:pudo|puede|ha podido|ha sido|fue|pudieron|ha sido posible) .{0,30}?(?:entreg|enviar|enviad)|no entregado|entrega .{0,40}(?:fall|imposible)|(?:destinatario|usuario|dirección|buzón|cuenta).{0,60}(?:desconocid|no existe|no encontrad|llen[oa])/,
    ],
    delayed: [
      /retras|demorad|aún no (?:se )?(?:ha|pudo)|todavía no (?:se )?(?:ha|pudo)|seguir(?:á|emos) intent|se volverá a intentar/,
    ],
    recipient: [/destinatarios?|dirección/],
  },
  {
    tag: 'it',
    subject: [
      /non (?:recapit|consegn|inviat)|mancat[ao] (?:consegna|recapito)|(?:consegna|recapito|invio) .{0,20}(?:fallit|non riuscit|impossibile)|errore .{0,20}(?:consegna|recapito|invio)|impossibile (?:recapitare|consegnare)|restituito al mittente|utente sconosciuto/,
    ],
    failed: [
      /non (?:è stato possibile|può essere|è stato|ha potuto|sono stati) .{0,30}(?:recapit|consegn|inviat|inviare)|impossibile (?:recapitare|consegnare|inviare)|(?:consegna|recapito) .{0,40}(?:fallit|non riuscit)|(?:destinatario|utente|indirizzo|casella).{0,60}(?:sconosciut|inesistente|non esiste|non trovat|piena)/,
    ],
    delayed: [
      /ritard|non (?:è stato )?ancora (?:stato )?(?:consegn|recapit)|ulteriori tentativi|verrà ritentat|continuerà a tentare/,
    ],
    recipient: [/destinatari[oa]?|indirizzo/],
  },
  {
    tag: 'pt',
    subject: [
      /não (?:entregue|foi entregue|é possível entregar|pôde ser)|(?:falha|erro|problema) .{0,20}(?:entrega|envio)|(?:entrega|envio) .{0,20}(?:falh|malsuced)|devolvid[ao]|não entregue|utilizador desconhecido|usuário desconhecido/,
    ],
    failed: [
      /não (?:pôde|pode|foi possível|foi|puderam|conseguimos) .{0,30}?(?:entreg|enviar|enviad)|(?:entrega|envio) .{0,40}(?:falhou|falharam|impossível)|(?:destinatário|usuário|utilizador|endereço|caixa).{0,60}(?:desconhecid|inexistente|não existe|não (?:foi )?encontrad|chei[ao])/,
    ],
    delayed: [/atrasad|adiad|ainda não (?:foi|pôde)|continuar(?:á|emos) (?:a )?tent|novas tentativas/],
    recipient: [/destinatários?|endereço/],
  },
  {
    tag: 'pl',
    subject: [
      /niedostarcz|nie (?:została |zostało |można |udało się )?(?:dostarcz|doręcz)|(?:błąd|problem|niepowodzenie) .{0,20}(?:dostarcz|doręcz|wysył)|zwrot (?:wiadomości|do nadawcy|poczty)|zwrócon|nieznany (?:odbiorca|użytkownik)/,
    ],
    failed: [
      // The order of words is free: "nie została dostarczona", "dostarczyć się nie udało", "nie udało się dostarczyć".
      /nie (?:\S{1,20} ){0,3}(?:dostarcz|doręcz)|(?:dostarcz|doręcz)\S{0,10} (?:\S{1,20} ){0,3}nie (?:\S{1,20} ){0,2}?(?:było|udał|można|powiodł|był|jest)|(?:dostarczeni|doręczeni)\S{0,3} .{0,60}(?:nie powiodł|niemożliwe)|(?:odbiorc|użytkownik|adres|skrzynk).{0,60}(?:nieznan|nie istnieje|nie znaleziono|pełn|przepełnion)/,
    ],
    delayed: [
      /opóźnio|jeszcze nie (?:została|zostało|dostarcz|doręcz)|nie (?:została|zostało) jeszcze|ponawian|kolejne próby|próby .{0,20}(?:kontynuowan|ponawian)/,
    ],
    recipient: [/odbiorc[ayę]|adresat|adres(?:at)?/],
  },
  {
    tag: 'nl',
    subject: [
      /onbestelbaar|niet (?:bezorgd|afgeleverd|besteld|bestelbaar)|(?:bezorging|aflevering|levering) .{0,20}(?:mislukt|niet)|(?:fout|probleem) .{0,20}(?:bezorg|aflever)|mislukte (?:bezorging|aflevering)|onbekende (?:ontvanger|gebruiker)|geweigerd/,
    ],
    failed: [
      /(?:kon|kan|konden|is|werd) .{0,60}niet (?:worden )?(?:bezorgd|afgeleverd|besteld|verzonden)|niet (?:worden )?(?:bezorgd|afgeleverd)|(?:bezorging|aflevering) .{0,40}mislukt|(?:ontvanger|gebruiker|adres|postbus|mailbox).{0,60}(?:onbekend|bestaat niet|niet gevonden|vol\b)/,
    ],
    delayed: [
      /vertraagd|vertraging|nog niet (?:bezorgd|afgeleverd)|blijven proberen|opnieuw (?:geprobeerd|proberen)|verdere pogingen/,
    ],
    recipient: [/ontvangers?|geadresseerde|adres/],
  },
  {
    tag: 'ru',
    subject: [
      /недостав|не (?:было |может быть |удалось |была )?достав|(?:ошибка|сбой|проблема) .{0,20}(?:доставк|отправк)|доставк\S{0,3} .{0,20}(?:не удал|невозмож)|возвра(?:щ|т)|неизвестный (?:получатель|пользователь|адрес)/,
    ],
    failed: [
      /не (?:\S{1,20} ){0,3}(?:доставлен|доставить|отправлен|отправить)|(?:доставить|доставлен\S?|доставка) .{0,60}(?:не удалось|невозмож|не может)|недоставлен|(?:получател|пользовател|адрес|ящик).{0,60}(?:не существует|не найден|неизвестен|переполнен)/,
    ],
    delayed: [
      /задерж|отложен|(?:ещё|еще|пока) не (?:была? |было )?доставлен|попытки .{0,30}(?:продолж|повтор)|повторн\S{1,4} попыт/,
    ],
    recipient: [/получател[ьи]|адресат|адрес/],
  },
  {
    tag: 'ja',
    subject: [
      /エラー|配信(?:不能|不可|失敗|でき)|配信に失敗|送信(?:不能|失敗|エラー)|送信に失敗|不達|届きません|宛先不明|返送/,
    ],
    failed: [
      /(?:配信|送信|送達|お届け|配送)(?:する(?:こと)?(?:が|は)?)?(?:でき(?:ません|なかった)|に失敗|されません)|配信(?:不能|不可)|届(?:きません|けられません|かなかった)|(?:宛|あて)先.{0,30}(?:存在しません|見つかりません|ありません|不明)|(?:ユーザー?|アドレス|メールボックス).{0,30}(?:存在しません|見つかりません|ありません|いっぱい|満杯|容量)/,
    ],
    delayed: [/遅延|遅れて|まだ(?:配信|送信|届)|配信を(?:継続|続け)|再試行|再送(?:し続け|を試み|を続け)/],
    recipient: [/(?:宛|あて)先(?:アドレス)?|受信者|送信先|メールアドレス/],
  },
  {
    tag: 'zh-Hans',
    subject: [
      /退信|退回|(?:投递|发送|传送|递送|送达|邮件)(?:失败|错误|未成功)|无法(?:投递|送达|发送|传递|递送)|未(?:能)?(?:送达|投递)/,
    ],
    failed: [
      /无法(?:被)?(?:投递|送达|发送|传递|递送|传送)|(?:投递|发送|传送|递送|送达)(?:失败|未成功|不成功)|未能(?:投递|送达|发送)|(?:被)?退回|(?:收件人|用户|地址|邮箱|帐号|账号).{0,20}(?:不存在|未找到|找不到|已满|无效|未知)/,
    ],
    delayed: [/延迟|延误|推迟|尚未(?:投递|送达|发送)|暂时无法|继续(?:尝试|投递)|重试/],
    recipient: [/收件人(?:地址)?|地址|目标地址/],
  },
  {
    tag: 'zh-Hant',
    subject: [
      /退信|退回|(?:投遞|傳送|寄送|遞送|送達|郵件)(?:失敗|錯誤|未成功)|無法(?:投遞|送達|傳送|傳遞|寄送|遞送|寄達)|未(?:能)?(?:送達|投遞)/,
    ],
    failed: [
      /無法(?:被)?(?:投遞|送達|傳送|傳遞|寄送|遞送|寄達)|(?:投遞|傳送|寄送|遞送|送達)(?:失敗|未成功|不成功)|未能(?:投遞|送達|傳送|寄達)|(?:被)?退回|(?:收件者|收件人|使用者|用戶|地址|信箱|帳號).{0,20}(?:不存在|找不到|已滿|無效|不明)/,
    ],
    delayed: [/延遲|延誤|延後|尚未(?:投遞|送達|傳送|寄達)|暫時無法|繼續(?:嘗試|投遞)|重試/],
    recipient: [/收件(?:者|人)(?:地址)?|地址|收信人/],
  },
  {
    tag: 'ko',
    subject: [
      /반송|(?:전송|배달|발송|전달|배송) ?(?:실패|오류|불가|불능)|(?:전송|배달|전달|발송)(?:되지|하지|할 수)|수신자를 찾을 수/,
    ],
    failed: [
      /(?:전송|배달|전달|발송|배송)(?:되지|하지|할 수|될 수|에 실패|이 실패|하는 데 실패|을 실패)|(?:전송|배달|전달|발송) ?(?:실패|불가|불능)|반송|(?:수신자|사용자|주소|사서함|계정|받는 사람).{0,30}(?:존재하지|찾을 수 없|없습니다|가득|알 수 없)/,
    ],
    delayed: [/지연|아직 (?:전송|배달|전달|발송)|다시 시도|재시도|계속 시도|보류/],
    recipient: [/받는 ?사람|수신자|수신인|주소/],
  },
  {
    tag: 'tr',
    subject: [
      /teslim edil(?:e)?me|iletil(?:e)?me|teslim(?:at)? (?:hata|başarısız)|(?:gönderim|iletim|teslimat) .{0,20}(?:hata|başarısız)|gönderileme|iade edildi|geri (?:döndü|gönderil)|bilinmeyen (?:alıcı|kullanıcı)/,
    ],
    failed: [
      /teslim edil(?:e)?me(?:di|z|miş)|iletil(?:e)?me(?:di|z|miş)|gönderil(?:e)?me(?:di|z|miş)|ulaştırılama|teslim(?:at|at[ıi])? .{0,30}başarısız|(?:alıcı|kullanıcı|adres|posta kutusu|hesap).{0,60}(?:bulunamadı|bulunmuyor|yok\b|mevcut değil|dolu|bilinmiyor)/,
    ],
    delayed: [
      /gecik(?:ti|me|miş|iyor)|henüz (?:teslim|iletil|gönderil|ulaştırıl)|ertelendi|(?:yeniden|tekrar) denen/,
    ],
    recipient: [/alıcı(?:lar)?|adres/],
  },
];

function anyOf(patterns: readonly RegExp[]): RegExp {
  return new RegExp(patterns.map((pattern) => pattern.source).join('|'), 'i');
}

/** What a subject tells when something was not delivered, in any language. */
export const failureSubject = anyOf(languages.flatMap((row) => row.subject));
/** Sentences that something was not delivered, in any language. */
export const failureWords = anyOf(languages.flatMap((row) => row.failed));
/** Words that it goes on being tried, in any language. */
export const delayWords = anyOf(languages.flatMap((row) => row.delayed));
/** What a subject tells when it goes on being tried, in any language. */
export const delaySubject = anyOf(languages.flatMap((row) => [...row.delayed, ...(row.late ?? [])]));
/** Source of a pattern for what stands in front of the failed address, in any language. */
export const recipientLabels = languages.flatMap((row) => row.recipient.map((p) => p.source)).join('|');
