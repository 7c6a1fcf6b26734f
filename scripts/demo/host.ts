// One host of the demo: a real daemon with a data folder and a socket of its own, and the `skep` command that talks to it.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { open, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { call } from "./http.js";

const program = resolve("bin/skep.js");
const startMs = 10_000;
const commandMs = 60_000;

export interface HostOptions {
  readonly name: string;
  /** host:port of its node-to-node port. */
  readonly address: string;
  /** Where its data, socket and log lie. */
  readonly folder: string;
  /** What `skep daemon --engine` gets. */
  readonly engine: string;
  /** Ends the commands that run. */
  readonly signal: AbortSignal;
}

export class Host {
  readonly name: string;
  readonly address: string;
  readonly socket: string;
  readonly #options: HostOptions;
  #daemon: ChildProcess | undefined;

  constructor(options: HostOptions) {
    this.#options = options;
    this.name = options.name;
    this.address = options.address;
    this.socket = join(options.folder, `${options.name}.sock`);
  }

  get isUp(): boolean {
    return this.#daemon !== undefined && this.#daemon.exitCode === null && this.#daemon.signalCode === null;
  }

  /** Starts the daemon and waits until it answers; answers how long that took, in ms. */
  async start(): Promise<number> {
    const { name, folder, engine, signal } = this.#options;
    const from = performance.now();
    const log = await open(this.#logFile, "a");
    const flags = ["--name", name, "--data-dir", join(folder, name), "--host", `unix://${this.socket}`];
    // Not of the terminal's group: Ctrl-C is for the demo, which ends its daemons itself, and then their containers.
    this.#daemon = spawn(process.execPath, [program, "daemon", ...flags, "--engine", engine], {
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
    });
    await log.close();
    while (!(await this.#answers())) {
      signal.throwIfAborted();
      if (!this.isUp || performance.now() - from > startMs) {
        throw new Error(`the daemon of ${name} did not come up:\n${await this.logTail()}`);
      }
      await pause(10);
    }
    return performance.now() - from;
  }

  /** Runs `skep …` against this host and returns its standard output. */
  skep(...args: readonly string[]): Promise<string> {
    const all = [program, "-H", `unix://${this.socket}`, ...args];
    return new Promise((done, fail) => {
      execFile(process.execPath, all, { timeout: commandMs, signal: this.#options.signal }, (error, stdout, stderr) => {
        if (error) fail(new Error(`skep ${args.join(" ")}: ${stderr.trim() || error.message}`));
        else done(stdout);
      });
    });
  }

  /** kill -9; resolves when the process is gone. */
  async kill(): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === undefined || !this.isUp) return;
    const gone = new Promise((done) => daemon.once("exit", done));
    daemon.kill("SIGKILL");
    await gone;
  }

  async logTail(): Promise<string> {
    const text = await readFile(this.#logFile, "utf8").catch(() => "(no log)");
    return text.trimEnd().split("\n").slice(-15).join("\n");
  }

  get #logFile(): string {
    return join(this.#options.folder, `${this.name}.log`);
  }

  #answers(): Promise<boolean> {
    return call(this.socket, "GET", "/_ping").then(
      () => true,
      () => false,
    );
  }
}
