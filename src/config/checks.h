#pragma once

#include <arrow/status.h>

#include <string>
#include <string_view>
#include <vector>

// What a text value must look like. Invalid says what is wrong and what would be right.
namespace cdc::config {

arrow::Status CheckStart(std::string_view text);  // oldest · now · a time · an LSN
// One name, not a whole connection string, whose password would be shown with it.
arrow::Status CheckHost(std::string_view text);
arrow::Status CheckDriver(std::string_view text);
arrow::Status CheckTargetUrl(std::string_view text);     // s3://bucket[/prefix] · file:///folder
arrow::Status CheckState(std::string_view text);         // file:///folder
arrow::Status CheckEndpoint(std::string_view text);      // http(s)://host[:port]
arrow::Status CheckPathTemplate(std::string_view text);  // known placeholders, {table} among them
arrow::Status CheckLogLevel(std::string_view text);
arrow::Status CheckOnTypeChange(std::string_view text);  // stop · same_folder · new_folder
arrow::Status CheckLogFormat(std::string_view text);     // auto · text · json
arrow::Status CheckEncrypt(std::string_view text);       // auto · yes · no · strict
arrow::Status CheckIntent(std::string_view text);        // ReadWrite · ReadOnly
arrow::Status CheckGroup(std::string_view text);         // letters, digits, - and _
arrow::Status CheckEncryption(std::string_view text);    // AES256 · aws:kms · aws:kms:dsse
arrow::Status CheckStorageClass(std::string_view text);  // STANDARD_IA and the like
arrow::Status CheckAcl(std::string_view text);           // bucket-owner-full-control and the like
arrow::Status CheckAccount(std::string_view text);       // 12 digits
// At most 10 of name=value, each name once, as S3 takes them.
arrow::Status CheckTags(const std::vector<std::string>& tags);
arrow::Status CheckListen(std::string_view text);  // host:port

// Whether a bucket cannot be a part of this endpoint's host name: an address, localhost, a name
// without a dot.
bool IsLocalEndpoint(std::string_view endpoint);

}  // namespace cdc::config
