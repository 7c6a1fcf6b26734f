// Whether this machine can stand up real hosts, and if not, what is missing.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

export type RealHosts = { readonly ok: true } | { readonly ok: false; readonly why: string };

/** Program → Debian package that brings it. */
const programs = {
  dockerd: "docker.io",
  containerd: "containerd",
  iptables: "iptables",
  ip: "iproute2",
  busybox: "busybox-static",
  nsenter: "util-linux",
  unshare: "util-linux",
  setpriv: "util-linux",
  bash: "bash",
  tar: "tar",
} as const;

export const howToGetThem =
  "they need root on Linux and: apt-get install docker.io iproute2 iptables busybox-static; then: sudo npm run test:e2e";

let known: RealHosts | undefined;

/** Looks once. `SKEP_REAL_HOSTS=off` says no, `SKEP_REAL_HOSTS=required` makes a no an error. */
export function realHosts(): RealHosts {
  known ??= process.env["SKEP_REAL_HOSTS"] === "off" ? { ok: false, why: "SKEP_REAL_HOSTS=off" } : look();
  if (!known.ok && process.env["SKEP_REAL_HOSTS"] === "required") {
    throw new Error(`real hosts are required and not possible: ${known.why}; ${howToGetThem}`);
  }
  return known;
}

function look(): RealHosts {
  if (process.platform !== "linux") return { ok: false, why: `this is ${process.platform}, not Linux` };
  if (process.getuid?.() !== 0) return { ok: false, why: "not root" };
  const missing = Object.entries(programs).filter(([program]) => which(program) === undefined);
  if (missing.length > 0)
    return { ok: false, why: `not installed: ${missing.map(([name, pkg]) => `${name} (${pkg})`).join(", ")}` };
  if (isDynamic(which("busybox") ?? "")) return { ok: false, why: "busybox is not the static one (busybox-static)" };
  const tried = spawnSync(
    "unshare",
    ["--pid", "--fork", "--mount", "--net", "--uts", "--ipc", "--mount-proc", "true"],
    { encoding: "utf8" },
  );
  return tried.status === 0 ? { ok: true } : { ok: false, why: `no namespaces here: ${tried.stderr.trim()}` };
}

/** The first file of that name in PATH (and in the sbin folders, which a user's PATH may lack). */
export function which(program: string): string | undefined {
  return whichAll(program)[0];
}

export function whichAll(program: string): string[] {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin", "/usr/bin", "/bin"];
  return [...new Set(folders.map((folder) => join(folder, program)).filter((path) => existsSync(path)))];
}

function isDynamic(path: string): boolean {
  return spawnSync("ldd", [path]).status === 0;
}
