// The trace of `service create --replicas 3`, stage by stage, compared as a whole with the one docs/trace.md tells.
// UPDATE_TRACE=1 writes it there; read the difference before you keep it.

import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { TaskState } from "../../src/gen/skep/v1/objects.js";
import { SimCluster } from "../../src/sim/cluster/index.js";

const page = new URL("../../docs/trace.md", import.meta.url);
const block = /```trace\n([\s\S]*?)```/;

test("the trace of `service create --replicas 3` is the one the docs tell", async () => {
  const trace = await traceOfCreate();
  const text = readFileSync(page, "utf8");
  if (process.env["UPDATE_TRACE"])
    writeFileSync(
      page,
      text.replace(block, () => `\`\`\`trace\n${trace}\`\`\``),
    );
  else expect(block.exec(text)?.[1]).toBe(trace);
  process.stdout.write(trace);
});

async function traceOfCreate(): Promise<string> {
  const cluster = await SimCluster.start({ hosts: 3 });
  await cluster.advance(1_000 - cluster.clock.monotonic());
  const { trace } = cluster;
  trace.begin();
  trace.say("user", "service create --name web --replicas 3 nginx");
  await cluster.do(cluster.user.create({ name: "web", replicas: 3, image: "nginx" }));
  trace.say("user", "is answered: web");
  const running = () => cluster.tasks("web").filter(({ status }) => status?.state === TaskState.RUNNING);
  await cluster.eventually("three are RUNNING", () => running().length === 3, 5_000);
  trace.say("user", "service ps web");
  for (const { id, nodeId, status } of running()) {
    trace.say("", `${id}  on ${nodeId}: ${status?.message}`);
  }
  return `${trace.lines.join("\n")}\n`;
}
