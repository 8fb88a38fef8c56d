#include "ort/operators.hpp"

#include "ort/operator.hpp"
#include "ort/operators/all.hpp"

namespace loquor::ort {
namespace {

constexpr const char* kDomain = "loquor";

abi::OrtStatus* fill(const abi::OrtApi& table, abi::OrtCustomOpDomain* domain) {
  std::vector<const abi::OrtCustomOp*> all = attention_operators();
  for (const abi::OrtCustomOp* op : attention_weights_operators()) all.push_back(op);
  all.insert(all.end(), {snake_operator(), mish_operator(), convolution_operator(), relative_shift_operator(),
                         block_product_operator(), int16_product_operator(), int16_attention_operator(),
                         widen_operator()});
  for (const abi::OrtCustomOp* op : all) {
    if (abi::OrtStatus* status = table.CustomOpDomain_Add(domain, op)) return status;
  }
  return nullptr;
}

}  // namespace

Handle<abi::OrtCustomOpDomain> make_operators(const Api& api) {
  const char* const doing = "making operators";
  auto domain = api.make<abi::OrtCustomOpDomain>(doing, api->CreateCustomOpDomain, kDomain);
  api.check(fill(api.table(), domain.get()), doing);
  return domain;
}

void* register_operators(void* options, const void* base) {
  const abi::OrtApi* const table = static_cast<const abi::OrtApiBase*>(base)->GetApi(abi::kMinimumApiVersion);
  if (table == nullptr) return nullptr;      // too old: its load of the graph then names the operators
  abi::OrtCustomOpDomain* domain = nullptr;  // never released: nobody tells when the last session has gone
  abi::OrtStatus* status = table->CreateCustomOpDomain(kDomain, &domain);
  if (status == nullptr) status = fill(*table, domain);
  if (status == nullptr)
    status = table->AddCustomOpDomain(static_cast<abi::OrtSessionOptions*>(options), domain);
  return status;
}

}  // namespace loquor::ort
