#pragma once
// Texts for tests and benchmarks of token counting.
#include <string_view>

namespace andon::llm::passages {

inline constexpr std::string_view english =
    "When a customer asks why an invoice is higher than expected, first look up the account and compare the last two billing "
    "periods. Explain every line that changed, in plain language, and mention the date from which the new price applies. If the "
    "difference comes from a plan they didn't choose, apologise once, offer to reverse it, and don't promise a refund before the "
    "finance team has confirmed it; otherwise say what would have kept the amount at $49.90 per month. ";
inline constexpr std::string_view code =
    "template <class Iterator>\nIterator partition_point(Iterator first, Iterator last, auto predicate) {\n  auto length = std::distance(first, last);\n"
    "  while (length > 0) {\n    const auto half = length / 2;\n    Iterator middle = std::next(first, half);\n    if (predicate(*middle)) {\n"
    "      first = ++middle;\n      length -= half + 1;\n    } else {\n      length = half;  // keep the left part\n    }\n  }\n  return first;\n}\n\n"
    "def load_config(path: str, *, strict: bool = True) -> dict[str, Any]:\n    with open(path, encoding=\"utf-8\") as handle:\n        return json.load(handle)\n";
inline constexpr std::string_view chinese =
    "当客户询问为什么本月的账单比预期高时，请先查找账户，并比较最近两个结算周期的费用。用通俗易懂的语言解释每一项变化，并说明新价格从哪一天开始生效。"
    "如果差额来自客户没有选择的套餐，请道歉一次，并主动提出撤销；在财务部门确认之前，不要承诺退款。";

}  // namespace andon::llm::passages
