import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { htmlAboveQuote, htmlText } from '#domain/inbound/html-text.ts';
import { replyOf, replyText } from '#domain/inbound/reply-text.ts';

const quote = '> Shall we meet?\n> Regards\n';

/** The line above a quote, as common programs write it. */
const introductions: [string, string][] = [
  ['English (Gmail)', 'On Mon, Nov 23, 2026 at 10:00 AM Ann Shop <ann@example.com> wrote:'],
  ['English (Apple Mail)', 'On 23 Nov 2026, at 10:00, Ann Shop <ann@example.com> wrote:'],
  [
    'English, wrapped',
    'On Mon, Nov 23, 2026 at 10:00 AM Ann Shop of the Very Long Company Name Limited\n<ann@example.com> wrote:',
  ],
  ['German', 'Am Mo., 23. Nov. 2026 um 10:00 Uhr schrieb Ann Shop <ann@example.com>:'],
  ['German (Thunderbird)', 'Am 23.11.26 um 10:00 schrieb Ann Shop:'],
  ['French', 'Le lun. 23 nov. 2026 à 10:00, Ann Shop <ann@example.com> a écrit :'],
  ['Spanish', 'El lun, 23 nov 2026 a las 10:00, Ann Shop (<ann@example.com>) escribió:'],
  ['Italian', 'Il giorno lun 23 nov 2026 alle ore 10:00 Ann Shop <ann@example.com> ha scritto:'],
  ['Portuguese', 'Em seg., 23 de nov. de 2026 às 10:00, Ann Shop <ann@example.com> escreveu:'],
  ['Portuguese (Portugal)', 'Ann Shop <ann@example.com> escreveu no dia segunda, 23/11/2026 à(s) 10:00:'],
  ['Dutch', 'Op ma 23 nov 2026 om 10:00 schreef Ann Shop <ann@example.com>:'],
  ['Swedish', 'Den mån 23 nov. 2026 kl 10:00 skrev Ann Shop <ann@example.com>:'],
  ['Danish', 'Den man. 23. nov. 2026 kl. 10.00 skrev Ann Shop <ann@example.com>:'],
  ['Norwegian', 'man. 23. nov. 2026 kl. 10:00 skrev Ann Shop <ann@example.com>:'],
  ['Finnish', 'ma 23. marrask. 2026 klo 10.00 Ann Shop (ann@example.com) kirjoitti:'],
  ['Polish', 'pon., 23 lis 2026 o 10:00 Ann Shop <ann@example.com> napisał(a):'],
  ['Polish (Thunderbird)', 'W dniu 23.11.2026 o 10:00, Ann Shop pisze:'],
  ['Czech', 'po 23. 11. 2026 v 10:00 odesílatel Ann Shop <ann@example.com> napsal:'],
  ['Russian', 'пн, 23 нояб. 2026 г. в 10:00, Ann Shop <ann@example.com>:'],
  ['Russian (Thunderbird)', '23.11.2026 10:00, Ann Shop пишет:'],
  ['Ukrainian', 'пн, 23 лист. 2026 р. о 10:00 Ann Shop <ann@example.com> пише:'],
  ['Turkish', 'Ann Shop <ann@example.com>, 23 Kas 2026 Pzt, 10:00 tarihinde şunu yazdı:'],
  ['Hungarian', 'Ann Shop <ann@example.com> ezt írta (időpont: 2026. nov. 23., H, 10:00):'],
  ['Romanian', 'lun., 23 nov. 2026 la 10:00, Ann Shop <ann@example.com> a scris:'],
  ['Chinese', 'Ann Shop <ann@example.com> 于2026年11月23日周一 10:00写道：'],
  ['Japanese', '2026年11月23日(月) 10:00 Ann Shop <ann@example.com>:'],
  ['Korean', '2026년 11월 23일 (월) 오전 10:00, Ann Shop <ann@example.com>님이 작성:'],
];

/** Who, when, to whom and about what, as Outlook writes it above an original. */
const headers: [string, string][] = [
  ['English', 'From: Ann Shop <ann@example.com>\nSent: Monday, November 23, 2026\nTo: Bob\nSubject: Meeting'],
  [
    'German',
    'Von: Ann Shop <ann@example.com>\nGesendet: Montag, 23. November 2026\nAn: Bob\nBetreff: Treffen',
  ],
  ['French', 'De : Ann Shop <ann@example.com>\nEnvoyé : lundi 23 novembre 2026\nÀ : Bob\nObjet : Réunion'],
  ['Spanish', 'De: Ann Shop <ann@example.com>\nEnviado: lunes, 23 de noviembre\nPara: Bob\nAsunto: Reunión'],
  ['Italian', 'Da: Ann Shop <ann@example.com>\nInviato: lunedì 23 novembre 2026\nA: Bob\nOggetto: Riunione'],
  ['Portuguese', 'De: Ann Shop <ann@example.com>\nEnviado: segunda-feira\nPara: Bob\nAssunto: Reunião'],
  ['Dutch', 'Van: Ann Shop <ann@example.com>\nVerzonden: maandag 23 november\nAan: Bob\nOnderwerp: Overleg'],
  ['Swedish', 'Från: Ann Shop <ann@example.com>\nSkickat: den 23 november 2026\nTill: Bob\nÄmne: Möte'],
  ['Polish', 'Od: Ann Shop <ann@example.com>\nWysłano: poniedziałek\nDo: Bob\nTemat: Spotkanie'],
  ['Russian', 'От: Ann Shop <ann@example.com>\nОтправлено: 23 ноября 2026\nКому: Bob\nТема: Встреча'],
  ['Japanese', '差出人: Ann Shop <ann@example.com>\n送信日時: 2026年11月23日\n宛先: Bob\n件名: 会議'],
  ['Chinese', '发件人: Ann Shop <ann@example.com>\n发送时间: 2026年11月23日\n收件人: Bob\n主题: 会议'],
];

