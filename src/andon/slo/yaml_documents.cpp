#include "andon/slo/yaml_documents.hpp"

#include <yaml-cpp/eventhandler.h>

#include <optional>
#include <sstream>

namespace andon::slo {
namespace {

/// Sees where each document begins.
class beginnings final : public YAML::EventHandler {
public:
  void OnDocumentStart(const YAML::Mark& at) override {
    if (last_ && at.pos <= *last_) throw YAML::ParserException(at, "nothing can stand here");
    last_ = at.pos;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

private:
  std::optional<int> last_;
};

}  // namespace

std::vector<YAML::Node> yaml_documents(const std::string& text) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  beginnings seen;
  while (parser.HandleNextDocument(seen)) {}
  return YAML::LoadAll(text);
}

}  // namespace andon::slo
