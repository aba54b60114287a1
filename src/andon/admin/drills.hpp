#pragma once
// What was realised in drills, for those who ask about promises.
#include <boost/json/array.hpp>

namespace andon::admin {

struct services;

/// The newest drill of each kind that measured something, newest first. Any thread; reads the book.
boost::json::array latest_drills(const services& with);

}  // namespace andon::admin
