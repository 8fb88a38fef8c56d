// What a call that must fail says, and of which kind it is.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "base/error.hpp"

struct Refusal {
  loquor::ErrorKind kind;
  std::string text;
  bool names(const std::string& part) const { return text.find(part) != std::string::npos; }
};

template <class Call>
Refusal refusal(Call call) {
  try {
    call();
  } catch (const loquor::Error& error) {
    return {error.kind(), error.what()};
  }
  FAIL("nothing was refused");
  return {};
}
