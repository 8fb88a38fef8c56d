// The queue before the engine thread: its bound, its order, and requests that end while they wait.
#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include "engine/inbox.hpp"
#include "refusal.hpp"
#include "shim.hpp"

using namespace loquor;
using namespace loquor::testing;

namespace {

RequestPtr request(const Shim& shim, Order::Kind kind = Order::Kind::kSpeech) {
  Order order;
  order.kind = kind;
  return std::make_shared<Request>(std::move(order), *shim.api, [] {});
}

}  // namespace

TEST_CASE("speech comes by arrival, what is no speech passes it by, and both count against the bound") {
  if (!have_bundles()) return;
  const Shim shim;
  Inbox inbox(3);
  const std::vector<RequestPtr> all = {request(shim), request(shim, Order::Kind::kDecode), request(shim)};
  for (const auto& one : all) inbox.submit(one);
  const Refusal busy = refusal([&] { inbox.submit(request(shim, Order::Kind::kEncode)); });
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
  const Shim shim;
  Inbox inbox(2);
  const auto first = request(shim);
  const auto second = request(shim);
  inbox.submit(first);
  inbox.submit(second);
  const RequestPtr seen = inbox.first_speech();  // the engine thread is about to take it,
  first->cancel();                               // when it is cancelled
  const auto third = request(shim);
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
  const Shim shim;
  Inbox inbox(2);
  inbox.ring();
  inbox.ring();
  CHECK(inbox.wait() == Inbox::Wake::kRung);
  inbox.submit(request(shim));
  inbox.close();
  CHECK(inbox.wait() == Inbox::Wake::kRung);  // there is something to do yet
  inbox.take_speech(inbox.first_speech());
  CHECK(inbox.wait() == Inbox::Wake::kClosed);
  CHECK(inbox.wait(std::chrono::milliseconds(1)) == Inbox::Wake::kClosed);
}
