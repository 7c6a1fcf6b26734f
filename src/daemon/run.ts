// The daemon's life: flags, the data folder and its lock, the engine, the API, the membership; then signals and the end.

import { setMaxListeners } from "node:events";
import { readFileSync } from "node:fs";
import type { Server } from "node:http";
import { openDisk, openLog, openMetrics, systemClock, systemRandom } from "../base/host/index.js";
import { type Log, messageOf } from "../base/index.js";
import { type DockerEngine, type EmbeddedEngine, openEngine, parseEngineAddress } from "../engine/index.js";
import { createPki, preloadPki } from "../manager/ca/host/index.js";
import { type DaemonOptions, parseDaemonFlags, UsageExit } from "./flags.js";
import { type Check, serveHealth } from "./health.js";
import { type LoopLag, lagMaxMs, watchLoopLag } from "./lag.js";
import { LocalNode } from "./node.js";
import { machineIsStopping, notifySystemd } from "./notify.js";
import { writePidfile } from "./pidfile.js";
import { type Api, serveApi } from "./serve-api.js";
import { MemberStarter } from "./start.js";
import { openState, type State } from "./state.js";

declare const SKEP_VERSION: string;

/** A daemon that has not stopped by then is ended. */
const stopMs = 15_000;

const exitCodes = { stopped: 0, refused: 1, fatal: 70 } as const;

/** Runs until a signal or a fatal failure; resolves with the exit code. */
export async function runDaemon(argv: readonly string[]): Promise<number> {
  let options: DaemonOptions;
  try {
    options = parseDaemonFlags(argv);
  } catch (error) {
    return refuse(error);
  }
  const log = openLog({ level: options.logLevel, format: options.logFormat });
  // Every session and stream listens to the one signal that ends the daemon.
  setMaxListeners(0);
  process.on("uncaughtException", (error) => endWithBug(log, error));
  // From the first moment on, so that a signal during the start is not lost: it ends what has just begun, in good order.
  const signalled = untilSignal();
  try {
    const daemon = await Daemon.start(options, log);
    const code = await daemon.run(signalled);
    // The connections to a peer that does not answer (its process is stopped, its link silent) would keep this one for minutes.
    process.exit(code);
  } catch (error) {
    log.error("the daemon did not start", { error: messageOf(error) });
    return exitCodes.refused;
  }
}

/** A bug crashes (principle 7): one line that says where, then the supervisor starts the daemon anew; containers run on. */
function endWithBug(log: Log, error: Error): never {
  const at = error.stack?.split("\n")[1]?.trim() ?? "";
  log.error("the daemon has a bug and ends", { error: error.message, at });
  process.exit(exitCodes.fatal);
}

function refuse(error: unknown): number {
  if (error instanceof UsageExit) {
    (error.exitCode === 0 ? process.stdout : process.stderr).write(`${error.message}\n`);
    return error.exitCode;
  }
  process.stderr.write(`Error: ${messageOf(error)}\n`);
  return exitCodes.refused;
}

interface Parts {
  readonly state: State;
  readonly engine: DockerEngine | EmbeddedEngine;
  readonly node: LocalNode;
  readonly api: Api;
  readonly health: Server | undefined;
  readonly lag: LoopLag;
  readonly removePidfile: (() => Promise<void>) | undefined;
}

class Daemon {
  readonly #log: Log;
  readonly #parts: Parts;
  readonly #fatal: Promise<Error>;

  private constructor(log: Log, parts: Parts, fatal: Promise<Error>) {
    this.#log = log;
    this.#parts = parts;
    this.#fatal = fatal;
  }

