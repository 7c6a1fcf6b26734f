// The base of the container that plays a host: this machine's own Docker Engine, iptables and Node, each with the libraries it is
// linked with, on busybox. Nothing is pulled.

import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { which } from "./detect.js";
import { busybox, type Image, layBusybox, layProgram, tarOf } from "./images.js";
import { run } from "./process.js";

const programs = [
  "dockerd",
  "containerd",
  "containerd-shim-runc-v2",
  "runc",
  "docker-proxy",
  "docker",
  "ip",
  "nft",
  "mount",
];
const iptablesNames = [
  "iptables",
  "iptables-save",
  "iptables-restore",
  "ip6tables",
  "ip6tables-save",
  "ip6tables-restore",
];

export const baseImage: Image = {
  name: "skep-base:latest",
  changes: ['CMD ["sh"]'],
  recipe: "skep-base-1",
  async fill(root) {
    await layBusybox(root);
    for (const program of programs) await layFound(root, program);
    await layProgram(root, process.execPath, "usr/bin/node");
    await layIptables(root);
    for (const folder of ["images", "var/run", "var/log", "var/lib", "opt", "usr/sbin"])
      mkdirSync(join(root, folder), { recursive: true });
    cpSync(await tarOf(busybox), join(root, "images/busybox.tar"));
  },
};

/** Before busybox's applets of the same name in PATH: /usr/local/sbin. */
async function layFound(root: string, program: string): Promise<void> {
  const path = which(program);
  if (path === undefined) throw new Error(`${program} is not installed`);
  await layProgram(root, path, `usr/local/sbin/${program}`);
}

/** One program under many names, and the matches and targets it loads. */
async function layIptables(root: string): Promise<void> {
  const multi = which("xtables-nft-multi");
  if (multi === undefined) throw new Error("xtables-nft-multi (iptables) is not installed");
  await layProgram(root, multi, "usr/local/sbin/xtables-nft-multi");
  for (const name of iptablesNames) symlinkSync("xtables-nft-multi", join(root, "usr/local/sbin", name));
  const { stdout } = await run(["sh", "-c", "ls -d /usr/lib/*/xtables /usr/lib/xtables 2>/dev/null | head -1"]);
  const modules = stdout.trim();
  if (!existsSync(modules)) throw new Error("iptables' modules were not found");
  mkdirSync(join(root, dirname(modules)), { recursive: true });
  cpSync(modules, join(root, modules), { recursive: true });
  if (readdirSync(join(root, modules)).length === 0) throw new Error("iptables has no modules");
}
