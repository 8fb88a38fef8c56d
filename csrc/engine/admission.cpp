#include "engine/admission.hpp"

#include <algorithm>

namespace loquor {
namespace {

constexpr int64_t kHostBudget = int64_t{1} << 30;
constexpr int64_t kMostAutomatic = 16;
constexpr int32_t kDeviceSlots = 2;

}  // namespace

int32_t automatic_slots(const CacheCost& cost) {
  if (!cost.host_memory) return kDeviceSlots;
  const int64_t request = std::max<int64_t>(cost.position_bytes * cost.usual_positions, 1);
  return static_cast<int32_t>(std::clamp<int64_t>(kHostBudget / request, 1, kMostAutomatic));
}

Verdict admit(int32_t slots, int32_t under_way, bool fits, bool may_grow) {
  if (under_way >= slots) return Verdict::kWait;
  if (fits) return Verdict::kStart;
  return may_grow || under_way == 0 ? Verdict::kGrowFirst : Verdict::kWait;
}

bool keeps_up(const Load& load) {
  constexpr double kShare = 0.9;
  return load.step_seconds + load.decode_seconds <= kShare * load.seconds_per_code;
}

}  // namespace loquor