describe('the new text of a reply', () => {
  it.each(introductions)('stands above the quote: %s', (_, line) => {
    expect(replyText(`Gladly.\n\nAt noon?\n\n${line}\n${quote}`)).toBe('Gladly.\n\nAt noon?');
    expect(replyText(`Gladly.\r\n\r\n${line}\r\n\r\n${quote}`)).toBe('Gladly.');
  });
  it.each(introductions)('ends where a quote without marks begins: %s', (_, line) => {
    expect(replyText(`Gladly.\n\n${line}\n\nShall we meet?\n`)).toBe('Gladly.');
  });
  it.each(headers)("ends above Outlook's header: %s", (_, header) => {
    const original = `${header}\n\nShall we meet?\n`;
    expect(replyText(`Gladly.\n\n${original}`)).toBe('Gladly.');
    expect(replyText(`Gladly.\n\n________________________________\n${original}`)).toBe('Gladly.');
  });
  it.each([
    '-----Original Message-----',
    '-----Ursprüngliche Nachricht-----',
    "-----Message d'origine-----",
    '-----Mensaje original-----',
    '-----Messaggio originale-----',
    '-----Mensagem original-----',
    '-----Oorspronkelijk bericht-----',
    '-----Ursprungligt meddelande-----',
    '-----Wiadomość oryginalna-----',
    '-----Исходное сообщение-----',
    '-----原始邮件-----',
    '-----元のメッセージ-----',
  ])('ends above %s', (separator) => {
    expect(replyText(`Gladly.\n\n${separator}\nFrom: Ann\n\nShall we meet?`)).toBe('Gladly.');
  });
  it('is what stands above the marker', () => {
    expect(replyText('Gladly.\n### Reply Above This Line ###\nShall we meet?')).toBe('Gladly.');
    const quotedMarker = `Gladly.\n\n${introductions[0]?.[1]}\n> ### Reply Above This Line ###\n> Shall we?\nBob`;
    expect(replyText(quotedMarker)).toBe('Gladly.');
  });
  it('keeps what is written between quotes', () => {
    const text = `${introductions[0]?.[1]}\n> Shall we meet?\nGladly.\n> At noon?\nAt one.\n`;
    expect(replyText(text)).toBe('Gladly.\nAt one.');
  });
  it('keeps lines that only look like it', () => {
    const text = 'On Monday I wrote:\nnothing.\n\nFrom: here\nto there\n\n2 > 1\n-- \nBob';
    expect(replyText(text)).toBe('On Monday I wrote:\nnothing.\n\nFrom: here\nto there\n\n2 > 1\n-- \nBob');
  });
  it('keeps what is forwarded', () => {
    const forward = `See below.\n\n---------- Forwarded message ---------\n${headers[0]?.[1]}\n\nShall we meet?`;
    expect(replyText(forward)).toBe(forward);
  });
  it('is empty when all is quoted', () => {
    expect(replyText(quote)).toBe('');
    expect(replyText('')).toBe('');
  });
});

describe('the new text of a reply in HTML alone', () => {
  it.each([
    ['Gmail', '<div dir="ltr">Gladly.</div><br><div class="gmail_quote gmail_quote_container"><div>On Mon'],
    ['Outlook', '<p>Gladly.</p><div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>From:</b> Ann'],
    ['Apple Mail', '<body>Gladly.<br><blockquote type="cite"><div>Shall we</div></blockquote>'],
    ['Thunderbird', '<p>Gladly.</p><div class="moz-cite-prefix">Am 23.11.26 schrieb Ann:<br></div>'],
    ['Yahoo', '<style>p {}</style><div>Gladly.</div><div id="x" class="yahoo_quoted">Shall'],
    ['Proton', '<!-- > --><div>Gladly.</div><div class="protonmail_quote">On Monday'],
  ])('%s', (_, html) => {
    expect(replyOf({ text: ' \n', html })).toBe('Gladly.');
  });
  it('has its entities and lines', () => {
    const html = '<title>x</title>\n<p>a&nbsp;&lt;b&gt;&#39;&#x20AC;</p>c<br/>d&unknown; &#0;';
    expect(htmlText(html).trim()).toBe("a <b>'€\nc\nd&unknown;");
    expect(htmlAboveQuote('<p>a</p>')).toBe('<p>a</p>');
  });
});

describe('any text', () => {
  const line = fc.oneof(
    fc.constantFrom(...introductions.map(([, one]) => one), ...headers.map(([, one]) => one)),
    fc.constantFrom('', '> a', '-- ', '___________', '### reply above this line ###', 'On Mon, Ann'),
    fc.string({ unit: 'grapheme' }),
  );
  it('gives lines of its own in their order', () => {
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const given = lines.join('\n').split('\n');
        let at = 0;
        const reply = replyText(given.join('\n'));
        for (const one of reply === '' ? [] : reply.split('\n')) {
          at = given.findIndex((other, i) => i >= at && other.replace(/\r$/, '') === one) + 1;
          expect(at).toBeGreaterThan(0);
        }
      }),
    );
  });
  it('is not changed by reading it again', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (lines) => {
        const once = replyText(lines.join('\n'));
        if (!/[:>]/.test(once)) expect(replyText(once)).toBe(once);
      }),
    );
  });
});
