// Ours and not built: says so and what works instead. Never passed to the engine, never an empty list.

import { SwarmError } from "../../base/index.js";
import { atLeader, type RouteSpec } from "../call.js";

function notYet(what: string, instead: string): () => never {
  return () => {
    throw new SwarmError("Unimplemented", `${what} not built yet: ${instead}`);
  };
}

const asData = "give the data as an environment variable, or mount a file that every node has";
const secrets = notYet("secrets are", asData);
const configs = notYet("configs are", asData);

export const unbuiltRoutes: readonly RouteSpec[] = [
  ...everything("/secrets", secrets),
  ...everything("/configs", configs),
];

function everything(root: string, refuse: () => never): readonly RouteSpec[] {
  return [
    atLeader("GET", root, refuse),
    atLeader("POST", `${root}/create`, refuse),
    atLeader("GET", `${root}/{id}`, refuse),
    atLeader("DELETE", `${root}/{id}`, refuse),
    atLeader("POST", `${root}/{id}/update`, refuse),
  ];
}
