// What amounts of money and of other things have in common.
#pragma once

#include <string>
#include <string_view>

namespace loquor::english {

// What follows a slash behind a quantity, as "km" -> " per kilometer"; nothing for nothing.
std::string per(std::string_view rate);

}  // namespace loquor::english
