// What a process has used, as the kernel counts it.

import { readFileSync } from "node:fs";

const ticksPerSecond = 100;

export interface ProcessUse {
  /** User and system. */
  readonly cpuSeconds: number;
  /** The most memory it ever held. */
  readonly peakMiB: number;
}

export function useOf(pid: number): ProcessUse {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
  return { cpuSeconds: ticks / ticksPerSecond, peakMiB: Number(peak?.[1] ?? 0) / 1024 };
}
