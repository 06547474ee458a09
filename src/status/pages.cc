#include "status/pages.h"

#include "status/metrics.h"
#include "status/page.h"
#include "status/verdict.h"

namespace cdc::status {

Pages PagesOf(Board& board) {
  return [&board](const std::string& path) -> Page {
    if (path == "/metrics") return {200, kMetricsType, Metrics(board.Take()), ""};
    if (path == "/healthz") {
      const Verdict verdict = Judge(board.Take());
      return {verdict.healthy ? 200 : 503, "application/json", verdict.json, ""};
    }
    if (path == "/") return StatusPage(board.Take());
    if (path == "/status.json") return {200, "application/json", StatusJson(board.Take()), ""};
    return {404, "text/plain; charset=utf-8",
            "there is / and /status.json, /metrics and /healthz\n", ""};
  };
}

}  // namespace cdc::status
