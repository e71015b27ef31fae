#include "services/epg/domain/xmltv.h"

#include <libxml/HTMLparser.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/ascii.h"
#include "libs/base/status.h"
#include "libs/base/string_map.h"

namespace holdfast::epg {
namespace {

std::string_view Text(const xmlChar* text) {
  return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}

std::string Stripped(std::string_view text) {
  return std::string(absl::StripAsciiWhitespace(absl::string_view(text.data(), text.size())));
}

// libxml2 hands attributes over in runs of five pointers: name, prefix, uri, value, end of value.
std::string Attribute(int count, const xmlChar** attributes, std::string_view name) {
  for (int i = 0; i < count; ++i) {
    const xmlChar** a = attributes + i * 5;
    if (Text(a[0]) == name) return std::string(reinterpret_cast<const char*>(a[3]), a[4] - a[3]);
  }
  return {};
}

std::int64_t LengthSeconds(const std::string& text, std::string_view units) {
  const std::int64_t n = std::atoll(text.c_str());
  if (n <= 0 || n > 1'000'000) return 0;
  return n * (units == "hours" ? 3600 : units == "seconds" ? 1 : 60);
}

// How well a language fits the wish list: smaller is better.
std::size_t LanguageRank(const std::vector<std::string>& wanted, std::string_view offered) {
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (offered == wanted[i] || offered.substr(0, offered.find('-')) == wanted[i]) return i;
  }
  return wanted.size();
}

}  // namespace

struct XmltvReader::Impl {
  XmltvOptions options;
  OnChannel on_channel;
  OnProgramme on_programme;
  XmltvCounts counts;

  xmlParserCtxtPtr context = nullptr;
  absl::Status failure;
  std::vector<std::string> path;  // open elements
  std::string text;               // of the innermost one
  std::string lang, length_units, episode_system;

  bool in_channel = false;
  XmltvChannel channel;
  bool in_programme = false;
  bool programme_usable = false;
  std::string channel_id;
  RawProgramme current;
  std::size_t title_rank = 0, sub_title_rank = 0, description_rank = 0;
  StringMap<std::unique_ptr<xmlEntity>> entities;  // HTML's, made when first seen

  ~Impl() {
    if (context != nullptr) {
      if (context->myDoc != nullptr) xmlFreeDoc(context->myDoc);
      xmlFreeParserCtxt(context);
    }
    for (auto& [name, entity] : entities) {
      xmlFree(const_cast<xmlChar*>(entity->name));
      xmlFree(entity->content);
    }
  }

  void Fail(absl::Status status) {
    if (failure.ok()) failure = std::move(status);
    xmlStopParser(context);
  }

  void Start(std::string_view name, int count, const xmlChar** attributes) {
    if (!failure.ok()) return;
    if (path.size() >= options.max_depth) {
      return Fail(InvalidArgument("line {}: elements are nested deeper than {}",
                                  xmlSAX2GetLineNumber(context), options.max_depth));
    }
    if (path.empty() && name != "tv") {
      return Fail(InvalidArgument("the document is <{}>, not <tv>", name));
    }
    path.emplace_back(name);
    text.clear();
    if (path.size() == 2 && name == "channel") {
      in_channel = true;
      channel = {.id = Attribute(count, attributes, "id")};
    } else if (path.size() == 2 && name == "programme") {
      StartProgramme(count, attributes);
    } else if (in_channel && name == "icon" && channel.icon_url.empty()) {
      channel.icon_url = Attribute(count, attributes, "src");
    } else if (in_programme) {
      lang = Attribute(count, attributes, "lang");
      if (name == "length") length_units = Attribute(count, attributes, "units");
      if (name == "episode-num") episode_system = Attribute(count, attributes, "system");
      if (name == "icon" && path.size() == 3 && current.programme.icon_url.empty()) {
        current.programme.icon_url = Attribute(count, attributes, "src");
      }
    }
  }

  void StartProgramme(int count, const xmlChar** attributes) {
    in_programme = true;
    current = {};
    title_rank = sub_title_rank = description_rank = options.languages.size() + 1;
    channel_id = Attribute(count, attributes, "channel");
    const auto start = ParseXmltvTime(Attribute(count, attributes, "start"), options.default_zone);
    const std::string stop_text = Attribute(count, attributes, "stop");
    const auto stop = ParseXmltvTime(stop_text, options.default_zone);
    programme_usable = false;
    if (channel_id.empty()) {
      ++counts.without_channel;
    } else if (!start || (!stop && !stop_text.empty())) {
      ++counts.bad_times;
    } else {
      programme_usable = true;
      current.programme.start = *start;
      current.programme.stop = stop.value_or(0);
    }
  }

  void TakeBest(std::string& field, std::size_t& best_rank) {
    const std::size_t rank = LanguageRank(options.languages, lang);
    if (rank >= best_rank) return;
    best_rank = rank;
    field = Stripped(text);
  }

