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
    ...(of.smtp ? [{ name: 'swaks', text: swaks(of.smtp, of) }] : []),
  ];
}

function swaks({ host, port, tlsPort }: SubmissionPlace, { username, key, from, to }: SnippetValues): string {
  const server = port === null ? `${host}:${tlsPort} --tlsc` : `${host}:${port} --tls`;
  return `swaks --server ${server} \\
  --auth PLAIN --auth-user ${username} --auth-password ${key} \\
  --from ${from} --to ${to} \\
  --header 'Subject: Hello' --body 'Sent with Pennypost.'`;
}
