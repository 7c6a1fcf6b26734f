/**
 * The allocator: grants a new task what it needs of the cluster before a node is chosen. Today that is nothing but the
 * look-up of node-local networks; addresses, virtual IPs and ports come with the network data plane.
 *
 * Must stay true: a task leaves NEW only through here, with everything granted or nothing; what holds it back is said in
 * `task.wait`. Start at allocator.ts; grant.ts decides.
 */
export { Allocator, type AllocatorModules } from "./allocator.js";
