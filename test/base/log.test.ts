import { expect, it } from "vitest";
import { openLog } from "../../src/base/host/index.js";

const cases: readonly [string, Record<string, unknown>, string][] = [
  ["leader elected", { term: 5, node: "h2" }, "INFO  leader elected term=5 node=h2"],
  ["task failed", { exit: 137, why: "out of memory" }, 'INFO  task failed exit=137 why="out of memory"'],
  ["empty", { text: "" }, 'INFO  empty text=""'],
  ["nested", { list: [1, 2] }, "INFO  nested list=[1,2]"],
  ["quotes", { text: 'say "x"=y' }, 'INFO  quotes text="say \\"x\\"=y"'],
];

it.each(cases)("a text line reads at 3 a.m.: %s", (message, fields, expected) => {
  const lines: string[] = [];
  openLog({ level: "info", format: "text", write: (line) => lines.push(line) }).info(message, fields);
  expect(lines.map((line) => line.replace(/^\S+ /, ""))).toEqual([`${expected}\n`]);
});

it("JSON lines carry level, time and fields of the parent", () => {
  const lines: string[] = [];
  const log = openLog({ level: "warn", format: "json", write: (line) => lines.push(line) }).with({ node: "h1" });
  log.info("not shown");
  log.warn("shown", { port: 1 });
  expect(lines.map((line) => ({ ...(JSON.parse(line) as object), time: "T" }))).toEqual([
    { level: "warn", time: "T", node: "h1", port: 1, msg: "shown" },
  ]);
});