  /** The lock first: whoever does not get it touches neither socket nor pid file. */
  static async start(options: DaemonOptions, log: Log): Promise<Daemon> {
    const clock = systemClock;
    const metrics = openMetrics();
    const fatal = newFatal();
    const address = parseEngineAddress(options.engine);
    const state = await openState(options.dataDir, process.pid);
    /** What is open by now, the last first: a start that fails leaves nothing that keeps the process alive. */
    const opened: (() => Promise<void> | void)[] = [() => state.close()];
    try {
      const engine = openEngine(address, { clock, random: systemRandom });
      opened.unshift(() => engine.close());
      const lag = watchLoopLag(clock, metrics);
      opened.unshift(() => lag.stop());
      const version = SKEP_VERSION;
      const starter = new MemberStarter(
        {
          name: options.name,
          advertiseAddr: options.advertiseAddr,
          version,
          bootId: bootId(),
          onFatal: (error) => fatal.report(error),
        },
        {
          ...{ state, engine, clock, log, metrics },
          ...{ disk: openDisk(options.dataDir), pki: createPki(), random: systemRandom },
          answer: (request, over) => api.answer({ ...request, closed: () => over.signal }),
        },
      );
      const node = new LocalNode({ state, starter, version, clock, log });
      const api: Api = await serveApi(options, { address, engine, node, version, clock, log, metrics });
      opened.unshift(() => api.close());
      const health =
        options.metricsAddr && (await serveHealth(options.metricsAddr, { metrics, ...checks(node, lag, fatal) }));
      if (health) opened.unshift(() => void health.close());
      const removePidfile =
        options.pidfile === undefined ? undefined : await writePidfile(options.pidfile, process.pid);
      log.info("daemon started", { version, dataDir: options.dataDir, engine: options.engine });
      return new Daemon(log, { state, engine, node, api, health, lag, removePidfile }, fatal.happened);
    } catch (error) {
      for (const close of opened) await close();
      throw error;
    }
  }

  async run(signalled: Promise<NodeJS.Signals>): Promise<number> {
    const { node } = this.#parts;
    const resumed = node.resume();
    await notifySystemd("READY=1");
    // A node of no swarm is about to make or join one: what that needs is loaded by then.
    if (node.state().local === "inactive") await preloadPki();
    const ended = await Promise.race([signalled, this.#fatal]);
    if (ended instanceof Error) this.#log.error("the daemon cannot go on", { error: ended.message });
    else this.#log.info("daemon stopping", { signal: ended });
    const late = setTimeout(() => {
      this.#log.error("the daemon did not stop in time", { boundMs: stopMs });
      process.exit(exitCodes.fatal);
    }, stopMs);
    await this.#end(await machineIsStopping());
    await resumed;
    clearTimeout(late);
    this.#log.info("daemon stopped");
    return ended instanceof Error ? exitCodes.fatal : exitCodes.stopped;
  }

  async #end(isMachineStopping: boolean): Promise<void> {
    const { node, api, health, engine, state, lag, removePidfile } = this.#parts;
    await notifySystemd("STOPPING=1");
    await node.retire(isMachineStopping);
    await api.close();
    await node.stop();
    health?.close();
    health?.closeAllConnections();
    engine.close();
    lag.stop();
    await removePidfile?.();
    await state.close();
  }
}

function checks(node: LocalNode, lag: LoopLag, fatal: { readonly error: Error | undefined }) {
  return {
    healthy: (): Check => {
      if (fatal.error) return { ok: false, reason: fatal.error.message };
      const failure = node.member?.part.failure;
      if (failure !== undefined) return { ok: false, reason: `the manager is broken: ${failure}` };
      const lagMs = Math.round(lag.lastMs());
      return lagMs < lagMaxMs ? { ok: true } : { ok: false, reason: `the event loop is ${lagMs} ms late` };
    },
    ready: (): Check => {
      const member = node.member;
      if (member === undefined) return { ok: false, reason: `this node is ${node.state().local}` };
      const { part } = member;
      if (part.failure !== undefined) return { ok: false, reason: `the manager is broken: ${part.failure}` };
      if (part.state === "starting") return { ok: false, reason: "the manager is not part of the consensus" };
      if (part.managing?.hasLeader === false) return { ok: false, reason: "the manager has no leader: no quorum?" };
      return member.isConnected ? { ok: true } : { ok: false, reason: "the worker has no session with a manager" };
    },
  };
}

function newFatal() {
  let resolve: (error: Error) => void = () => {};
  const happened = new Promise<Error>((settle) => {
    resolve = settle;
  });
  const fatal: { error: Error | undefined; happened: Promise<Error>; report(error: Error): void } = {
    error: undefined,
    happened,
    report(error) {
      fatal.error ??= error;
      resolve(error);
    },
  };
  return fatal;
}

/** The first signal ends the daemon in good order; a second one at once. */
function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let isFirst = true;
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => {
        if (!isFirst) process.exit(exitCodes.fatal);
        isFirst = false;
        resolve(signal);
      });
    }
  });
}

/** Differs after each restart of the machine. */
function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}
