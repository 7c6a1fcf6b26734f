// `skep swarm …`
import type { Noun } from "../../command.js";
import { ca } from "./ca.js";
import { init } from "./init.js";
import { join } from "./join.js";
import { joinToken } from "./join-token.js";
import { leave } from "./leave.js";
import { unlock, unlockKey } from "./unlock.js";
import { update } from "./update.js";

export const swarm: Noun = {
  name: "swarm",
  about: "Manage Swarm",
  verbs: [ca, init, join, joinToken, leave, unlock, unlockKey, update],
};
