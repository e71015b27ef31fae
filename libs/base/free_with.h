// Ends what a C library made: std::unique_ptr<SSL, FreeWith<SSL_free>>.
#pragma once

namespace holdfast {

template <auto Function>
struct FreeWith {
  template <class T>
  void operator()(T* object) const {
    Function(object);
  }
};

}  // namespace holdfast
