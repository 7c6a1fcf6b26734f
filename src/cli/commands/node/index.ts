// `skep node …`
import type { Noun } from "../../command.js";
import { inspect } from "./inspect.js";
import { ls } from "./ls.js";
import { ps } from "./ps.js";
import { rm } from "./rm.js";
import { demote, promote } from "./role.js";
import { update } from "./update.js";

export const node: Noun = {
  name: "node",
  about: "Manage Swarm nodes",
  verbs: [demote, inspect, ls, promote, ps, rm, update],
};
