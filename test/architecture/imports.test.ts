import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { areaOf, mayImport, type Violation, violations } from "./rules.js";
import { fromsSeen, readSources, sourceFile } from "./source.js";

const root = fileURLToPath(new URL("../../src", import.meta.url));
const files = readSources(root);

describe("the source tree", () => {
  test("keeps the rules of the house", () => {
    expect(violations(files)).toEqual([]);
  });

  test("was seen: files, areas and every import statement", () => {
    expect(files.length).toBeGreaterThan(40);
    const unknown = files
      .map(({ path }) => areaOf(path))
      .filter((area) => mayImport[area.replace(/\/.*/, "/*")] === undefined);
    expect(unknown).toEqual([]);
    const missed = files.filter(
      ({ path, imports }) => imports.length !== fromsSeen(readFileSync(`${root}/${path}`, "utf8")),
    );
    expect(missed.map(({ path }) => path)).toEqual([]);
    expect(files.flatMap(({ imports }) => imports).length).toBeGreaterThan(60);
  });
});

describe("a planted violation is found", () => {
  const planted: readonly { readonly title: string; readonly tree: Record<string, string>; readonly says: RegExp }[] = [
    {
      title: "an area that may not be imported",
      tree: { "store/a.ts": 'import { x } from "../scheduler/index.js";' },
      says: /store\/a\.ts imports scheduler\/index\.ts: store may not import scheduler/,
    },
    {
      title: "one part of the manager importing another",
      tree: { "manager/ca/a.ts": 'import type { x } from "../control/index.js";' },
      says: /manager\/ca may not import manager\/control/,
    },
    {
      title: "the cli importing code of the API",
      tree: { "cli/a.ts": 'import { x } from "../api/types.js";' },
      says: /cli may not import api/,
    },
    {
      title: "a multi-line import past the index",
      tree: { "worker/a.ts": 'import {\n  x,\n  type Y,\n} from "../engine/bounds.js";' },
      says: /worker\/a\.ts imports engine\/bounds\.ts: areas are entered through their index/,
    },
    {
      title: "node: in a core",
      tree: { "raft/core/a.ts": 'import { readFile } from "node:fs/promises";' },
      says: /raft\/core\/a\.ts imports node:fs\/promises/,
    },
    {
      title: "a side-effect import",
      tree: { "store/a.ts": 'import "node:fs";' },
      says: /store\/a\.ts imports node:fs/,
    },
    { title: "a dynamic import", tree: { "store/a.ts": 'const x = await import("level");' }, says: /imports level/ },
    { title: "a re-export", tree: { "store/a.ts": 'export * from "pino";' }, says: /imports pino/ },
    { title: "a clock read in a core", tree: { "scheduler/a.ts": "const t = Date.now();" }, says: /uses Date\.now\(/ },
    { title: "a timer in a core", tree: { "worker/a.ts": "setTimeout(f, 10);" }, says: /uses setTimeout\(/ },
    {
      title: "a core importing an edge",
      tree: { "worker/a.ts": 'import { x } from "../base/host/index.js";' },
      says: /only an edge may import an edge/,
    },
    {
      title: "gRPC outside rpc",
      tree: { "daemon/a.ts": 'import * as g from "@grpc/grpc-js";' },
      says: /only rpc speaks gRPC/,
    },
    {
      title: "a generated service outside rpc",
      tree: { "worker/a.ts": 'import type { S } from "../gen/skep/v1/ca_service.js";' },
      says: /only rpc speaks gRPC/,
    },
    {
      title: "raft importing the model's messages",
      tree: { "raft/a.ts": 'import { Task } from "../gen/skep/v1/objects.js";' },
      says: /raft may not import gen/,
    },
    {
      title: "a cycle between areas",
      tree: {
        "model/a.ts": 'import { x } from "../base/index.js";',
        "base/b.ts": 'import { y } from "../model/index.js";',
      },
      says: /base imports itself over other areas/,
    },
    { title: "a long file", tree: { "store/a.ts": "x;\n".repeat(401) }, says: /store\/a\.ts has 401 lines/ },
    {
      title: "an index without its paragraph",
      tree: { "store/index.ts": "export {};" },
      says: /opens without the paragraph/,
    },
  ];

  test.each(planted)("$title", ({ tree, says }) => {
    expect(check(tree).join("\n")).toMatch(says);
  });
});

describe("what is allowed passes", () => {
  const allowed: readonly { readonly title: string; readonly tree: Record<string, string> }[] = [
    {
      title: "a type-only import of the API's shapes",
      tree: { "cli/a.ts": 'import type { x } from "../api/types.js";' },
    },
    { title: "node: in a host folder", tree: { "worker/network/host/a.ts": 'import { x } from "node:net";' } },
    { title: "an import spelled in a comment", tree: { "store/a.ts": '// import { x } from "node:fs";' } },
    { title: "an import spelled in a string", tree: { "store/a.ts": 'const s = "Date.now()";' } },
    { title: "time given as a value", tree: { "api/a.ts": "const d = new Date(ms); this.clock.now();" } },
    { title: "the daemon binding an edge", tree: { "daemon/a.ts": 'import { d } from "../engine/docker/index.js";' } },
  ];

  test.each(allowed)("$title", ({ tree }) => {
    expect(check(tree)).toEqual([]);
  });
});

function check(tree: Readonly<Record<string, string>>): Violation[] {
  return violations(Object.entries(tree).map(([path, text]) => sourceFile(path, text)));
}
