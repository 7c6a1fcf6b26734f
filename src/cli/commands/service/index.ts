// `skep service …`
import type { Noun } from "../../command.js";
import { create } from "./create.js";
import { explain } from "./explain.js";
import { history } from "./history.js";
import { inspect } from "./inspect.js";
import { logs } from "./logs.js";
import { ls } from "./ls.js";
import { plan } from "./plan.js";
import { ps } from "./ps.js";
import { rm } from "./rm.js";
import { rollback } from "./rollback.js";
import { scale } from "./scale.js";
import { update } from "./update.js";

export const service: Noun = {
  name: "service",
  about: "Manage Swarm services",
  verbs: [create, explain, history, inspect, logs, ls, plan, ps, rm, rollback, scale, update],
};
