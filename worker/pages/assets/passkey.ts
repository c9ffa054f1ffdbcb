/**
 * Forms that a passkey fills in (WebAuthn §5.1): `data-passkey` says whether one is made (`create`) or used (`get`),
 * `data-options` where the options are asked for. What cannot work here, or without a script, stays hidden.
 */
export const passkeyScript = `'use strict';
(() => {
  const known = window.PublicKeyCredential;
  // WebAuthn §5.1.2: an IP address is no relying party's name.
  const named = !/^([\\d.]+|\\[.*)$/.test(location.hostname);
  if (!named || !known?.parseCreationOptionsFromJSON || !known.parseRequestOptionsFromJSON) return;

  // One question at a time: asking again ends what the browser still waits for.
  let running = new AbortController();
  async function fill(form, mediation) {
    running.abort();
    const { signal } = running = new AbortController();
    const asked = { method: 'POST', body: new URLSearchParams(), redirect: 'error', signal };
    const answer = await fetch(form.dataset.options, asked);
    const options = await answer.json();
    if (!answer.ok) throw new Error(options.detail);
    const credential = form.dataset.passkey === 'create'
      ? await navigator.credentials.create({ publicKey: known.parseCreationOptionsFromJSON(options), signal })
      : await navigator.credentials.get({ publicKey: known.parseRequestOptionsFromJSON(options), mediation, signal });
    form.elements.response.value = JSON.stringify(credential);
    form.submit();
  }

  const texts = {
    NotAllowedError: 'No passkey was given, or it took too long. Try again.',
    InvalidStateError: 'There is a passkey for you on this device or key already.',
    SyntaxError: 'The answer could not be read. Open the page again.',
    TypeError: 'The server could not be reached, or your session is over. Open the page again.',
  };
  for (const form of document.querySelectorAll('form[data-passkey]')) {
    form.hidden = false;
    for (const other of document.querySelectorAll('[data-without-passkey]')) other.hidden = true;
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const said = form.querySelector('[data-said]');
      said.hidden = true;
      try {
        await fill(form);
      } catch (error) {
        if (error.name === 'AbortError') return;
        said.textContent = texts[error.name] ?? error.message;
        said.hidden = false;
      }
    });
  }

  // Passkeys among what the browser offers to fill in; the options are good for five minutes.
  const form = document.querySelector('form[data-passkey=get]');
  const field = document.querySelector('input[autocomplete~=webauthn]');
  if (form && field) {
    let askedAt = 0;
    const offer = async () => {
      if (Date.now() - askedAt < 240000 || !(await known.isConditionalMediationAvailable?.())) return;
      askedAt = Date.now();
      fill(form, 'conditional').catch(() => undefined); // the button is there all the same, and says what is wrong
    };
    field.addEventListener('focus', offer);
    offer();
  }
})();
`;
