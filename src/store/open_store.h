#pragma once

#include <arrow/result.h>

#include <memory>
#include <string>

#include "store/s3_store.h"
#include "store/store.h"

namespace cdc::store {

// "s3://bucket" and "s3://bucket/prefix" with `options`, whose bucket and prefix are taken from the
// url; "file:///folder" with its clock only. Anything else is kPermanent and says what a url looks
// like.
arrow::Result<std::unique_ptr<Store>> OpenStore(const std::string& url, S3Options options);

}  // namespace cdc::store
