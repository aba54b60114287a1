#pragma once
// Keys, certificates and their files, made on the spot. For tests only.
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

namespace andon::net::testing {

template <auto Free>
struct freed_by {
  void operator()(auto* what) const { Free(what); }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, freed_by<X509_free>>;

struct identity {
  key_ptr key;
  certificate_ptr certificate;
};

inline void add_extension(X509* to, int which, const char* value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, which, value);
  X509_add_ext(to, extension, -1);
  X509_EXTENSION_free(extension);
}

// Signed by `by`, or by itself. `names` as in a configuration file: "DNS:localhost,IP:127.0.0.1".
inline identity make_identity(const char* subject, const char* names, const identity* by, long from_seconds, long to_seconds) {
  identity made{key_ptr(EVP_EC_gen("P-256")), certificate_ptr(X509_new())};
  X509* certificate = made.certificate.get();
  static long serial = 1;
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), from_seconds);
  X509_gmtime_adj(X509_getm_notAfter(certificate), to_seconds);
  X509_set_pubkey(certificate, made.key.get());
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(subject), -1, -1, 0);
  X509_set_issuer_name(certificate, by != nullptr ? X509_get_subject_name(by->certificate.get()) : name);
  if (names != nullptr) add_extension(certificate, NID_subject_alt_name, names);
  else add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
  X509_sign(certificate, by != nullptr ? by->key.get() : made.key.get(), EVP_sha256());
  return made;
}

// A file of its own in the temporary folder, gone with the object.
class pem_file {
public:
  explicit pem_file(const X509* certificate, const EVP_PKEY* key = nullptr) : path_(fresh_path()) { write(certificate, key); }
  pem_file(const pem_file&) = delete;
  pem_file& operator=(const pem_file&) = delete;
  ~pem_file() { std::filesystem::remove(path_); }
  void write(const X509* certificate, const EVP_PKEY* key = nullptr) {
    std::FILE* out = std::fopen(path_.c_str(), "w");
    if (certificate != nullptr) PEM_write_X509(out, const_cast<X509*>(certificate));
    if (key != nullptr) PEM_write_PrivateKey(out, const_cast<EVP_PKEY*>(key), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(out);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

private:
  static std::string fresh_path() {
    static std::atomic<int> made = 0;
    return (std::filesystem::temp_directory_path() / ("andon-pem-" + std::to_string(::getpid()) + "-" + std::to_string(++made))).string();
  }
  std::string path_;
};

constexpr long day = 86'400;

}  // namespace andon::net::testing
