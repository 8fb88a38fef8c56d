// Whether a recording holds speech, and where it begins and pauses: few false alarms, no recogniser.
#pragma once

#include <string>
#include <vector>

#include "base/span.hpp"

namespace loquor {

// The second at which speech begins, from the loudness of each 20 ms; 0 if that cannot be told.
double onset(const std::vector<double>& levels);
// Which of the 20 ms belong to a pause of a second or more.
std::vector<bool> pauses(const std::vector<double>& levels);
// What keeps `samples`, mono at 24 kHz, from being taken for speech, as the end of a sentence; empty if
// nothing does. Speech changes its loudness with each syllable, two to ten times a second, and its spectrum
// with each sound; noise, hum and most music do neither as much (after Scheirer and Slaney, ICASSP 1997).
std::string unlike_speech(Span<const float> samples);

}  // namespace loquor
