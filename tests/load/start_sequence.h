// What a box sends from the moment it is switched on until it shows a picture, step by step, and
// whether each answer is of use to it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast::load {

enum class Verdict {
  kGood,
  kShed,    // refused in a way that boxes get over: 429, 503
  kBroken,  // an answer that a box takes for the truth and that is wrong: it shows nothing
};

struct Answer {
  int status = 0;
  std::string_view body;
  bool gzipped = false;
};

// The address of a box by its number (to 65535), in the range of the boxes that the protocol was
// made for.
std::string MacOf(std::size_t number);

// A value.
class StartSequence {
 public:
  struct Step;  // start_sequence.cpp

  // `channel`: the handle ("cmd") of what it plays. A box that has a token goes on with it.
  StartSequence(std::string mac, std::string channel, std::string token = "");

  static std::size_t steps();

  // Only the last two steps, heartbeat and zap: what a box does that has been on for a while.
  void SkipToPlaying();

  // The same box when it starts once more.
  StartSequence FromTheBeginning() const { return {mac_, channel_, token_}; }

  bool finished() const { return step_ == steps(); }
  std::string_view action() const;
  std::string Request() const;  // of the present step, as it goes over the wire
  // Of the step with that action, whatever the present one is, for another channel.
  std::string RequestOf(std::string_view action, std::string_view channel) const;
  Verdict Take(const Answer& answer);  // kGood moves on
  const std::string& mac() const { return mac_; }
  const std::string& token() const { return token_; }

 private:
  std::string Write(const Step& step, std::string_view channel) const;

  std::string mac_;
  std::string channel_;
  std::string token_;
  std::size_t step_ = 0;
};

}  // namespace holdfast::load