  void EndInProgramme(std::string_view name) {
    Programme& p = current.programme;
    if (name == "title") TakeBest(p.title, title_rank);
    if (name == "sub-title") TakeBest(p.sub_title, sub_title_rank);
    if (name == "desc") TakeBest(p.description, description_rank);
    if (name == "category") {
      if (p.category.empty()) p.category = Stripped(text);
      if (p.genre_code == 0) p.genre_code = GenreOf(text);
    }
    if (name == "length") current.length_seconds = LengthSeconds(text, length_units);
    if (name == "director" && p.director.empty()) p.director = Stripped(text);
    if (name == "actor") {
      if (!p.actors.empty()) p.actors += ", ";
      p.actors += Stripped(text);
    }
    if (name == "episode-num" && (p.episode.empty() || episode_system == "xmltv_ns")) {
      p.episode = Stripped(text);
    }
    if (name == "value" && path.size() == 4 && path[2] == "rating" && p.rating.empty()) {
      p.rating = Stripped(text);
    }
  }

  void End(std::string_view name) {
    if (!failure.ok() || path.empty()) return;
    if (in_programme && path.size() > 2) EndInProgramme(name);
    if (in_channel && path.size() == 3 && name == "display-name") {
      channel.names.push_back(Stripped(text));
    }
    if (path.size() == 2 && in_programme) {
      in_programme = false;
      ++counts.programmes;
      if (programme_usable) on_programme(std::move(channel_id), std::move(current));
    } else if (path.size() == 2 && in_channel) {
      in_channel = false;
      ++counts.channels;
      if (!channel.id.empty()) on_channel(std::move(channel));
    }
    path.pop_back();
    text.clear();
  }

  void Characters(const xmlChar* bytes, int length) {
    const std::size_t room = options.max_text_bytes - std::min(options.max_text_bytes, text.size());
    text.append(reinterpret_cast<const char*>(bytes), std::min<std::size_t>(length, room));
  }

  // HTML's named characters occur in feeds without a declaration.
  xmlEntity* Entity(const xmlChar* name) {
    if (xmlEntity* predefined = xmlGetPredefinedEntity(name)) return predefined;
    if (auto* known = Find(entities, Text(name))) return known->get();
    const htmlEntityDesc* html = htmlEntityLookup(name);
    if (html == nullptr) return nullptr;
    xmlChar utf8[8] = {};
    const int length = xmlCopyCharMultiByte(utf8, static_cast<int>(html->value));
    auto entity = std::make_unique<xmlEntity>();
    *entity = {};
    entity->type = XML_ENTITY_DECL;
    entity->name = xmlStrdup(name);
    entity->etype = XML_INTERNAL_PREDEFINED_ENTITY;
    entity->content = xmlStrndup(utf8, length);
    entity->length = length;
    return (entities[std::string(Text(name))] = std::move(entity)).get();
  }

  // The first error that libxml2 met, in words.
  absl::Status Error(std::string_view what) const {
    const xmlError* error = xmlCtxtGetLastError(context);
    if (error == nullptr || error->message == nullptr) return InvalidArgument("{}", what);
    return InvalidArgument("line {}: {}: {}", error->line, what, Stripped(error->message));
  }
};

XmltvReader::XmltvReader(const XmltvOptions& options, OnChannel on_channel,
                         OnProgramme on_programme)
    : impl_(std::make_unique<Impl>()) {
  impl_->options = options;
  impl_->on_channel = std::move(on_channel);
  impl_->on_programme = std::move(on_programme);
  xmlInitParser();

  xmlSAXHandler sax = {};
  sax.initialized = XML_SAX2_MAGIC;
  sax.startElementNs = [](void* self, const xmlChar* name, const xmlChar*, const xmlChar*, int,
                          const xmlChar**, int count, int, const xmlChar** attributes) {
    static_cast<Impl*>(self)->Start(Text(name), count, attributes);
  };
  sax.endElementNs = [](void* self, const xmlChar* name, const xmlChar*, const xmlChar*) {
    static_cast<Impl*>(self)->End(Text(name));
  };
  sax.characters = sax.cdataBlock = [](void* self, const xmlChar* bytes, int length) {
    static_cast<Impl*>(self)->Characters(bytes, length);
  };
  sax.getEntity = [](void* self, const xmlChar* name) {
    return static_cast<Impl*>(self)->Entity(name);
  };
  sax.serror = [](void*, xmlErrorPtr) {};  // read from the context instead of printed
  impl_->context = xmlCreatePushParserCtxt(&sax, impl_.get(), nullptr, 0, nullptr);
  xmlCtxtUseOptions(impl_->context, XML_PARSE_NONET);
}

XmltvReader::~XmltvReader() = default;

absl::Status XmltvReader::Feed(std::string_view bytes) {
  constexpr std::size_t kPiece = 1 << 20;  // libxml2 takes lengths as int
  while (!bytes.empty() && impl_->failure.ok()) {
    const std::string_view piece = bytes.substr(0, kPiece);
    bytes.remove_prefix(piece.size());
    if (xmlParseChunk(impl_->context, piece.data(), static_cast<int>(piece.size()), 0) != 0 &&
        impl_->failure.ok()) {
      impl_->failure = impl_->Error("not XML");
    }
  }
  return impl_->failure;
}

absl::Status XmltvReader::Finish() {
  if (impl_->failure.ok() && xmlParseChunk(impl_->context, nullptr, 0, 1) != 0 &&
      impl_->failure.ok()) {
    impl_->failure = impl_->Error("the document ends early");
  }
  return impl_->failure;
}

const XmltvCounts& XmltvReader::counts() const { return impl_->counts; }

}  // namespace holdfast::epg
