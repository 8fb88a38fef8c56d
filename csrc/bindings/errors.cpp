// Status codes become the classes of loquor.errors.
#include "bindings/bindings.hpp"

namespace loquor::bindings {
namespace {

const char* class_name(loquor_status status) {
  switch (status) {
    case LOQUOR_CANCELLED:
      return "RequestCancelledError";
    case LOQUOR_ERROR_INVALID_INPUT:
      return "InvalidInputError";
    case LOQUOR_ERROR_RUNTIME_MISSING:
      return "RuntimeMissingError";
    case LOQUOR_ERROR_MODEL:
      return "ModelError";
    case LOQUOR_ERROR_EXECUTION:
      return "ExecutionError";
    case LOQUOR_ERROR_BUSY:
      return "BusyError";
    case LOQUOR_ERROR_CLOSED:
      return "EngineClosedError";
    case LOQUOR_OK:
    case LOQUOR_DONE:
    case LOQUOR_PENDING:
    case LOQUOR_ERROR_INTERNAL:
      break;
  }
  return "LoquorError";
}

}  // namespace

void bind_errors(nb::module_&) {
  nb::register_exception_translator([](const std::exception_ptr& pending, void*) {
    try {
      std::rethrow_exception(pending);
    } catch (const StatusError& error) {
      const nb::object type = nb::module_::import_("loquor.errors").attr(class_name(error.status()));
      PyErr_SetString(type.ptr(), error.what());
    }
  });
}

}  // namespace loquor::bindings
