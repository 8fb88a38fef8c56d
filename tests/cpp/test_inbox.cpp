// The queue before the engine thread: its bound, its order, and requests that end while they wait.
#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include "engine/inbox.hpp"
#include "fault_injection.hpp"
#include "refusal.hpp"

using namespace loquor;
using namespace loquor::testing;

namespace {

RequestPtr request(const FaultInjection& faults, RequestSpec::Kind kind = RequestSpec::Kind::kSpeech) {
  RequestSpec spec;
  spec.kind = kind;
  return std::make_shared<Request>(std::move(spec), *faults.api, [] {});
}

}  // namespace

TEST_CASE("speech comes by arrival, what is no speech passes it by, and both count against the bound") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  Inbox inbox(3);
  const std::vector<RequestPtr> all = {request(faults), request(faults, RequestSpec::Kind::kDecode),
                                       request(faults)};
  for (const auto& one : all) inbox.submit(one);
  const Refusal busy = refusal([&] { inbox.submit(request(faults, RequestSpec::Kind::kEncode)); });
  CHECK(busy.kind == ErrorKind::kBusy);
  CHECK(busy.names("3 requests wait already"));
  CHECK((inbox.take_whole() == all[1]));
  CHECK((inbox.take_whole() == nullptr));
  CHECK((inbox.first_speech() == all[0]));
  CHECK((inbox.first_speech() == all[0]));
  inbox.take_speech(all[0]);
  CHECK((inbox.first_speech() == all[2]));
}

TEST_CASE("a request that ends while it waits is passed by and makes room, and takes no other with it") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  Inbox inbox(2);
  const auto first = request(faults);
  const auto second = request(faults);
  inbox.submit(first);
  inbox.submit(second);
  const RequestPtr seen = inbox.first_speech();  // the engine thread is about to take it,
  first->cancel();                               // when it is cancelled
  const auto third = request(faults);
  inbox.submit(third);  // and somebody else clears the queue
  inbox.take_speech(seen);
  CHECK_FALSE(seen->begin());
  CHECK((inbox.first_speech() == second));
  inbox.take_speech(second);
  CHECK((inbox.first_speech() == third));
  third->cancel();
  CHECK((inbox.first_speech() == nullptr));
}

TEST_CASE(
    "the bell is heard once for what happened since it was last waited for; closed is heard ever after") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  Inbox inbox(2);
  inbox.ring();
  inbox.ring();
  CHECK(inbox.wait() == Inbox::Wake::kRung);
  inbox.submit(request(faults));
  inbox.close();
  CHECK(inbox.wait() == Inbox::Wake::kRung);  // there is something to do yet
  inbox.take_speech(inbox.first_speech());
  CHECK(inbox.wait() == Inbox::Wake::kClosed);
  CHECK(inbox.wait(std::chrono::milliseconds(1)) == Inbox::Wake::kClosed);
}
