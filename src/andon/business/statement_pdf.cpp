#include <fmt/format.h>
#include <hpdf.h>

#include <memory>

#include "andon/base/json_text.hpp"
#include "andon/business/statement_text.hpp"

namespace andon::business {
namespace {

using words = statement_words;

constexpr float margin = 50, line_height = 1.35F, title_size = 16, heading_size = 12, text_size = 9;
constexpr float cell_gap = 4;

/// Windows-1252 beyond Latin-1: what of it people write.
struct sign { char32_t code; char byte; };
constexpr std::array signs{sign{0x20AC, '\x80'}, sign{0x201A, '\x82'}, sign{0x201E, '\x84'}, sign{0x2026, '\x85'}, sign{0x2030, '\x89'}, sign{0x0160, '\x8A'},
                           sign{0x0152, '\x8C'}, sign{0x017D, '\x8E'}, sign{0x2018, '\x91'}, sign{0x2019, '\x92'}, sign{0x201C, '\x93'}, sign{0x201D, '\x94'},
                           sign{0x2022, '\x95'}, sign{0x2013, '\x96'}, sign{0x2014, '\x97'}, sign{0x2122, '\x99'}, sign{0x0161, '\x9A'}, sign{0x0153, '\x9C'},
                           sign{0x017E, '\x9E'}, sign{0x0178, '\x9F'}};

char in_font(char32_t code) {
  if (code < 0x20) return ' ';
  if (code < 0x7F || (code >= 0xA0 && code <= 0xFF)) return static_cast<char>(code);
  const auto* found = std::ranges::find(signs, code, &sign::code);
  return found == signs.end() ? '?' : found->byte;
}

std::string for_font(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto length = std::max<std::size_t>(utf8_sequence(text), 1);
    const auto lead = static_cast<unsigned char>(text[0]);
    char32_t code = length == 1 ? (lead < 0x80 ? lead : 0xFFFD) : static_cast<char32_t>(lead & (0xFFU >> (length + 1)));
    for (std::size_t i = 1; i < length; ++i) code = (code << 6U) | (static_cast<unsigned char>(text[i]) & 0x3FU);
    out += in_font(code);
    text.remove_prefix(length);
  }
  return out;
}

void note_error(HPDF_STATUS code, HPDF_STATUS detail, void* into) { *static_cast<std::pair<HPDF_STATUS, HPDF_STATUS>*>(into) = {code, detail}; }

/// A document under the pen: lines and tables from top to bottom, a new page when one is full. After an error libharu does
/// nothing more; it is asked for at the end.
class paper {
public:
  explicit paper(std::string foot) : foot_(for_font(foot)), document_(HPDF_New(note_error, &failed_)) {
    if (!document_) return;
    HPDF_SetCompressionMode(document_.get(), HPDF_COMP_NONE);  // a few pages of text, which tools can search
    plain_ = HPDF_GetFont(document_.get(), "Helvetica", "WinAnsiEncoding");
    bold_ = HPDF_GetFont(document_.get(), "Helvetica-Bold", "WinAnsiEncoding");
    turn();
  }
  paper(const paper&) = delete;  // libharu holds the place of failed_

  void about(const std::string& title) {
    HPDF_SetInfoAttr(document_.get(), HPDF_INFO_TITLE, for_font(title).c_str());
    HPDF_SetInfoAttr(document_.get(), HPDF_INFO_CREATOR, "Andon");
  }
  void title(std::string_view text) { write(text, bold_, title_size); }
  void heading(std::string_view text) {
    room(heading_size * 4);
    down(heading_size);
    write(text, bold_, heading_size);
  }
  void text(std::string_view text) { write(text, plain_, text_size); }
  void rows(const words::rows& all) {
    for (const auto& [name, value] : all) table_row({name, value}, {0.2F, 0.8F}, plain_);
  }
  void table(const std::vector<std::string>& head, const std::vector<float>& widths, const std::vector<std::vector<std::string>>& all) {
    room(text_size * 4);
    table_row(head, widths, bold_);
    for (const auto& one : all) table_row(one, widths, plain_);
    down(text_size / 2);
  }

  result<std::string> bytes() {
    if (!document_) return fail(errc::internal, "the PDF could not be begun: not enough memory");
    HPDF_SaveToStream(document_.get());
    HPDF_ResetStream(document_.get());
    std::string out;
    for (bool more = failed_.first == 0; more;) {
      std::array<HPDF_BYTE, 4096> part{};
      auto size = static_cast<HPDF_UINT32>(part.size());
      const auto state = HPDF_ReadFromStream(document_.get(), part.data(), &size);
      out.append(reinterpret_cast<const char*>(part.data()), size);
      more = size > 0 && state == HPDF_OK;
      if (state == HPDF_STREAM_EOF) failed_ = {};
    }
    if (failed_.first != 0) return fail(errc::internal, fmt::format("the PDF could not be made: libharu's error {:#x}, {}", failed_.first, failed_.second));
    return out;
  }

private:
  [[nodiscard]] float width() const { return HPDF_Page_GetWidth(page_) - 2 * margin; }
  void down(float by) { y_ -= by; }
  void room(float height) {
    if (y_ - height < margin) turn();
  }

  void turn() {
    page_ = HPDF_AddPage(document_.get());
    HPDF_Page_SetSize(page_, HPDF_PAGE_SIZE_A4, HPDF_PAGE_PORTRAIT);
    y_ = HPDF_Page_GetHeight(page_) - margin;
    put(fmt::format("{}   page {}", foot_, ++pages_), margin, margin / 2, plain_, 7);
  }

