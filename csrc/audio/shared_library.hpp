// A library of the system that is opened where it is first needed: what runs without it does not depend on
// it.
#pragma once

#include <initializer_list>
#include <string>

namespace loquor {

// Stays loaded for the life of the process.
class SharedLibrary {
 public:
  // The first of `files` that the system's loader has. `purpose` and `advice` are parts of a sentence. Throws
  // kRuntimeMissing.
  SharedLibrary(const char* purpose, std::initializer_list<const char*> files, const char* advice);

  // `to` is a pointer to the function's type, as its header declares it. Throws kRuntimeMissing.
  template <class Function>
  void find(const char* name, Function*& to) const {
    to = reinterpret_cast<Function*>(symbol(name));
  }

 private:
  void* symbol(const char* name) const;

  void* handle_ = nullptr;
  std::string file_;
};

}  // namespace loquor
