// SPDX-License-Identifier: Apache-2.0
//
// Seals and opens bytes where they lie, with the ciphers of the BoringSSL that swift-crypto is built
// on. Its Swift interface allocates and copies three times a record, which costs as much as the
// cipher; these are its C entry points, stable since 2014, found at link time by name: where they
// are not (a build without swift-crypto, another system's library), callers use the interface.
#include "ckernels.h"

#if defined(__linux__)
#define WEAK __attribute__((weak))
extern const void *CCryptoBoringSSL_EVP_aead_aes_256_gcm(void) WEAK;
extern const void *CCryptoBoringSSL_EVP_aead_chacha20_poly1305(void) WEAK;
extern void *CCryptoBoringSSL_EVP_AEAD_CTX_new(const void *aead, const uint8_t *key, size_t key_len,
                                               size_t tag_len) WEAK;
extern void CCryptoBoringSSL_EVP_AEAD_CTX_free(void *ctx) WEAK;
extern int CCryptoBoringSSL_EVP_AEAD_CTX_seal(const void *ctx, uint8_t *out, size_t *out_len,
                                              size_t max_out_len, const uint8_t *nonce,
                                              size_t nonce_len, const uint8_t *in, size_t in_len,
                                              const uint8_t *ad, size_t ad_len) WEAK;
extern int CCryptoBoringSSL_EVP_AEAD_CTX_open(const void *ctx, uint8_t *out, size_t *out_len,
                                              size_t max_out_len, const uint8_t *nonce,
                                              size_t nonce_len, const uint8_t *in, size_t in_len,
                                              const uint8_t *ad, size_t ad_len) WEAK;

enum { KEY_BYTES = 32, NONCE_BYTES = 12, TAG_BYTES = 16 };

void *ferry_cipher_new(int is_aes, const uint8_t *key) {
  if (!CCryptoBoringSSL_EVP_aead_aes_256_gcm || !CCryptoBoringSSL_EVP_aead_chacha20_poly1305 ||
      !CCryptoBoringSSL_EVP_AEAD_CTX_new || !CCryptoBoringSSL_EVP_AEAD_CTX_free ||
      !CCryptoBoringSSL_EVP_AEAD_CTX_seal || !CCryptoBoringSSL_EVP_AEAD_CTX_open)
    return NULL;
  return CCryptoBoringSSL_EVP_AEAD_CTX_new(is_aes ? CCryptoBoringSSL_EVP_aead_aes_256_gcm()
                                                  : CCryptoBoringSSL_EVP_aead_chacha20_poly1305(),
                                           key, KEY_BYTES, TAG_BYTES);
}

void ferry_cipher_free(void *cipher) { CCryptoBoringSSL_EVP_AEAD_CTX_free(cipher); }

int ferry_cipher_seal(const void *cipher, const uint8_t *nonce, uint8_t *bytes, size_t count) {
  size_t length = 0;
  return CCryptoBoringSSL_EVP_AEAD_CTX_seal(cipher, bytes, &length, count + TAG_BYTES, nonce,
                                            NONCE_BYTES, bytes, count, NULL, 0) &&
         length == count + TAG_BYTES;
}

int ferry_cipher_open(const void *cipher, const uint8_t *nonce, uint8_t *bytes, size_t count) {
  size_t length = 0;
  return count >= TAG_BYTES &&
         CCryptoBoringSSL_EVP_AEAD_CTX_open(cipher, bytes, &length, count, nonce, NONCE_BYTES, bytes,
                                            count, NULL, 0) &&
         length == count - TAG_BYTES;
}
#else
void *ferry_cipher_new(int is_aes, const uint8_t *key) {
  (void)is_aes, (void)key;
  return NULL;
}
void ferry_cipher_free(void *cipher) { (void)cipher; }
int ferry_cipher_seal(const void *cipher, const uint8_t *nonce, uint8_t *bytes, size_t count) {
  (void)cipher, (void)nonce, (void)bytes, (void)count;
  return 0;
}
int ferry_cipher_open(const void *cipher, const uint8_t *nonce, uint8_t *bytes, size_t count) {
  (void)cipher, (void)nonce, (void)bytes, (void)count;
  return 0;
}
#endif
