#include "andon/base/secret.hpp"

#include <string.h>

namespace andon {

void secret::wipe() noexcept {
  text_.resize(text_.capacity());  // short texts live inside the object: cover the whole capacity
  explicit_bzero(text_.data(), text_.size());
  text_.clear();
}

}  // namespace andon
