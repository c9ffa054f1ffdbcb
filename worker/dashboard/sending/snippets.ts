import type { SubmissionPlace } from '#domain/node-contract.ts';

/** What a snippet is filled with: the account's own values. */
export interface SnippetValues {
  apiUrl: string;
  /** Null: there is no submission by SMTP, and no snippet for it. */
  smtp: SubmissionPlace | null;
  username: string;
  key: string;
  from: string;
  to: string;
}

/** Ready to paste, one a language. Each sends the same message. */
export function snippets(of: SnippetValues): { name: string; text: string }[] {
  const json = JSON.stringify({
    from: of.from,
    to: [of.to],
    subject: 'Hello',
    text_body: 'Sent with Pennypost.',
  });
  const { apiUrl, key, from, to } = of;
  return [
    {
      name: 'curl',
      text: `curl ${apiUrl}/v1/send \\
  -H 'Authorization: Bearer ${key}' \\
  -H 'Content-Type: application/json' \\
  -d '${json}'`,
    },
    {
      name: 'Node',
      text: `const response = await fetch('${apiUrl}/v1/send', {
  method: 'POST',
  headers: {
    Authorization: 'Bearer ${key}',
    'Content-Type': 'application/json',
  },
  body: JSON.stringify({
    from: '${from}',
    to: ['${to}'],
    subject: 'Hello',
    text_body: 'Sent with Pennypost.',
  }),
});
console.log(response.status, await response.json());`,
    },
    {
      name: 'Python',
      text: `import json, urllib.request

request = urllib.request.Request(
    "${apiUrl}/v1/send",
    data=json.dumps({
        "from": "${from}",
        "to": ["${to}"],
        "subject": "Hello",
        "text_body": "Sent with Pennypost.",
    }).encode(),
    headers={
        "Authorization": "Bearer ${key}",
        "Content-Type": "application/json",
    },
)
print(json.load(urllib.request.urlopen(request)))`,
    },
    {
      name: 'PHP',
      text: `<?php
$context = stream_context_create(['http' => [
    'method' => 'POST',
    'header' => "Authorization: Bearer ${key}\\r\\nContent-Type: application/json",
    'content' => json_encode([
        'from' => '${from}',
        'to' => ['${to}'],
        'subject' => 'Hello',
        'text_body' => 'Sent with Pennypost.',
    ]),
]]);
echo file_get_contents('${apiUrl}/v1/send', false, $context);`,
    },
    {
      name: 'Ruby',
      text: `require "net/http"
require "json"

answer = Net::HTTP.post(
  URI("${apiUrl}/v1/send"),
  { from: "${from}", to: ["${to}"], subject: "Hello", text_body: "Sent with Pennypost." }.to_json,
  "Authorization" => "Bearer ${key}", "Content-Type" => "application/json"
)
puts answer.code, answer.body`,
    },
    {
      name: 'Go',
      text: `package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

func main() {
	body := strings.NewReader(\`${json}\`)
	request, _ := http.NewRequest("POST", "${apiUrl}/v1/send", body)
	request.Header.Set("Authorization", "Bearer ${key}")
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	answer, _ := io.ReadAll(response.Body)
	fmt.Println(response.Status, string(answer))
}`,
    },
    {
      name: 'Java',
      text: `import java.net.URI;
import java.net.http.*;

public class Send {
  public static void main(String[] args) throws Exception {
    var request = HttpRequest.newBuilder(URI.create("${apiUrl}/v1/send"))
        .header("Authorization", "Bearer ${key}")
        .header("Content-Type", "application/json")
        .POST(HttpRequest.BodyPublishers.ofString("""
            ${json}
            """))
        .build();
    var answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
    System.out.println(answer.statusCode() + " " + answer.body());
  }
}`,
    },
    {
      name: 'C#',
      text: `using System.Net.Http.Headers;
using System.Net.Http.Json;

using var client = new HttpClient();
client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "${key}");
var answer = await client.PostAsJsonAsync("${apiUrl}/v1/send", new
{
    from = "${from}",
    to = new[] { "${to}" },
    subject = "Hello",
    text_body = "Sent with Pennypost.",
});
Console.WriteLine($"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");`,
    },
    {
      name: 'Rust',
      text: `// cargo add ureq@3
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut answer = ureq::post("${apiUrl}/v1/send")
        .header("Authorization", "Bearer ${key}")
        .header("Content-Type", "application/json")
        .send(r#"${json}"#)?;
    println!("{} {}", answer.status(), answer.body_mut().read_to_string()?);
    Ok(())
}`,
    },
    {
      name: 'Elixir',
      text: `Mix.install([{:req, "~> 0.5"}])

answer =
  Req.post!("${apiUrl}/v1/send",
    auth: {:bearer, "${key}"},
    json: %{
      from: "${from}",
      to: ["${to}"],
      subject: "Hello",
      text_body: "Sent with Pennypost."
    }
  )

IO.inspect({answer.status, answer.body})`,
    },
    ...(of.smtp ? smtpSnippets(of.smtp, of) : []),
  ];
}

/** What sends by SMTP: a command, and the settings of frameworks that have mailers of their own. */
function smtpSnippets(place: SubmissionPlace, of: SnippetValues): { name: string; text: string }[] {
  const { host } = place;
  const { username, key, from } = of;
  const starttls = place.port !== null;
  const port = place.port ?? place.tlsPort;
  return [
    {
      name: 'Laravel',
      text: `# .env
MAIL_MAILER=smtp
MAIL_SCHEME=${starttls ? 'smtp' : 'smtps'}
MAIL_HOST=${host}
MAIL_PORT=${port}
MAIL_USERNAME=${username}
MAIL_PASSWORD=${key}
MAIL_FROM_ADDRESS=${from}`,
    },
    {
      name: 'Django',
      text: `# settings.py
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = "${host}"
EMAIL_PORT = ${port}
EMAIL_HOST_USER = "${username}"
EMAIL_HOST_PASSWORD = "${key}"
${starttls ? 'EMAIL_USE_TLS' : 'EMAIL_USE_SSL'} = True
DEFAULT_FROM_EMAIL = "${from}"`,
    },
    {
      name: 'Rails',
      text: `# config/environments/production.rb
config.action_mailer.delivery_method = :smtp
config.action_mailer.smtp_settings = {
  address: "${host}",
  port: ${port},
  user_name: "${username}",
  password: "${key}",
  authentication: :plain,
  ${starttls ? 'enable_starttls' : 'tls'}: true
}
config.action_mailer.default_options = { from: "${from}" }`,
    },
    { name: 'swaks', text: swaks(place, of) },
  ];
}

function swaks({ host, port, tlsPort }: SubmissionPlace, { username, key, from, to }: SnippetValues): string {
  const server = port === null ? `${host}:${tlsPort} --tlsc` : `${host}:${port} --tls`;
  return `swaks --server ${server} \\
  --auth PLAIN --auth-user ${username} --auth-password ${key} \\
  --from ${from} --to ${to} \\
  --header 'Subject: Hello' --body 'Sent with Pennypost.'`;
}
