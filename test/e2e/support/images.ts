// Images made on the spot, as nothing can be pulled: a tar of a small file tree, imported into each engine.

import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { which } from "./detect.js";
import type { DockerHttp } from "./http.js";
import { run } from "./process.js";
import { base } from "./run-folder.js";

export interface Image {
  /** With its tag. */
  readonly name: string;
  /** Dockerfile instructions: `CMD […]`, `EXPOSE 80`. */
  readonly changes: readonly string[];
  /** Names the tree; a new tree needs a new recipe. */
  readonly recipe: string;
  /** Fills the empty folder that becomes the image's root. */
  readonly fill: (root: string) => Promise<void>;
}

/** `sh` and the usual small programs. */
export const busybox: Image = {
  name: "busybox:latest",
  changes: ['CMD ["sh"]'],
  recipe: "busybox-1",
  fill: layBusybox,
};

/** Answers `web TAG on HOSTNAME` on port 80; needs next to nothing. */
export function web(tag: string): Image {
  return {
    name: `web:${tag}`,
    changes: ['CMD ["/bin/serve"]', "EXPOSE 80"],
    recipe: `web-${tag}-1`,
    async fill(root) {
      await layBusybox(root);
      // exec, so that the server itself is process 1 and gets the stop signal.
      place(
        root,
        "bin/serve",
        `#!/bin/sh\nmkdir -p /www\necho "web ${tag} on $(hostname)" > /www/index.html\nexec httpd -f -p 80 -h /www\n`,
        0o755,
      );
    },
  };
}

/** A server on Node, as people's own images are: bigger, and it stops on SIGTERM. Answers JSON on port 80. */
export const nodeWeb: Image = {
  name: "node-web:latest",
  changes: ['CMD ["/bin/node", "/server.js"]', "EXPOSE 80"],
  recipe: `node-web-${process.version}-1`,
  async fill(root) {
    await layBusybox(root);
    await layProgram(root, process.execPath, "bin/node");
    place(root, "server.js", NODE_SERVER, 0o644);
  },
};

const NODE_SERVER = `const { createServer } = require("node:http");
const { hostname } = require("node:os");
const server = createServer((req, res) => res.end(JSON.stringify({ host: hostname(), url: req.url }) + "\\n"));
server.listen(80);
process.on("SIGTERM", () => server.close(() => process.exit(0)));
`;

/** Makes `image` known to the engine. */
export async function importImage(engine: DockerHttp, image: Image): Promise<void> {
  const [repo = "", tag = "latest"] = image.name.split(":");
  const query = new URLSearchParams({ fromSrc: "-", repo, tag });
  for (const change of image.changes) query.append("changes", change);
  await engine.ok("POST", `/images/create?${query.toString()}`, { tar: readFileSync(await tarOf(image)) });
}

/** The image's tar; made once per machine and recipe. */
export async function tarOf({ recipe, fill }: Image): Promise<string> {
  const source = statSync(which("busybox") ?? "/bin/busybox");
  const key = createHash("sha256").update(`${recipe} ${source.size} ${source.mtimeMs}`).digest("hex").slice(0, 12);
  const path = join(base, "cache", `${recipe}-${key}.tar`);
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true });
  const work = mkdtempSync(join(base, "cache", "making-"));
  try {
    mkdirSync(join(work, "root"));
    await fill(join(work, "root"));
    await run(["tar", "--owner=0", "--group=0", "-C", join(work, "root"), "-cf", join(work, "image.tar"), "."]);
    renameSync(join(work, "image.tar"), path);
  } finally {
    rmSync(work, { recursive: true });
  }
  return path;
}

export async function layBusybox(root: string): Promise<void> {
  const program = which("busybox");
  if (program === undefined) throw new Error("busybox is not installed");
  for (const folder of ["bin", "etc", "tmp", "root", "var", "proc", "sys", "dev"]) mkdirSync(join(root, folder));
  chmodSync(join(root, "tmp"), 0o1777);
  cpSync(program, join(root, "bin/busybox"));
  chmodSync(join(root, "bin/busybox"), 0o755);
  const { stdout } = await run([program, "--list"]);
  for (const applet of stdout.split("\n").filter((name) => name !== "" && name !== "busybox")) {
    symlinkSync("busybox", join(root, "bin", applet));
  }
  place(root, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n", 0o644);
  place(root, "etc/group", "root:x:0:\nnogroup:x:65534:\n", 0o644);
}

/** Copies a program and the libraries it is linked with. */
export async function layProgram(root: string, program: string, target: string): Promise<void> {
  const { stdout } = await run(["ldd", program], { mayFail: true });
  const libraries = [...stdout.matchAll(/(?:=> )?(\/[^\s]+) \(0x/g)].map(([, path = ""]) => path);
  for (const [from, to] of [[program, target] as const, ...libraries.map((path) => [path, path.slice(1)] as const)]) {
    mkdirSync(dirname(join(root, to)), { recursive: true });
    cpSync(from, join(root, to), { dereference: true });
  }
}

function place(root: string, path: string, content: string, mode: number): void {
  writeFileSync(join(root, path), content);
  chmodSync(join(root, path), mode);
}
