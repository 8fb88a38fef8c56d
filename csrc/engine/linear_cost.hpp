// What one kind of work takes by its size, learnt while it is done: some seconds however small it is, and
// some for each unit. No clock.
#pragma once

namespace loquor {

class LinearCost {
 public:
  struct Line {
    double fixed = 0;
    double each = 0;

    double of(double size) const { return fixed + each * size; }
  };

  // A piece of work of `size` > 0 took `seconds`. The newest counts most, one of ten pieces ago a third of
  // it.
  void learn(double size, double seconds);
  bool known() const { return weight_ > 0; }
  // Nothing before the first piece; in proportion to the size while all were of about the same.
  const Line& line() const { return line_; }

 private:
  double weight_ = 0;  // sums, each weighted by age
  double sizes_ = 0;
  double seconds_ = 0;
  double squares_ = 0;
  double products_ = 0;
  Line line_;
};

}  // namespace loquor
