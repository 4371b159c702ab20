/**
 * Keys for tests; everybody knows them.
 *
 * @module
 */

/** Of `openssl genpkey -algorithm ed25519`, `openssl pkey -pubout`, and its fingerprint by `sha256sum`. */
export const OPENSSL = {
  privatePem: `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIGd6UEu3R6q4f+GQDAlAo7SxBwVogXae6xJ4jIPb6vR2
-----END PRIVATE KEY-----
`,
  publicPem: `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAteKhxrWyL6QY51GZ1dV/W0gmQTLdo1U2pZPXbjLntEc=
-----END PUBLIC KEY-----
`,
  fingerprint: "fa38c5dfc6bc62f0a77c83af4e0d1e20ce6e90a74a67071cdd79fc1014dc412f",
};

/** The key file of the golden images, as `openssl rand -hex 32` would write it. */
export const KEY_FILE = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
/** Their passphrase. */
export const PASSPHRASE = "gr\u00fcn ist keine Farbe";
