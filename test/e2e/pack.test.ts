// What `npm pack` makes can be installed on its own and has a `skep` command that runs.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "./support/process.js";

test("npm pack makes a package that installs and runs", async () => {
  const folder = mkdtempSync(join(tmpdir(), "skep-pack-"));
  try {
    const { stdout } = await run(["npm", "pack", "--json", "--pack-destination", folder], { timeoutMs: 120_000 });
    const packed = (JSON.parse(stdout.slice(stdout.indexOf("[\n"))) as readonly Packed[])[0];
    if (packed === undefined) throw new Error(`npm pack made nothing: ${stdout}`);
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining(["LICENSE", "README.md", "bin/skep.js", "package.json", "packaging/skep.service"]),
    );
    expect(paths.filter((path) => /^(src|test|bench|scripts|node_modules)\//.test(path))).toEqual([]);
    await run(["npm", "install", "--prefix", folder, "--omit=dev", "--prefer-offline", join(folder, packed.filename)], {
      timeoutMs: 120_000,
    });
    const help = await run([join(folder, "node_modules/.bin/skep"), "--help"]);
    expect(help.stdout).toContain("swarm");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}
