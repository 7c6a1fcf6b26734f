// A host's engine as one program on it sees it: the engine outlives the program, and what the program asked for happens
// whether or not it lives to hear of it.

import type { Engine } from "../../engine/index.js";
import type { SimProgram } from "./program.js";

/** Told of each call that changes something, as it is made: the verb, then the container's name or id, or the image. */
export type OnEngineCall = (verb: "pull" | "create" | "start" | "stop" | "kill" | "remove", what: string) => void;

export function engineSeenBy(program: SimProgram, engine: Engine, onCall: OnEngineCall): Engine {
  const change = <T>(verb: Parameters<OnEngineCall>[0], what: string, fn: () => Promise<T>): Promise<T> =>
    program.call(() => {
      onCall(verb, what);
      return fn();
    });
  return {
    info: (signal) => program.call(() => engine.info(signal)),
    hasImage: (image, signal) => program.call(() => engine.hasImage(image, signal)),
    pull: (image, auth, onProgress, signal) =>
      change("pull", image, () =>
        engine.pull(image, auth, (progress) => program.isDead || onProgress(progress), signal),
      ),
    create: (name, config, signal) => change("create", name, () => engine.create(name, config, signal)),
    start: (id, signal) => change("start", id, () => engine.start(id, signal)),
    stop: (id, graceSeconds, signal) => change("stop", id, () => engine.stop(id, graceSeconds, signal)),
    kill: (id, signalName, signal) => change("kill", id, () => engine.kill(id, signalName, signal)),
    remove: (id, signal) => change("remove", id, () => engine.remove(id, signal)),
    inspect: (idOrName, signal) => program.call(() => engine.inspect(idOrName, signal)),
    list: (labels, signal) => program.call(() => engine.list(labels, signal)),
    events: (labels, signal) => program.stream(engine.events(labels, signal)),
    logs: (id, options, signal) => program.stream(engine.logs(id, options, signal)),
  };
}
