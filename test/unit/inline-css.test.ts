import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderContent } from '../../worker/templates/content.ts';
import { inlineBounds, inlineCss } from '../../worker/templates/inline-css.ts';

const mail = (css: string, body: string) =>
  `<html><head><style>${css}</style></head><body>${body}</body></html>`;
/** What the body of a mail comes to. */
const bodyOf = (css: string, body: string) =>
  /<body>(.*)<\/body>/s.exec(inlineCss(mail(css, body)))?.[1] ?? 'no body';
const sheetOf = (css: string, body: string) =>
  /<style>(.*)<\/style>/s.exec(inlineCss(mail(css, body)))?.[1] ?? 'no sheet';

describe('what a <style> says', () => {
  it.each<[string, string, string, string]>([
    ['by name', 'p{color:red}', '<p>x</p>', '<p style="color:red">x</p>'],
    [
      'by class and id',
      '.a{top:1px}#b{left:2px}',
      '<i class="c a" id=b>',
      '<i style="top:1px;left:2px" class="c a" id=b>',
    ],
    ['by several', 'h1, h2{color:red}', '<h2>x</h2>', '<h2 style="color:red">x</h2>'],
    [
      'by where it is',
      'td > b{color:red}',
      '<td><b>x</b><i><b>y</b></i>',
      '<td><b style="color:red">x</b><i><b>y</b></i>',
    ],
    [
      'by its place',
      'b:first-child{top:0}',
      '<p><b>x</b><b>y</b></p>',
      '<p><b style="top:0">x</b><b>y</b></p>',
    ],
    ['the stronger last', '.a{color:red}b{color:blue}', '<b class=a>', '<b style="color:red" class=a>'],
    ['the later of two as strong', 'b{color:red}b{color:blue}', '<b>', '<b style="color:blue">'],
    [
      'before what the element says',
      'b{color:red}',
      `<b style='color:blue;'>`,
      '<b style="color:red;color:blue">',
    ],
    [
      'behind it what is important',
      'b{color:red!important}',
      '<b style="color:blue">',
      '<b style="color:blue;color:red">',
    ],
    ['with quotes', `b{font-family:"A & B"}`, '<b/>x', '<b style="font-family:&quot;A &amp; B&quot;"/>x'],
  ])('is written into elements: %s', (_, css, body, expected) => {
    expect(bodyOf(css, body)).toBe(expected);
  });

  it('stays, and all else of the mail as it is', () => {
    const rest = '<!--[if mso]><p>x</p><![endif]--><P  Align=left\n title=\' style="x"\'>a &copy; <br>b';
    const css = '@font-face{font-family:x}p{color:red}/* } */';
    expect(inlineCss(mail(css, rest))).toBe(mail(css, rest.replace('<P', '<P style="color:red"')));
  });

  it.each(['b:hover', 'b:not(.x)', 'i ~ b', 'b::before'])('is not written where %s says it', (selector) => {
    const body = '<i>x</i><b>y</b>';
    expect(bodyOf(`${selector}{color:red}`, body)).toBe(body);
  });

  it.each([
    ['@media (max-width:600px){b{color:red}}', '@media (max-width:600px){b{color:red !important}}'],
    ['b:hover{color:red ; top:0}', 'b:hover{color:red !important ; top:0}'],
    ['b:hover{color:red!important}', 'b:hover{color:red!important}'],
    ['b{color:var(--x)}', 'b{color:var(--x) !important}'],
  ])('and waits for a reader goes on winning: %s', (css, expected) => {
    expect(sheetOf(`b{color:blue}${css}`, '<b>')).toBe(`b{color:blue}${expected}`);
    expect(bodyOf(`b{color:blue}${css}`, '<b>')).toBe('<b style="color:blue">');
  });

  it.each([
    ['b{color:red}', '<b style="color:blue">x</b>'],
    ['b{color:red}.a{color:blue}', '<b class="a">x</b>'],
    ['b{background-color:red}.a{background:blue}', '<b class="a">x</b>'],
    ['b{color:red}b{color:blue !important}', '<b>x</b>'],
  ])('and waits for a reader is not made to win where it did not: %s', (css, body) => {
    const media = css.replace(/^(b\{[^}]*\})/, '@media screen{$1}');
    expect(inlineCss(mail(media, body))).toBe(mail(media, body));
  });

  it('holds at times when its element says when', () => {
    const html = '<style media="(max-width:9px)">b{color:red}</style><b>';
    expect(inlineCss(html)).toBe(html);
  });
});

describe('a mail that is too much to look at', () => {
  it.each([
    ['deep', `<style>p{top:0}</style>${'<div>'.repeat(inlineBounds.depth + 1)}<p>`],
    ['many elements', `<style>p{top:0}</style>${'<p>'.repeat(inlineBounds.elements + 1)}`],
    ['brackets in brackets', `<style>p{top:0}${'p{a:('.repeat(5000)}</style><p>`],
    [
      'selectors that look far',
      `<style>${'p:nth-child(2){top:0}'.repeat(400)}</style>${'<p>x</p>'.repeat(2000)}`,
    ],
    ['much to write', `<style>*{${'top:0;'.repeat(3000)}}</style>${'<p>x</p>'.repeat(2000)}`],
  ])('stays as it is: %s', (_, html) => {
    expect(inlineCss(html)).toBe(html);
  });

  it.each([
    ['{}}}', '<p>x</p><b>y</b>'],
    ['p{color:red}}}', '<p style="color:red">x</p><b>y</b>'],
    ['p{top:0}}p{color:red}b{top:0}', '<p style="top:0">x</p><b style="top:0">y</b>'],
    ['p{top:0})]}b{top:0}', '<p style="top:0">x</p><b>y</b>'],
    ['p{top:0}}', '<p style="top:0">x</p><b>y</b>'],
  ])('is read to its end with a bracket too many, whatever was read before: %s', (css, expected) => {
    for (const before of ['', ';', ';;']) {
      inlineCss(mail(before + ';{}'.repeat(200), '<p>x</p>'));
      expect(bodyOf(css, '<p>x</p><b>y</b>')).toBe(expected);
    }
  });

  it('or that is no HTML throws nothing, and comes twice to the same elements', () => {
    const piece = fc.constantFrom(
      ...'<style>|</style>|<p class="a">|</p>|p|.a|{|}|color|:|red|;|"|<!--|-->|@media x|>|*|,|!important|style="'.split(
        '|',
      ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        expect(inlineCss(`<style>${pieces.join('')}`)).toContain('<style>');
      }),
    );
  });
});

describe('a template', () => {
  const of = (htmlBody: string) => ({ subject: 's', htmlBody, textBody: null, variables: [] });

  it('has the styles of its layout in its elements, its values in them, and a text without what they hide', () => {
    const layout = of(
      '<style>.a{color:{{colour}} }.h{display:none}</style><p class=h>Seen before</p>{{{@content}}}',
    );
    const { htmlBody, textBody } = renderContent(
      of('{{#each l}}<b class="a">{{this}}</b>{{/each}}'),
      layout,
      {
        colour: '#123',
        l: ['x', '{{y}}'],
      },
    );
    expect(htmlBody).toContain(
      '<b style="color:#123" class="a">x</b><b style="color:#123" class="a">{{y}}</b>',
    );
    expect(textBody).toBe('x{{y}}\n');
  });
});
