/** What pages of the documentation have beside the stylesheet of all pages; its tokens are that one's. */
export const docsStyle = `
html { scroll-padding-top: var(--s5); }
.docs .side { position: sticky; top: 0; height: 100vh; overflow-y: auto; }
.docs main { display: block; max-width: 72rem; }
.prose > :not(.scroll) { max-width: 50rem; }
.docs .search { display: grid; gap: var(--s2); }
.prose > * + * { margin-top: var(--s4); }
.prose h2 { margin-top: var(--s7); }
.prose h3 { margin-top: var(--s6); }
.prose h1 + h2 { margin-top: var(--s5); }
.prose :is(h2, h3) a { color: inherit; text-decoration: none; }
.prose :is(h2, h3) a:hover { text-decoration: underline; }
.prose :is(ul, ol) { padding-left: var(--s5); }
.prose li + li { margin-top: var(--s2); }
.prose li > p + p { margin-top: var(--s2); }
.prose :is(p, li, td) > code, .prose li > p > code { background: var(--sunken); border-radius: 0.25rem; padding: 0.1em 0.25em; }
.prose .code pre { overflow-x: auto; }
.prose .scroll { border: 1px solid var(--line); border-radius: var(--radius); background: var(--surface); }
.prose .scroll tr:first-child th { border-top: 0; }
.prose th, .prose td { padding: var(--s2) var(--s3); }
.prose td { min-width: 6rem; }
.prose caption { text-align: left; font-weight: 600; padding: var(--s2) var(--s3); }
.prose .scroll :is(th, td):first-child { padding-left: var(--s3); }
.contents { list-style: none; columns: 16rem; border: 1px solid var(--line); border-radius: var(--radius); background: var(--surface); }
.prose .contents { padding: var(--s3) var(--s4); }
.contents li { break-inside: avoid; }
.prose .calls { list-style: none; padding: 0; }
.calls li { display: flex; flex-wrap: wrap; gap: 0 var(--s3); }
.prose .call { padding: var(--s2) var(--s3); background: var(--sunken); border: 1px solid var(--line); border-radius: var(--radius); }
.method { font: 700 0.8em var(--mono); color: var(--warn); }
.method.get { color: var(--good); }
.required { font-size: var(--text-s); color: var(--warn); white-space: nowrap; }
article { border-top: 1px solid var(--line); margin-top: var(--s6); }
article > * + * { margin-top: var(--s4); }
.prose article h2 { margin-top: var(--s5); }
article summary { cursor: pointer; font-weight: 600; width: fit-content; }
.results { list-style: none; display: grid; gap: var(--s4); }
.prose .results { padding: 0; }
.results p { color: var(--quiet); }
mark { background: var(--warn-soft); color: inherit; font-weight: 600; }
.onward { display: flex; flex-wrap: wrap; justify-content: space-between; gap: var(--s3); border-top: 1px solid var(--line); padding-top: var(--s4); }
.prose .onward { margin-top: var(--s7); }
`;
