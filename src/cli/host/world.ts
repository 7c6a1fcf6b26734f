// The real world: this process's streams, clock, files, and the sockets of daemons.
import { readFile } from "node:fs";
import { promisify } from "node:util";
import type { Input, Output, World } from "../world.js";
import { openFile, writeSecretFile } from "./files.js";
import { httpTransport } from "./transport.js";

const defaultColumns = 80;

export function realWorld(runDaemon: World["runDaemon"]): World {
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
    openFile,
    writeSecretFile,
    runDaemon,
  };
}

/** Who reads us may leave first (`| head`): that is no error. */
function realOutput(stream: NodeJS.WriteStream): Output {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit();
  });
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

/** The typed characters go into a line editor that shows nothing; Ctrl-C gives up. */
async function readSecret(prompt: string): Promise<string> {
  const [{ createInterface }, { Writable }] = await Promise.all([import("node:readline"), import("node:stream")]);
  process.stderr.write(prompt);
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: unseen, terminal: process.stdin.isTTY === true });
  try {
    return await new Promise((resolve) => {
      lines.once("line", resolve);
      lines.once("close", () => resolve(""));
    });
  } finally {
    lines.close();
    process.stderr.write("\n");
  }
}
