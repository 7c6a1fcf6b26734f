import { expect, test } from "vitest";
import { openMetrics } from "../../src/base/host/index.js";

test("what was counted, set and observed is in the text, by labels", async () => {
  const metrics = openMetrics();
  const sent = metrics.counter("sent_total", "Sent.", ["peer"]);
  sent.add(2, { peer: "1" });
  sent.add(undefined, { peer: "2" });
  sent.add(3, { peer: "1" });
  metrics.counter("plain_total", "Plain.");
  metrics.gauge("size", "Size.").set(1);
  metrics.gauge("size", "Size.").set(7);
  const took = metrics.histogram("took_seconds", "Took.", ["method"]);
  for (const seconds of [0.0001, 0.0002, 0.3, 100]) took.observe(seconds, { method: "GET" });
  const lines = (await metrics.render()).split("\n");
  expect(lines.filter((line) => !line.includes("_bucket"))).toEqual([
    ...["# HELP sent_total Sent.", "# TYPE sent_total counter", 'sent_total{peer="1"} 5', 'sent_total{peer="2"} 1', ""],
    ...["# HELP plain_total Plain.", "# TYPE plain_total counter", "plain_total 0", ""],
    ...["# HELP size Size.", "# TYPE size gauge", "size 7", ""],
    ...["# HELP took_seconds Took.", "# TYPE took_seconds histogram"],
    ...['took_seconds_sum{method="GET"} 100.3003', 'took_seconds_count{method="GET"} 4', ""],
  ]);
  const counts = lines.flatMap(
    (line) => /_bucket\{le="([^"]+)",method="GET"\} (\d+)/.exec(line)?.slice(1).join(" ") ?? [],
  );
  expect(counts).toEqual([
    ...["0.0001 1", "0.0005 2", "0.001 2", "0.0025 2", "0.005 2", "0.01 2", "0.025 2", "0.05 2", "0.1 2", "0.25 2"],
    ...["0.5 3", "1 3", "2.5 3", "5 3", "10 3", "30 3", "60 3", "+Inf 4"],
  ]);
});

test("one name is one kind of instrument", () => {
  const metrics = openMetrics();
  metrics.counter("a_total", "A.");
  expect(() => metrics.gauge("a_total", "A.")).toThrow(/a_total/);
});
