// A library that passes itself off as ONNX Runtime; built once for each way of being the wrong one.
#include "ort/abi.hpp"

using namespace loquor::ort::abi;

#ifdef _WIN32
#define FAKE_EXPORT extern "C" __declspec(dllexport)
#else
#define FAKE_EXPORT extern "C" __attribute__((visibility("default")))
#endif

namespace {

uint32_t highest_asked = 0;

// A status that says something else than it was made to say, as when slots have moved.
OrtStatus* ORT_API_CALL create_status(OrtErrorCode, const char*) {
  static int status = 0;
  return reinterpret_cast<OrtStatus*>(&status);
}
OrtErrorCode ORT_API_CALL get_error_code(const OrtStatus*) { return ORT_NOT_IMPLEMENTED; }
const char* ORT_API_CALL get_error_message(const OrtStatus*) { return "garbage"; }
void ORT_API_CALL release_status(OrtStatus*) {}

const OrtApi* ORT_API_CALL get_api(uint32_t version) {
  if (version > highest_asked) highest_asked = version;
  static OrtApi table{};
  table.CreateStatus = create_status;
  table.GetErrorCode = get_error_code;
  table.GetErrorMessage = get_error_message;
  table.ReleaseStatus = release_status;
  return FAKE_HAS_TABLE ? &table : nullptr;
}

const char* ORT_API_CALL get_version_string() { return FAKE_VERSION; }

}  // namespace

FAKE_EXPORT const OrtApiBase* ORT_API_CALL OrtGetApiBase() {
  static const OrtApiBase base{get_api, get_version_string};
  return FAKE_HAS_BASE ? &base : nullptr;
}

// The highest table version that anybody asked this library for; 0 when nobody did.
FAKE_EXPORT uint32_t fake_runtime_highest_asked() { return highest_asked; }
