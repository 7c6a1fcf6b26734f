/**
 * Functions over the generated types, which are the model: what a task may become, what a policy means, whether a node
 * fits, how things are called. Must stay true: pure, and one rule in one place; whoever needs a rule of the swarm takes
 * it from here. Start at task.ts.
 */
export {
  type Constraint,
  matcherOf,
  parseConstraints,
  placementConstraints,
  readerOf,
  satisfies,
  satisfiesAll,
} from "./constraints.js";
export * from "./defaults.js";
export * from "./duration.js";
export { type DirtyInput, deepEqual, isDirty } from "./equal.js";
export { type Held, heldBy, nodeName, type Predecessor, stopWaitOf } from "./held.js";
export * from "./image.js";
export { generatedName, validateName } from "./names.js";
export { architectureOf, runsAny } from "./platform.js";
export * from "./policy.js";
export { type PortHolder, refusePortConflicts } from "./port-conflicts.js";
export { withRemovedNode } from "./removed.js";
export * from "./resources.js";
export { spreadOf, spreadPath } from "./spread.js";
export * from "./task.js";
export { clusterName, validateCluster } from "./validation/cluster.js";
export { validateService } from "./validation/service.js";