  void put(const std::string& text, float x, float y, HPDF_Font font, float size) {
    HPDF_Page_BeginText(page_);
    HPDF_Page_SetFontAndSize(page_, font, size);
    HPDF_Page_TextOut(page_, x, y, text.c_str());
    HPDF_Page_EndText(page_);
  }

  /// Lines that fit; at blanks where there are some.
  [[nodiscard]] std::vector<std::string> broken(std::string_view text, HPDF_Font font, float size, float room_for) const {
    auto rest = for_font(text);
    std::vector<std::string> out;
    HPDF_Page_SetFontAndSize(page_, font, size);
    while (!rest.empty()) {
      auto fits = static_cast<std::size_t>(HPDF_Page_MeasureText(page_, rest.c_str(), room_for, HPDF_TRUE, nullptr));
      if (fits == 0) fits = HPDF_Page_MeasureText(page_, rest.c_str(), room_for, HPDF_FALSE, nullptr);
      fits = std::clamp<std::size_t>(fits, 1, rest.size());
      out.push_back(rest.substr(0, fits));
      rest.erase(0, fits);
      if (failed_.first != 0) break;
    }
    return out;
  }

  void write(std::string_view text, HPDF_Font font, float size) {
    for (const auto& line : broken(text, font, size, width())) {
      room(size * line_height);
      down(size * line_height);
      put(line, margin, y_, font, size);
    }
  }

  void table_row(const std::vector<std::string>& cells, const std::vector<float>& widths, HPDF_Font font) {
    std::vector<std::vector<std::string>> lines;
    std::size_t most = 1;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      lines.push_back(broken(cells[i], font, text_size, widths[i] * width() - cell_gap));
      most = std::max(most, lines.back().size());
    }
    for (std::size_t n = 0; n < most; ++n) {
      room(text_size * line_height);
      down(text_size * line_height);
      float x = margin;
      for (std::size_t i = 0; i < cells.size(); ++i) {
        if (n < lines[i].size()) put(lines[i][n], x, y_, font, text_size);
        x += widths[i] * width();
      }
    }
  }

  struct closer { void operator()(HPDF_Doc of) const noexcept { HPDF_Free(of); } };
  std::pair<HPDF_STATUS, HPDF_STATUS> failed_{};
  std::string foot_;
  std::unique_ptr<std::remove_pointer_t<HPDF_Doc>, closer> document_;
  HPDF_Font plain_ = nullptr, bold_ = nullptr;
  HPDF_Page page_ = nullptr;
  float y_ = 0;
  int pages_ = 0;
};

void put_line(paper& to, const promise_line& of) {
  to.heading(of.title.empty() ? of.objective : of.title);
  to.text(of.description);
  to.rows(words::numbers(of));
  std::vector<std::vector<std::string>> tiers, causes, days;
  for (const auto& one : of.tiers) tiers.push_back({percent_text(one.below) + " %", percent_text(one.credit) + " %"});
  for (const auto& [why, bad] : of.causes) causes.push_back({words::cause(why), std::to_string(bad)});
  for (const auto& one : of.days)
    days.push_back({one.date, words::count(one.events.good, of.unit), words::count(one.events.total, of.unit), one.events.empty() ? "no data" : attained_text(one.events) + " %",
                    words::count(one.excluded.total, of.unit), std::to_string(one.silent_hours)});
  if (!tiers.empty()) to.table({"when less than this is attained", "credit"}, {0.5F, 0.5F}, tiers);
  if (!causes.empty()) to.table({"what was bad", "events"}, {0.8F, 0.2F}, causes);
  to.table({"day", "good", "all", "attained", "excluded", "hours without events"}, {0.15F, 0.17F, 0.17F, 0.17F, 0.14F, 0.2F}, days);
  to.text("Counted again from the ledger by:");
  for (const auto& one : of.recount) to.text(one);
}

}  // namespace

result<std::string> statement_pdf(const statement& from, std::string_view digest) {
  const auto at = [&](instant when) { return local_text(when, *from.of.zone); };
  paper out(fmt::format("{}   SHA-256 of the JSON: {}", words::title(from), digest));
  out.about(words::title(from));
  out.title(words::title(from));
  out.text(words::state(from));
  out.rows(words::facts(from));
  out.text(from.of.description);
  out.heading("Promises");
  std::vector<std::vector<std::string>> lines, excluded, incidents;
  for (const auto& one : from.lines)
    lines.push_back({one.title.empty() ? one.objective : one.title, percent_text(one.promised) + " %", words::attained(one), words::verdict(one), percent_text(one.credit) + " %"});
  out.table({"objective", "promised", "attained", "verdict", "credit"}, {0.4F, 0.15F, 0.15F, 0.15F, 0.15F}, lines);
  for (const auto& one : from.remarks) out.text(one);
  for (const auto& one : from.lines) put_line(out, one);
  out.heading("Times that do not count");
  for (const auto& one : from.excluded) excluded.push_back({at(one.from), at(one.to), one.reason, one.objective.empty() ? "the agreement" : one.objective});
  if (excluded.empty()) out.text("None.");
  else out.table({"from", "to", "reason", "of"}, {0.23F, 0.23F, 0.34F, 0.2F}, excluded);
  out.heading("Incidents");
  for (const auto& one : from.incidents) incidents.push_back({one.id, one.title, one.severity, at(one.opened), one.resolved ? at(*one.resolved) : one.state});
  if (incidents.empty()) out.text("None.");
  else out.table({"incident", "what", "severity", "opened", "over"}, {0.1F, 0.32F, 0.12F, 0.23F, 0.23F}, incidents);
  out.text(from.of.notes);
  return out.bytes();
}

}  // namespace andon::business
