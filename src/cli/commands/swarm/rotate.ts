// The query of POST /swarm/update: what is to be made anew besides the spec.
import type { Query } from "../../client.js";

export type Rotation = "WorkerToken" | "ManagerToken" | "ManagerUnlockKey";

export function rotateQuery(version: number, what?: Rotation): Query {
  return {
    rotateManagerToken: what === "ManagerToken",
    rotateManagerUnlockKey: what === "ManagerUnlockKey",
    rotateWorkerToken: what === "WorkerToken",
    version,
  };
}
