import type { Clock, Log, Random } from "../base/index.js";
import type { Engine } from "../engine/index.js";
import type { TaskStatus } from "../gen/skep/v1/objects.js";
import type { NodeFacts } from "./container/facts.js";
import type { Gate } from "./gate.js";
import type { Images } from "./images.js";

/** What every task of a node shares. */
export interface TaskWorld {
  readonly engine: Engine;
  readonly images: Images;
  /** Creates and starts; the bound suits the engine. */
  readonly starts: Gate;
  /** Stops and removals: they never wait for starts. */
  readonly stops: Gate;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly nodeId: string;
  /** What the engine says of the node; before it ever answered there is nothing to create a container with. */
  readonly node: () => NodeFacts;
  /** A task's new status, to be stored and then told to the leader. */
  readonly report: (taskId: string, status: TaskStatus) => void;
  /** The engine gave no answer. */
  readonly engineSilent: () => void;
}
