// The server's side of SCRAM (RFC 5802), with the cryptography of Node.js: it shares no code with
// the client under test.

import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';

import { SASL } from './scripted.mjs';

/** The keys that a client derives from the password, in the form of `scram_keys`. */
export function keysOf(hash, password, salt, iter) {
  const digest = hash.replace('-', '').toLowerCase();
  const salted = pbkdf2Sync(password, salt, iter, createHash(digest).digest().length, digest);
  const key = (label) => createHmac(digest, salted).update(label).digest('base64');
  return { name: hash, iter, salt: salt.toString('base64'), ck: key('Client Key'), sk: key('Server Key') };
}

/**
 * Answers a login, as the option `answer` of a scripted server; a wrong proof is refused with
 * `not-authorized`.
 * @param {{ hash: string, password: string, first?: (message: string) => string, final?: (message:
 * string) => string | null }} account `hash` is named as in `scram_keys`; `first` and `final` may
 * alter the server's messages, and `final` may omit its message
 */
export function scram({ hash, password, first = (message) => message, final = (message) => message }) {
  const digest = hash.replace('-', '').toLowerCase();
  const keys = keysOf(hash, password, randomBytes(16), 4096);
  const hmac = (key, text) => createHmac(digest, Buffer.from(key, 'base64')).update(text).digest();
  const say = (name, text) => [
    `<${name} xmlns="${SASL}">${Buffer.from(text ?? '').toString('base64')}</${name}>`,
  ];
  const heard = (frame) => Buffer.from(/>([^<]*)</.exec(frame)[1], 'base64').toString();

  const answer = (frame, stream) => {
    if (frame.startsWith('<auth')) {
      const [, gs2, bare, nonce] = /^(n,[^,]*,)(n=[^,]*,r=([^,]+))$/.exec(heard(frame));
      const message = `r=${nonce}${randomBytes(12).toString('base64')},s=${keys.salt},i=${keys.iter}`;
      stream.scram = { gs2, bare, message };
      return say('challenge', first(message));
    }
    if (!frame.startsWith('<response')) return undefined;
    const { gs2, bare, message } = stream.scram;
    const [, withoutProof, binding, nonce, proof] = /^(c=([^,]*),r=([^,]*)),p=(.*)$/.exec(heard(frame));
    const signed = `${bare},${message},${withoutProof}`;
    const stored = createHash(digest).update(Buffer.from(keys.ck, 'base64')).digest();
    const signature = hmac(stored.toString('base64'), signed);
    const clientKey = Buffer.from(proof, 'base64').map((byte, index) => byte ^ signature[index]);
    const isProven =
      clientKey.length === stored.length &&
      timingSafeEqual(createHash(digest).update(clientKey).digest(), stored) &&
      Buffer.from(binding, 'base64').toString() === gs2 &&
      message.startsWith(`r=${nonce},`);
    if (!isProven) return [`<failure xmlns="${SASL}"><not-authorized/></failure>`];
    return say('success', final(`v=${hmac(keys.sk, signed).toString('base64')}`));
  };
  return { answer, keys };
}
