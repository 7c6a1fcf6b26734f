// A real systemd on a host: process 1 of a PID namespace of its own, with no units but ours and the few they name.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { skepProgram } from "./daemon.js";
import { eventually } from "./eventually.js";
import type { Host } from "./host.js";
import type { Resident } from "./namespaces.js";
import { childrenOf, type Result, run } from "./process.js";

export const systemdProgram = "/lib/systemd/systemd";
export const unitFile = resolve("packaging/skep.service");

/** What our unit and systemd itself refer to, empty: the machine's own would start all sorts of things. */
const targets = ["sysinit", "basic", "shutdown", "multi-user", "network-online", "poweroff", "final", "umount", "exit"];

export class Systemd {
  readonly #host: Host;
  readonly #pid: number;

  private constructor(host: Host, pid: number) {
    this.#host = host;
    this.#pid = pid;
  }

  /** Up, with packaging/skep.service as it is; only its program is the one of this checkout. `cgroup` is systemd's own. */
  static async start(host: Host, cgroup: string): Promise<Systemd> {
    const units = layUnits(host);
    const log = join(host.folder, "systemd.log");
    const shell = await host.start(["sh", "-c", boot, "boot", cgroup, units, systemdProgram], log);
    const pid = await firstProcess(shell).catch((error: unknown) => {
      throw new Error(`systemd did not start: ${readFileSync(log, "utf8")}`, { cause: error });
    });
    const systemd = new Systemd(host, pid);
    await eventually(async () => (await systemd.run(["systemctl", "is-system-running"])).stdout.trim() === "running", {
      what: `systemd is up: ${readFileSync(log, "utf8")}`,
      withinMs: 10_000,
    });
    return systemd;
  }

  /** Runs a command beside it; never throws. */
  run(command: readonly string[]): Promise<Result> {
    return run(["nsenter", `--target=${this.#pid}`, "--all", ...command], { mayFail: true });
  }

  async systemctl(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(["systemctl", "--no-pager", ...args]);
    if (code !== 0) throw new Error(`systemctl ${args.join(" ")}: ${stderr}\n${this.#log()}`);
    return stdout.trim();
  }

  /** One property of our unit. */
  show(property: string): Promise<string> {
    return this.systemctl("show", "--value", "--property", property, "skep.service");
  }

  /** Kills the daemon, as a crash does. */
  async crash(): Promise<void> {
    const pid = Number(await this.show("MainPID"));
    // 0 would be everybody in our own process group.
    if (!(pid > 1)) throw new Error(`the unit has no main process: ${pid}`);
    await this.run(["kill", "-9", String(pid)]);
  }

  async skep(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run([...skepProgram, ...args]);
    if (code !== 0) throw new Error(`skep ${args.join(" ")}: ${stderr}`);
    return stdout.trim();
  }

  /** What the daemon said. */
  #log(): string {
    const path = logFile(this.#host);
    return existsSync(path) ? readFileSync(path, "utf8") : "(no log)";
  }
}

function logFile(host: Host): string {
  return join(host.folder, "skep.log");
}

/** $1 its cgroup, $2 its units, $3 the program. Sees only its own part of the cgroups, and a /var/lib of its own. */
const boot = `
set -e
for root in /sys/fs/cgroup /sys/fs/cgroup/*; do
  [ -e $root/cgroup.procs ] || continue
  mkdir -p $root$1
  [ ! -e $root/cpuset.cpus ] || { cat $root/cpuset.cpus > $root$1/cpuset.cpus; cat $root/cpuset.mems > $root$1/cpuset.mems; }
  echo $$ > $root$1/cgroup.procs
done
export container=docker SYSTEMD_UNIT_PATH=$2
exec unshare --pid --fork --kill-child --mount --cgroup --mount-proc sh -ec '
  for root in /sys/fs/cgroup/* /sys/fs/cgroup; do
    [ ! -e $root/cgroup.procs ] || mount --bind $root$1 $root
  done
  mount -t tmpfs tmpfs /var/lib
  exec $2 --system --unit=multi-user.target --log-target=console --show-status=0
' sh $1 $3
`;

function layUnits(host: Host): string {
  const units = join(host.folder, "units");
  mkdirSync(join(units, "skep.service.d"), { recursive: true });
  for (const name of targets) place(units, `${name}.target`, "[Unit]\nDefaultDependencies=no\n");
  place(units, "docker.service", "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=true\n");
  place(units, "skep.service", readFileSync(unitFile, "utf8"));
  const command = [...skepProgram, "daemon", "--name", host.name].join(" ");
  const log = `append:${logFile(host)}`;
  place(
    units,
    "skep.service.d/checkout.conf",
    `[Service]\nExecStart=\nExecStart=${command}\nStandardOutput=${log}\nStandardError=${log}\n`,
  );
  return units;
}

function place(folder: string, name: string, content: string): void {
  writeFileSync(join(folder, name), content);
}

/** The first process of the namespace that `unshare --fork` made, in our numbering. */
async function firstProcess(shell: Resident): Promise<number> {
  const { value } = await eventually(
    () => {
      if (!shell.isAlive) throw new Error("it ended");
      const [pid] = childrenOf(shell.pid);
      return pid !== undefined && readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("systemd") ? pid : undefined;
    },
    { what: "systemd is process 1", withinMs: 10_000 },
  );
  return value;
}

export function hasSystemd(): boolean {
  return existsSync(systemdProgram);
}
