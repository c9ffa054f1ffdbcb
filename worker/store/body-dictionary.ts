import { Buffer } from 'node:buffer';

/**
 * What transactional mails have in common, the most common last, as a preset dictionary for deflate (RFC 1951 with the
 * window filled before, as RFC 1950 §2.2 has it for FDICT): a mail of 4 kB comes a fifth smaller, a code or a link by
 * half. Bodies of form 4 can be read with these bytes alone, so they never change: another dictionary would be another
 * form (`domain/message/row-form.ts`).
 */
const texts = [
  // Words of receipts, accounts and codes.
  'monday tuesday wednesday thursday friday saturday sunday january february march april may june july august ' +
    'september october november december delivered shipped tracking number estimated delivery payment method ' +
    'credit card ending in billing address shipping address quantity description unit price discount subtotal ' +
    'shipping amount due date paid invoice number receipt customer account subscription plan trial renew upgrade ',
  'We received a request to reset the password for your account. If you did not request a password reset, please ' +
    'ignore this email or contact support if you have questions. If you have any questions, just reply to this email ' +
    'or contact our support team. You received this email because you signed up for an account. If you did not create ' +
    'an account, no further action is required. If you did not request this, you can safely ignore this email. ' +
    'Click the button below to confirm your email address. Please verify your email address to complete your ' +
    'registration. This link will expire in 24 hours. For security, this request was received from a device using ' +
    'If you are having trouble with the button above, copy and paste the URL below into your web browser. ' +
    'Your verification code is: It expires in 10 minutes. Do not share this code with anyone. Sign in to your account. ' +
    'View your order. Welcome to Thank you for your order! Thanks for your purchase. Your order has been shipped. ' +
    'Best regards,\r\nThanks,\r\nThe Team\r\nHello Hi ,\r\n\r\n Order number: Total: All rights reserved. Unsubscribe ',
  // Style sheets and markup as they come in quoted-printable, and as they are.
  '@media only screen and (max-width: 600px) { .container { width: 100% !important; } }\r\n' +
    '-webkit-text-size-adjust: 100%; -ms-text-size-adjust: 100%; border-collapse: collapse; mso-table-lspace: 0pt; ' +
    'mso-table-rspace: 0pt; border-radius: 4px; display: inline-block; display: block; vertical-align: top; ' +
    'letter-spacing: 0; box-sizing: border-box; border: 1px solid #e5e7eb; border-bottom: 1px solid #eeeeee; ' +
    'font-weight: 600; font-weight: bold; margin: 0 auto; max-width: 600px; text-transform: uppercase; ' +
    "font-family: -apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, 'Helvetica Neue', Helvetica, Arial, sans-serif; " +
    'background-color: #f4f4f7; background-color: #ffffff; color: #ffffff; color: #6b7280; color: #333333; ' +
    'line-height: 24px; line-height: 1.5; font-size: 12px; font-size: 14px; font-size: 16px; text-decoration: none; ' +
    'padding: 0 0 16px; text-align: left; text-align: center; text-align: right; ',
  '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">' +
    '\r\n<html xmlns="http://www.w3.org/1999/xhtml" lang="en">\r\n<head>\r\n<meta http-equiv="Content-Type" ' +
    'content="text/html; charset=UTF-8">\r\n<meta name="viewport" content="width=device-width, initial-scale=1.0">\r\n' +
    '<title></title>\r\n<style type="text/css">\r\n</style>\r\n</head>\r\n<body style="margin: 0; padding: 0;">\r\n',
  '<table role=3D"presentation" border=3D"0" cellpadding=3D"0" cellspacing=3D"0" width=3D"100%" class=3D"container" ' +
    'align=3D"center" style=3D"width:100%;max-width:600px">\r\n<tbody>\r\n<tr>\r\n<td valign=3D"top" bgcolor=3D"#ffffff" ' +
    'style=3D"padding:24px;font-family:Arial,Helvetica,sans-serif;font-size:14px;line-height:20px;color:#333333">\r\n' +
    '<img src=3D"https://" alt=3D"" width=3D"" height=3D"" style=3D"display:block">\r\n</tbody></table>\r\n<br />&nbsp;&copy; 2026 ' +
    '<ul><li></li></ul><h1 style=3D"margin:0 0 16px"></h1><h2></h2><strong></strong><div></div><span></span>' +
    '<p style=3D"margin:0 0 16px">\r\n</p>\r\n<a href=3D"https://www." target=3D"_blank" style=3D"color:#ffffff">=\r\n</a>' +
    '</td></tr>\r\n<tr><td style=3D"text-align:right">EUR USD 0.00</td></tr>\r\n</table>\r\n</body></html>\r\n',
  // The headers of mail that comes by SMTP.
  'Received: from localhost by with ESMTPSA id for <>; X-Mailer: Precedence: bulk\r\nAuto-Submitted: auto-generated\r\n' +
    'In-Reply-To: <\r\nReferences: <\r\nSender: \r\nCc: \r\nReply-To: support@\r\n' +
    'List-Unsubscribe: <https://\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n' +
    'Content-Type: application/pdf; name=invoice.pdf\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n' +
    ' filename=invoice.pdf\r\nContent-Type: image/png; name=logo.png\r\nContent-ID: <\r\nContent-Disposition: inline;\r\n' +
    'Content-Type: multipart/related; type="text/html"; boundary="\r\nContent-Type: multipart/mixed;\r\n boundary="--_NmP-\r\n' +
    'charset="us-ascii"\r\ncharset="utf-8"\r\nContent-Transfer-Encoding: 8bit\r\n',
  // A message as the composer writes it.
  'From: <no-reply@<hello@<support@<info@notifications@example.com>\r\nTo: @gmail.com\r\nSubject: =?UTF-8?Q?Re: Welcome to ' +
    'Reset your password\r\nSubject: Confirm your email address\r\nSubject: Your receipt for order \r\nMessage-ID: <019' +
    '>\r\nDate: Mon, Tue, Wed, Thu, Fri, Sat, Sun, Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec 2026 00:00:00 +0000\r\n' +
    'MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary="--_NmP--Part_1"\r\n\r\n----_NmP--Part_1\r\n' +
    'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n----_NmP--Part_1\r\n' +
    'Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<!DOCTYPE html><html><body>\r\n',
];

export const bodyDictionary = Buffer.from(texts.join(''), 'latin1');
