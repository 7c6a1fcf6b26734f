// The main job in under a minute, on this machine: hosts come up as real processes, three of them as managers, a service
// spreads over the others, a container, a worker and the leader are killed and all goes on, an update rolls. It stays up until
// Ctrl-C; with --once it checks each step and ends. The exit code is 0 only if all was seen. Whatever happens, nothing is left behind.

import process from "node:process";
import { chooseEngine } from "./demo/engine.js";
import { ready, remove, story } from "./demo/story.js";
import { DemoSwarm } from "./demo/swarm.js";
import { Narrator } from "./demo/tell.js";

const managerNames = ["m1", "m2", "m3"] as const;
const workerNames = ["w1", "w2", "w3"] as const;
/** 128 + SIGINT, as a shell says it. */
const stoppedByHand = 130;

const once = process.argv.includes("--once");
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => stop.abort(new Error("stopped by hand")));
}

const tell = new Narrator(stop.signal);
const engine = await chooseEngine(process.env["DOCKER_HOST"]);
tell.say(engine.says);
const swarm = await DemoSwarm.prepare(engine, { managers: managerNames, workers: workerNames }, stop.signal);
try {
  await story(swarm, tell);
  if (once) await remove(swarm, tell);
  tell.sum();
  if (!once) await ready(swarm, tell);
} catch (error) {
  process.exitCode = stop.signal.aborted ? stoppedByHand : 1;
  const reason = error instanceof Error ? error.message : String(error);
  if (!stop.signal.aborted) console.error(`\nThe demo failed: ${reason}\n${await swarm.lastWords()}`);
} finally {
  tell.say("Cleaning up …");
  console.log(`    ${await swarm.cleanUp()}`);
}
