/**
 * What a user may ask of the swarm, a file per noun: check, fill in defaults, one transaction of the store.
 *
 * What must stay true:
 * C1  a request is judged inside the transaction that grants it, on exactly what is true then.
 * C2  a write with a version that is older than the last change of the spec is refused: nobody overwrites what they did
 *     not see. Our own bookkeeping (endpoint, update status, node status) does not count as a change.
 * C3  a repeated request (same request id) gets the first answer and changes nothing.
 * C4  what is refused is refused whole, in Docker's words where Docker has words.
 * C5  a spec that differs is a new revision; one that is stored is never changed, so what tasks were made from stays.
 *
 * Start at control.ts; services.ts and update.ts hold most of the rules.
 */
export type { Batch, RowChange, View } from "../../store/index.js";
export { predecessorOf, revisionId, specOf } from "../../store/index.js";
export { type CertificateAuthority, type TokenRotation } from "./cluster.js";
export { Control, type ControlModules, type ControlOptions } from "./control.js";
export { demotionRefusal } from "./demotion.js";
export { findNode, findService, findTask } from "./find.js";
export { historyOf, type KeptRevision } from "./history.js";
export type { ManagerStatus, Membership } from "./membership.js";
export { predefinedNetworks } from "./networks.js";
export type { ServiceWish } from "./services.js";
export { countTasks, type ServiceCounts } from "./status.js";
export type { UpdateOptions } from "./update.js";
export { lostLeadership, noLeaderMessage } from "./write.js";
