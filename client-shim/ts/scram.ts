/**
 * SCRAM (RFC 5802) in the page: for an app's subclass of one of its mechanisms, which calls the method that
 * it overrides. All other logins by SCRAM are the worker's.
 */
import type { ScramKeys } from './keys.ts';

/** The least number of iterations that is taken, as in Strophe. */
const LEAST = 4096;

/** One exchange, with Strophe's way of preparing: the password is text, or the keys of an earlier login. */
export class Exchange {
  readonly #hash: string;
  readonly #nonce: string;
  /** The first message, without the GS2 header. */
  readonly #bare: string;
  /** What the server has to say at the end, to prove that it knows the keys. */
  #signature: string | undefined;

  /** @param hash the name of the hash function in WebCrypto */
  constructor(hash: string, authcid: string | null, nonce = base64(random())) {
    this.#hash = hash;
    this.#nonce = nonce;
    const name = String(authcid).replace(/=/g, '=3D').replace(/,/g, '=2C');
    this.#bare = `n=${name},r=${nonce}`;
  }

  /** The first message. */
  get first(): string {
    return `n,,${this.#bare}`;
  }

  /**
   * The answer to a challenge: the proof; or nothing, to the server's own.
   *
   * @throws Error if the challenge is not the server's, or does not go with the keys
   */
  async answer(challenge: string, pass: unknown): Promise<string> {
    const said = new Map(challenge.split(',').map((part) => [part[0], part.slice(2)]));
    if (said.has('v')) {
      if (said.get('v') !== this.#signature)
        throw new Error('the server does not prove that it knows the password');
      return '';
    }
    const [nonce, salt, iter] = [said.get('r') ?? '', said.get('s') ?? '', Number(said.get('i'))];
    if (said.has('m') || !nonce.startsWith(this.#nonce) || !salt || !(iter >= LEAST))
      throw new Error('the challenge of the server is not one of SCRAM that can be answered');
    const [client, server] = await this.#keys(pass, salt, iter);
    const bare = `c=biws,r=${nonce}`;
    const message = bytes(`${this.#bare},${challenge},${bare}`);
    this.#signature = base64(await this.#sign(server, message));
    const stored = await crypto.subtle.digest(this.#hash, client);
    const signature = await this.#sign(stored, message);
    return `${bare},p=${base64(client.map((byte, at) => byte ^ signature[at]!))}`;
  }

  async #keys(pass: unknown, salt: string, iterations: number): Promise<[Bytes, Bytes]> {
    const hash = this.#hash;
    if (pass && typeof pass === 'object') {
      const keys = pass as ScramKeys;
      if (keys.name !== hash || keys.salt !== salt || keys.iter !== iterations)
        throw new Error('the keys are of another salt, hash or number of iterations');
      return [unbase64(keys.ck), unbase64(keys.sk)];
    }
    const password = bytes(String(pass).normalize('NFKC'));
    const key = await crypto.subtle.importKey('raw', password, 'PBKDF2', false, ['deriveBits']);
    const length = hash === 'SHA-1' ? 160 : Number(hash.slice(4));
    const derivation = { name: 'PBKDF2', salt: unbase64(salt), iterations, hash };
    const salted = await crypto.subtle.deriveBits(derivation, key, length);
    return [await this.#sign(salted, bytes('Client Key')), await this.#sign(salted, bytes('Server Key'))];
  }

  async #sign(secret: BufferSource, message: Bytes): Promise<Bytes> {
    const algorithm = { name: 'HMAC', hash: this.#hash };
    const key = await crypto.subtle.importKey('raw', secret, algorithm, false, ['sign']);
    return new Uint8Array(await crypto.subtle.sign('HMAC', key, message));
  }
}

type Bytes = Uint8Array<ArrayBuffer>;

function random(): Bytes {
  return crypto.getRandomValues(new Uint8Array(16));
}

function bytes(text: string): Bytes {
  return new TextEncoder().encode(text);
}

function base64(of: Bytes): string {
  return btoa(String.fromCharCode(...of));
}

function unbase64(text: string): Bytes {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
