#pragma once
#include <string_view>

namespace andon::llm::detail {

std::string_view price_data();  ///< prices.tsv, embedded

}  // namespace andon::llm::detail
