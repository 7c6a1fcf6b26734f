// Programs of the machine, run for their output.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

export interface Result {
  /** Exit code; 128 + n when a signal ended it, as a shell says it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** The command is killed and the call fails after this; 60 s when absent. */
  readonly timeoutMs?: number;
  /** Return a non-zero exit as a result; otherwise it throws. */
  readonly mayFail?: boolean;
}

/** Runs to the end; a failure's message holds the command and all it said. */
export function run(command: readonly string[], options: RunOptions = {}): Promise<Result> {
  const [program = "", ...args] = command;
  const timeoutMs = options.timeoutMs ?? 60_000;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "pipe", env: { ...process.env, ...options.env } });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      for (const pid of [...childrenOf(child.pid), child.pid]) kill(pid, "SIGKILL");
    }, timeoutMs);
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.stdin.on("error", () => {}); // a program may end before it read its input; its exit code tells
    child.stdin.end(options.input);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const result = {
        code: code ?? 128 + (signal === "SIGKILL" ? 9 : 15),
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
      };
      if (isLate) reject(new Error(`still running after ${timeoutMs} ms: ${describe(command, result)}`));
      else if (result.code !== 0 && options.mayFail !== true) reject(new Error(describe(command, result)));
      else resolve(result);
    });
  });
}

function describe(command: readonly string[], { code, stdout, stderr }: Result): string {
  return `${command.join(" ")}: exit ${code}\n${stdout}${stderr}`.trimEnd();
}

/** Process ids of the direct children, in this process's own numbering. */
export function childrenOf(pid: number | undefined): readonly number[] {
  if (pid === undefined) return [];
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(/\s+/).filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** Sends a signal; a process that is gone is no error. */
export function kill(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** When a process began (clock ticks since boot): with its pid it names it for good. Undefined when it is gone. */
export function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
