import { nativeLibrary, type NativeFunction, type NativeLibrary } from './library.ts';

/**
 * The few functions of libcrypto that SRTP needs, out of the OpenSSL that Node carries. A context is an address: it must be
 * freed by hand, once.
 *
 * Returns are OpenSSL's: 1 is success.
 */
export type OpenSsl = {
  readonly aes128Gcm: number;
  readonly aes128Ctr: number;
  readonly sha1: number;
  readonly newCipher: () => number;
  readonly freeCipher: NativeFunction;
  /** `(context, cipher, engine, key, iv)`; zero keeps what the context has. */
  readonly encryptInit: NativeFunction;
  /** `(context, out, outLength, in, inLength)` */
  readonly encryptUpdate: NativeFunction;
  /** `(context, out, outLength)` */
  readonly encryptFinal: NativeFunction;
  readonly decryptInit: NativeFunction;
  readonly decryptUpdate: NativeFunction;
  readonly decryptFinal: NativeFunction;
  /** `(context, command, length, bytes)` */
  readonly control: NativeFunction;
  readonly newHmac: () => number;
  readonly freeHmac: NativeFunction;
  /** `(context, key, keyLength, digest, engine)`; zeros begin anew with the same key. */
  readonly hmacInit: NativeFunction;
  /** `(context, bytes, length)` */
  readonly hmacUpdate: NativeFunction;
  /** `(context, digest, digestLength)` */
  readonly hmacFinal: NativeFunction;
  /** What a failed call leaves behind would be taken for a fault of the next TLS call of this thread. */
  readonly clearErrors: () => number;
};

/** EVP_CTRL_AEAD_GET_TAG */
export const GET_TAG = 0x10;
/** EVP_CTRL_AEAD_SET_TAG */
export const SET_TAG = 0x11;

/** Binds libcrypto, or says why it cannot. Never throws. */
export function openSsl(): { readonly ssl?: OpenSsl; readonly reason: string } {
  const { library, reason } = nativeLibrary();
  if (library === undefined) {
    return { reason };
  }
  try {
    return { ssl: bind(library), reason: '' };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}

function bind(library: NativeLibrary): OpenSsl {
  const p = 'uintptr_t';
  const init = [p, p, p, p, p] as const;
  const update = [p, p, p, p, 'int'] as const;
  const final = [p, p, p] as const;
  return {
    aes128Gcm: library.bind('EVP_aes_128_gcm', p, [])(),
    aes128Ctr: library.bind('EVP_aes_128_ctr', p, [])(),
    sha1: library.bind('EVP_sha1', p, [])(),
    newCipher: library.bind('EVP_CIPHER_CTX_new', p, []),
    freeCipher: library.bind('EVP_CIPHER_CTX_free', 'void', [p]),
    encryptInit: library.bind('EVP_EncryptInit_ex', 'int', init),
    encryptUpdate: library.bind('EVP_EncryptUpdate', 'int', update),
    encryptFinal: library.bind('EVP_EncryptFinal_ex', 'int', final),
    decryptInit: library.bind('EVP_DecryptInit_ex', 'int', init),
    decryptUpdate: library.bind('EVP_DecryptUpdate', 'int', update),
    decryptFinal: library.bind('EVP_DecryptFinal_ex', 'int', final),
    control: library.bind('EVP_CIPHER_CTX_ctrl', 'int', [p, 'int', 'int', p]),
    newHmac: library.bind('HMAC_CTX_new', p, []),
    freeHmac: library.bind('HMAC_CTX_free', 'void', [p]),
    hmacInit: library.bind('HMAC_Init_ex', 'int', [p, p, 'int', p, p]),
    hmacUpdate: library.bind('HMAC_Update', 'int', [p, p, 'size_t']),
    hmacFinal: library.bind('HMAC_Final', 'int', final),
    clearErrors: library.bind('ERR_clear_error', 'void', []),
  };
}
