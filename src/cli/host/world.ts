// The real world: this process's streams, clock, files, and the sockets of daemons.
import { readFile, writeSync } from "node:fs";
import { promisify } from "node:util";
import type { Input, Output, World } from "../world.js";
import { runDaemon } from "./daemon.js";
import { httpTransport } from "./transport.js";

const defaultColumns = 80;

export function realWorld(): World {
  return {
    env: process.env,
    stdin: realInput(),
    stdout: realOutput(process.stdout),
    stderr: realOutput(process.stderr),
    transport: httpTransport(),
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep,
    onInterrupt,
    readFile: (path) => promisify(readFile)(path, "utf8"),
    runDaemon,
  };
}

/** Written at once where the system takes it: output must not be lost when the process exits. */
function realOutput(stream: NodeJS.WriteStream): Output {
  return {
    isTerminal: stream.isTTY === true,
    columns: stream.columns ?? defaultColumns,
    write: (text) => {
      stream.write(text);
    },
  };
}

function realInput(): Input {
  return {
    isTerminal: process.stdin.isTTY === true,
    readAll: async () => {
      let all = "";
      for await (const chunk of process.stdin.setEncoding("utf8")) all += String(chunk);
      return all;
    },
    readSecret,
  };
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason as Error);
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

function onInterrupt(callback: () => void): () => void {
  process.on("SIGINT", callback);
  return () => process.off("SIGINT", callback);
}

/** On a terminal the typed characters stay unseen; from a pipe it is the first line. */
async function readSecret(prompt: string): Promise<string> {
  const { createInterface } = await import("node:readline");
  writeSync(process.stderr.fd, prompt);
  const hidden = process.stdin.isTTY === true;
  if (hidden) process.stdin.setRawMode(true);
  try {
    return await new Promise((resolve) => {
      const lines = createInterface({ input: process.stdin, terminal: false });
      let typed = "";
      lines.on("line", (line) => {
        typed = line;
        lines.close();
      });
      lines.on("close", () => resolve(typed));
    });
  } finally {
    if (hidden) process.stdin.setRawMode(false);
    writeSync(process.stderr.fd, "\n");
  }
}
